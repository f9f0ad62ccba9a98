//! The client against a server with scripted responses, one per connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::auth::Auth;
use super::profile::{Principal, SignIn, Tokens};
use super::records::Find;
use super::{Account, ApiError, Client, Limits, RetryPolicy, Why};
use crate::dial::{AddressPolicy, Dialer};
use crate::secret::Secret;

/// Longer than any response of these tests takes.
const AMPLE: Duration = Duration::from_secs(20);

#[derive(Clone)]
enum Answer {
    /// A complete response; `content-length` is added.
    Complete(&'static str, String),
    /// Sends these bytes, and then closes the connection.
    Bytes(Vec<u8>),
    /// A response without a length, whose body never ends.
    Endless,
    /// No response.
    Hang,
}

fn ok(body: &str) -> Answer {
    Answer::Complete("HTTP/1.1 200 OK", body.to_owned())
}

fn status(line: &'static str, body: &str) -> Answer {
    Answer::Complete(line, body.to_owned())
}

struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&requests);
        tokio::spawn(async move {
            for answer in script {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let request = answer_one(stream, answer).await;
                record.lock().unwrap().push(request);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn client(&self) -> Client {
        client(&self.url, limits())
    }
}

/// Reads one request, answers it and returns it.
async fn answer_one(mut stream: TcpStream, answer: Answer) -> String {
    let request = read_request(&mut stream).await;
    match answer {
        Answer::Complete(head, body) => {
            let text = format!(
                "{head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(text.as_bytes()).await;
        }
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Answer::Endless => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                .await;
            while stream.write_all(&[b'['; 4096]).await.is_ok() {}
        }
        Answer::Hang => {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1]).await;
            });
        }
    }
    request
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0_usize);
            if body.len() >= length {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return text;
        }
    }
}

fn limits() -> Limits {
    Limits {
        first_byte: AMPLE,
        total: AMPLE,
        call: AMPLE,
        body: 64 * 1024,
        retry: RetryPolicy {
            retries: 2,
            base: Duration::from_millis(1),
            cap: Duration::from_millis(1),
            budget: Duration::from_millis(500),
        },
    }
}

fn client(url: &str, limits: Limits) -> Client {
    let account = Account {
        url: url.to_owned(),
        org: "my-org".to_owned(),
        auth: Auth {
            tokens: Tokens {
                token: Some(Secret::new("token-one")),
                refresh_token: Some(Secret::new("refresh-one")),
                ..Tokens::default()
            },
            ..Auth::default()
        },
    };
    Client::with_limits(&account, Dialer::new(AddressPolicy::Local), limits).unwrap()
}

/// The error of `get_record` from a server with this script, and the requests that it got.
async fn get_error(script: Vec<Answer>) -> (ApiError, Vec<String>) {
    let server = Server::start(script).await;
    let result = server.client().get_record("contact", "1").await;
    (result.unwrap_err(), server.requests())
}

/// The same for `create_record`.
async fn create_error(script: Vec<Answer>) -> (ApiError, Vec<String>) {
    let server = Server::start(script).await;
    let result = server.client().create_record("contact", &json!({})).await;
    (result.unwrap_err(), server.requests())
}

/// Why no response came.
fn cause(error: &ApiError) -> &Why {
    match error {
        ApiError::Unreachable { source, .. } => source,
        other => panic!("{other}"),
    }
}

const RECORD: &str = r#"{"sk":"contact-1","datatype":"contact","data":{"amount": 10.00}}"#;

#[tokio::test]
async fn a_call_sends_org_token_and_the_encoded_id() {
    let server = Server::start(vec![ok(RECORD)]).await;
    let record = server
        .client()
        .get_record("contact", "a/b ü?")
        .await
        .unwrap();
    assert_eq!(record.id(), "contact-1");
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("GET /repository/get/contact/a%2Fb%20%C3%BC%3F HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\norgid: my-org\r\n"), "{request}");
    assert!(
        request.contains("\r\nauthorization: Bearer token-one\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn the_json_of_a_record_is_unchanged() {
    let server = Server::start(vec![ok(RECORD)]).await;
    let record = server.client().get_record("contact", "1").await.unwrap();
    assert_eq!(record.raw().get(), RECORD);
}

#[tokio::test]
async fn an_id_that_would_change_the_path_is_not_sent() {
    for id in ["", ".", ".."] {
        let error = client("http://127.0.0.1:9", limits())
            .get_record("contact", id)
            .await
            .unwrap_err();
        assert!(matches!(error, ApiError::BadName { .. }), "{id}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_its_body() {
    let server = Server::start(vec![
        status(
            "HTTP/1.1 308 Permanent Redirect\r\nlocation: /v2/create",
            "",
        ),
        ok(RECORD),
    ])
    .await;
    let made = server
        .client()
        .create_record("contact", &json!({"a": 1}))
        .await
        .unwrap();
    assert!(made.is_some());
    let second = server.requests().remove(1);
    assert!(second.starts_with("PUT /v2/create HTTP/1.1"), "{second}");
    assert!(
        second.ends_with(r#"{"datatype":"contact","isNew":true,"data":{"a":1}}"#),
        "{second}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_followed() {
    let other = Server::start(vec![ok(RECORD)]).await;
    let location = format!("HTTP/1.1 302 Found\r\nlocation: {}/x", other.url);
    let (error, _) = get_error(vec![status(location.leak(), "")]).await;
    assert!(
        matches!(&error, ApiError::ForeignRedirect { to, .. } if *to == other.url),
        "{error}"
    );
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_to_a_login_page_is_named_and_not_followed() {
    let login = status("HTTP/1.1 302 Found\r\nlocation: /login?next=/x", "");
    let (error, requests) = get_error(vec![login.clone()]).await;
    assert_eq!(
        error.to_string(),
        "the server redirects to /login (302) instead of answering"
    );
    assert_eq!(requests.len(), 1);
    let (error, requests) = create_error(vec![login]).await;
    assert!(matches!(error, ApiError::LoginRedirect { .. }), "{error}");
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn a_redirect_that_would_drop_the_body_is_an_error() {
    for line in [
        "HTTP/1.1 302 Found\r\nlocation: /v2/create",
        "HTTP/1.1 303 See Other\r\nlocation: /v2/create",
    ] {
        let (error, requests) = create_error(vec![status(line, "")]).await;
        assert!(matches!(error, ApiError::RedirectedBody { .. }), "{error}");
        assert_eq!(requests.len(), 1);
    }
}

#[tokio::test]
async fn a_call_with_all_its_tries_ends_at_its_time_limit() {
    let server = Server::start(vec![
        status("HTTP/1.1 503 Busy\r\nretry-after: 1", ""),
        Answer::Hang,
    ])
    .await;
    let limits = Limits {
        call: Duration::from_millis(30),
        retry: RetryPolicy {
            budget: AMPLE,
            ..limits().retry
        },
        ..limits()
    };
    let error = client(&server.url, limits)
        .get_record("contact", "1")
        .await
        .unwrap_err();
    assert!(matches!(cause(&error), Why::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_response_that_is_not_json_is_described() {
    let login = "<html><title>Sign in</title>";
    let (error, _) = get_error(vec![ok(login)]).await;
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(why, "it is an HTML page, \"Sign in\"");
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let round = status("HTTP/1.1 302 Found\r\nlocation: /again", "");
    let (error, requests) = get_error(vec![round; 10]).await;
    assert!(matches!(error, ApiError::RedirectLoop { .. }), "{error}");
    assert_eq!(requests.len(), 6);
}

#[tokio::test]
async fn a_body_over_the_limit_is_an_error() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n".to_vec();
    for response in [Answer::Endless, Answer::Bytes(announced)] {
        let (error, _) = get_error(vec![response]).await;
        assert!(matches!(error, ApiError::TooLarge { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_platform_that_never_answers_times_out() {
    let server = Server::start(vec![Answer::Hang]).await;
    let mut limits = limits();
    limits.first_byte = Duration::from_millis(20);
    limits.retry.retries = 0;
    let error = client(&server.url, limits)
        .get_record("contact", "1")
        .await
        .unwrap_err();
    assert!(matches!(cause(&error), Why::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_refused_connection_on_loopback_is_not_retried() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = client(&format!("http://{free}"), Limits::DEFAULT)
        .whoami()
        .await
        .unwrap_err();
    assert!(matches!(cause(&error), Why::Refused), "{error}");
}

#[tokio::test]
async fn a_call_is_repeated_after_a_503() {
    let busy = status("HTTP/1.1 503 Service Unavailable", "");
    let server = Server::start(vec![busy.clone(), busy, ok(RECORD)]).await;
    assert!(server.client().get_record("contact", "1").await.is_ok());
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_retry_after_longer_than_the_budget_ends_the_call() {
    let busy = status("HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600", "");
    let (error, requests) = get_error(vec![busy, ok(RECORD)]).await;
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(3600)));
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn a_creation_is_not_repeated_after_a_gateway_error() {
    let lost = status("HTTP/1.1 504 Gateway Timeout", "");
    let (error, requests) = create_error(vec![lost, ok(RECORD)]).await;
    assert_eq!(error.refusal().unwrap().status, 504);
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn only_reads_are_repeated_after_a_broken_connection() {
    let cut = Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{".to_vec());
    let server = Server::start(vec![cut.clone(), ok(RECORD)]).await;
    assert!(server.client().get_record("contact", "1").await.is_ok());
    let (error, _) = create_error(vec![cut, ok(RECORD)]).await;
    assert!(matches!(cause(&error), Why::Broken(_)), "{error}");
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let expired = status(
        "HTTP/1.1 401 Unauthorized",
        r#"{"statusCode":401,"message":"expired","code":"token_expired"}"#,
    );
    let renewed = ok(r#"{"token":"token-two"}"#);
    let server = Server::start(vec![expired, renewed, ok(RECORD)]).await;
    let client = server.client();
    assert!(client.get_record("contact", "1").await.is_ok());
    let requests = server.requests();
    assert!(
        requests[1].starts_with("POST /profile/user/refresh"),
        "{}",
        requests[1]
    );
    assert!(!requests[1].contains("authorization:"), "{}", requests[1]);
    assert!(
        requests[1].ends_with(r#"{"refreshToken":"refresh-one","refresh_token":"refresh-one"}"#),
        "{}",
        requests[1]
    );
    assert!(
        requests[2].contains("authorization: Bearer token-two"),
        "{}",
        requests[2]
    );
    let tokens = client.renewed_tokens().unwrap();
    assert_eq!(tokens.refresh_token.unwrap().reveal(), "refresh-one");
}

#[tokio::test]
async fn a_wrong_token_is_not_renewed() {
    let wrong = status("HTTP/1.1 401 Unauthorized", r#"{"message":"no"}"#);
    let (error, requests) = get_error(vec![wrong, ok(RECORD)]).await;
    assert_eq!(error.refusal().unwrap().status, 401);
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn a_sign_in_sends_no_token_and_later_calls_send_the_new_one() {
    let server = Server::start(vec![
        ok(r#"{"token":"token-two","refreshToken":"r","user":{"sk":"user-1"}}"#),
        ok(r#"{"sk":"user-1"}"#),
    ])
    .await;
    let client = server.client();
    let answer = client
        .sign_in(Principal::User, "dev@evt.local", &Secret::new("dev"))
        .await
        .unwrap();
    assert!(matches!(answer, SignIn::Done(_)), "{answer:?}");
    client.whoami().await.unwrap();
    let requests = server.requests();
    assert!(!requests[0].contains("authorization:"), "{}", requests[0]);
    assert!(
        requests[1].contains("authorization: Bearer token-two"),
        "{}",
        requests[1]
    );
}

#[tokio::test]
async fn an_empty_response_to_a_creation_is_not_an_error() {
    let server = Server::start(vec![ok("")]).await;
    let made = server
        .client()
        .create_record("contact", &json!({}))
        .await
        .unwrap();
    assert!(made.is_none());
}

#[tokio::test]
async fn a_record_is_created_with_post_where_put_is_refused() {
    let refused = status("HTTP/1.1 405 Method Not Allowed", r#"{"message":"no"}"#);
    let server = Server::start(vec![refused, ok(RECORD)]).await;
    let made = server.client().create_record("contact", &json!({})).await;
    assert!(made.unwrap().is_some());
    let requests = server.requests();
    assert!(
        requests[0].starts_with("PUT /repository/create "),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].starts_with("POST /repository/create "),
        "{}",
        requests[1]
    );
}

#[tokio::test]
async fn a_response_that_is_not_json_is_unreadable() {
    for body in ["<html>".to_owned(), "[".repeat(30_000)] {
        let (error, _) = get_error(vec![ok(&body)]).await;
        assert!(matches!(error, ApiError::Unreadable { .. }), "{error}");
    }
}

#[tokio::test]
async fn without_has_next_a_full_page_means_that_there_is_another() {
    let one = format!("[{RECORD},{RECORD}]");
    let server = Server::start(vec![ok(&one), ok(&one)]).await;
    let client = server.client();
    for (page_size, expected) in [(2, true), (3, false)] {
        let find = Find {
            page_size,
            ..Find::default()
        };
        let page = client.find_records("contact", &find).await.unwrap();
        assert_eq!(page.has_next, expected, "{page_size}");
    }
}

#[test]
fn only_http_urls_without_credentials_and_query_are_accepted() {
    for url in [
        "",
        "127.0.0.1:4870",
        "ftp://a.test",
        "http://",
        "http://u:p@a.test",
        "http://a.test/?x",
        "http://a.test/#x",
    ] {
        let account = Account {
            url: url.to_owned(),
            org: "my-org".to_owned(),
            auth: Auth::default(),
        };
        let error = Client::new(&account, Dialer::new(AddressPolicy::Local)).unwrap_err();
        assert!(matches!(error, ApiError::BadUrl { .. }), "{url}: {error}");
        assert!(!error.to_string().contains("u:p"), "{error}");
    }
}
