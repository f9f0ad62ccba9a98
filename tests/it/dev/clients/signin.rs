//! Sign-in, error bodies and what browsers need.

use super::super::wire::Platform;
use super::{client, read};

const JSON: &str = "orgid: my-org\ncontent-type: application/json";

/// The JavaScript client and the web stores show `error`; the Dart client shows `message`.
#[test]
fn the_sentence_of_a_refusal_is_in_error_and_in_message() {
    let platform = Platform::start();
    let head = format!("POST /profile/customer/signin\n{JSON}");
    let refused = client(
        &platform,
        &head,
        r#"{"email":"a@example.com","password":"guess"}"#,
    );
    let body = refused.json();
    assert_eq!(refused.status, 401);
    assert_eq!(body["error"], body["message"]);
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .contains("password is wrong"),
        "{body}"
    );
}

#[test]
fn a_user_signs_in_and_reads_the_token() {
    let platform = Platform::start();
    let head = format!("POST /profile/user/signin\n{JSON}");
    let body = read(
        &platform,
        &head,
        r#"{"email":"dev@evt.local","password":"dev"}"#,
    );
    assert!(body["token"].is_string(), "{body}");
}
