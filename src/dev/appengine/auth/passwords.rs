//! Passwords of users and customers: a record that is written with one stores only its hash, outside of the record.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::{Map, Value};

use crate::dev::host::random_bytes;
use crate::flow::RecordError;
use crate::store::{StoreError, Tx, passwords};

/// Memory of one hash in KiB, and passes over it. A hash takes milliseconds, because it is computed inside a commit.
const MEMORY: u32 = 4 * 1024;
const PASSES: u32 = 2;
/// Maximum length of a password in bytes.
const MAX_LENGTH: usize = 1024;
/// Minimum length of a password at sign-up, in characters.
const MIN_LENGTH: usize = 8;
const FIELD: &str = "password";

/// What happens to the stored hash of a record.
pub(crate) enum Change {
    Set(String),
    Remove,
}

/// Takes the password out of the data of a user or customer. `null` removes the stored one.
///
/// # Errors
/// [`RecordError::Refused`] for a password that is not a string, or is too long.
pub(crate) fn take(
    datatype: &str,
    data: &mut Map<String, Value>,
) -> Result<Option<Change>, RecordError> {
    if !matches!(datatype, "user" | "customer") {
        return Ok(None);
    }
    match data.shift_remove(FIELD) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Change::Remove)),
        Some(Value::String(password)) if password.len() <= MAX_LENGTH => {
            Ok(Some(Change::Set(hash(&password)?)))
        }
        Some(_) => Err(refused(format!(
            "`data.{FIELD}` accepts a string of at most {MAX_LENGTH} bytes"
        ))),
    }
}

/// Stores a change in the commit that writes the record.
pub(crate) fn store(
    tx: &Tx<'_>,
    org: &str,
    datatype: &str,
    sk: &str,
    change: Option<Change>,
) -> Result<(), StoreError> {
    match change {
        None => Ok(()),
        Some(Change::Set(hash)) => passwords::set(tx, org, datatype, sk, &hash),
        Some(Change::Remove) => passwords::remove(tx, org, datatype, sk),
    }
}

/// Whether a hash is that of this password.
pub(super) fn matches(password: &str, hash: &str) -> bool {
    let parsed = PasswordHash::new(hash);
    password.len() <= MAX_LENGTH
        && parsed.is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Checks the password of a sign-up. Returns a sentence for the user if it is not accepted.
pub(super) fn check(password: &str, email: &str) -> Result<(), String> {
    if password.chars().count() < MIN_LENGTH {
        return Err(format!(
            "the password needs at least {MIN_LENGTH} characters"
        ));
    }
    if password.len() > MAX_LENGTH {
        return Err(format!("the password has at most {MAX_LENGTH} bytes"));
    }
    if password.eq_ignore_ascii_case(email) {
        return Err("the password must not be the email address".to_owned());
    }
    Ok(())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, 1, None).expect("the parameters are within limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, RecordError> {
    let failed = |error| refused(format!("the password cannot be hashed: {error}"));
    let salt = SaltString::encode_b64(&random_bytes()[..16]).map_err(failed)?;
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(failed)
}

fn refused(reason: String) -> RecordError {
    RecordError::Refused { reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(datatype: &str, data: Value) -> (Result<Option<Change>, RecordError>, Value) {
        let mut data = data.as_object().cloned().unwrap();
        (take(datatype, &mut data), data.into())
    }

    #[test]
    fn a_password_becomes_a_hash_that_only_it_matches() {
        let (change, rest) = taken("user", json!({"email": "a@b.c", "password": "secret"}));
        let Ok(Some(Change::Set(hash))) = change else {
            panic!("no hash");
        };
        assert_eq!(rest, json!({"email": "a@b.c"}));
        assert!(hash.starts_with("$argon2id$") && !hash.contains("secret"));
        assert!(matches("secret", &hash));
        assert!(!matches("Secret", &hash) && !matches("secret", "no hash"));
    }

    #[test]
    fn only_users_and_customers_have_passwords() {
        let (change, rest) = taken("wifi", json!({"password": "x"}));
        assert!(matches!(change, Ok(None)) && rest == json!({"password": "x"}));
        assert!(taken("user", json!({"password": 5})).0.is_err());
        let long = "x".repeat(MAX_LENGTH + 1);
        assert!(taken("customer", json!({ "password": long })).0.is_err());
    }
}
