//! The second factor: sign-ins that wait for a code, and devices that need none.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::tokens::Principal;
use crate::dev::host::random_bytes;
use crate::dev::host::refusal::Refusal;
use crate::dev::host::token::Purpose;

/// Lifetime of a challenge, by real time.
const LIFETIME: Duration = Duration::from_secs(600);
/// Wrong codes after which a challenge ends.
const TRIES: u8 = 5;
/// Maximum number of challenges, and of trusted devices. The oldest ends when there are more.
const MAX: usize = 1000;
/// The methods by which a code can be sent.
const METHODS: [&str; 3] = ["email", "sms", "authenticator"];

/// A sign-in that waits for its code.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) principal: Principal,
    pub(super) purpose: Purpose,
    pub(super) method: &'static str,
    pub(super) code: String,
    device: Option<Device>,
}

/// A digest of what identifies a device.
type Device = [u8; 32];

struct Challenge {
    token: String,
    waiting: Waiting,
    wrong: u8,
    until: Instant,
}

/// Open challenges and trusted devices. They end with the process.
#[derive(Default)]
pub(crate) struct Challenges {
    open: Mutex<VecDeque<Challenge>>,
    trusted: Mutex<VecDeque<(String, Device)>>,
}

impl Challenges {
    /// Starts a challenge with a new code, which the caller sends. Returns its token.
    pub(super) fn start(
        &self,
        principal: &Principal,
        purpose: Purpose,
        headers: &HeaderMap,
    ) -> (String, Waiting) {
        let token = URL_SAFE_NO_PAD.encode(random_bytes());
        let waiting = self.add(token.clone(), principal, purpose, device(headers));
        (token, waiting)
    }

    /// Starts a sign-in by passcode, and ends an earlier one of the account.
    pub(super) fn start_passcode(&self, principal: &Principal, purpose: Purpose) -> Waiting {
        let token = account(principal, purpose);
        self.open().retain(|challenge| challenge.token != token);
        self.add(token, principal, purpose, None)
    }

    /// Ends a sign-in by passcode; see [`Challenges::finish`].
    pub(super) fn finish_passcode(
        &self,
        principal: &Principal,
        purpose: Purpose,
        code: &str,
    ) -> Result<Waiting, Refusal> {
        self.finish(&account(principal, purpose), code, false)
    }

    fn add(
        &self,
        token: String,
        principal: &Principal,
        purpose: Purpose,
        device: Option<Device>,
    ) -> Waiting {
        let waiting = Waiting {
            principal: principal.clone(),
            purpose,
            method: METHODS[0],
            code: random_code(),
            device,
        };
        let mut open = self.open();
        if open.len() == MAX {
            open.pop_front();
        }
        open.push_back(Challenge {
            token,
            waiting: waiting.clone(),
            wrong: 0,
            until: Instant::now() + LIFETIME,
        });
        waiting
    }

    /// The challenge whose code the caller sends again, by another method if one is given.
    pub(super) fn resend(&self, token: &str, method: Option<&str>) -> Result<Waiting, Refusal> {
        let method = match method {
            None => None,
            Some(text) => Some(
                METHODS
                    .into_iter()
                    .find(|known| *known == text)
                    .ok_or_else(|| {
                        Refusal::bad_request("bad_field", "`method` is email, sms or authenticator")
                    })?,
            ),
        };
        let mut open = self.open();
        let challenge = find(&mut open, token)?;
        challenge.waiting.method = method.unwrap_or(challenge.waiting.method);
        Ok(challenge.waiting.clone())
    }

    /// Ends a challenge with its code. After a wrong code it stays open for a few more tries.
    pub(super) fn finish(&self, token: &str, code: &str, trust: bool) -> Result<Waiting, Refusal> {
        let mut open = self.open();
        let challenge = find(&mut open, token)?;
        let is_right = code == challenge.waiting.code;
        if !is_right {
            challenge.wrong += 1;
            if challenge.wrong < TRIES {
                return Err(Refusal::unauthorized(
                    "invalid_code",
                    "the code is wrong; `evt dev outbox` lists the message with the right one",
                ));
            }
        }
        let waiting = challenge.waiting.clone();
        open.retain(|challenge| challenge.token != token);
        drop(open);
        if !is_right {
            return Err(Refusal::unauthorized(
                "too_many_codes",
                format!("{TRIES} codes were wrong: sign in again"),
            ));
        }
        if let (true, Some(device)) = (trust, waiting.device) {
            let mut trusted = self.trusted();
            if trusted.len() == MAX {
                trusted.pop_front();
            }
            trusted.push_back((account(&waiting.principal, waiting.purpose), device));
        }
        Ok(waiting)
    }

    /// Whether the user has trusted the device of this request.
    pub(super) fn is_trusted(
        &self,
        principal: &Principal,
        purpose: Purpose,
        headers: &HeaderMap,
    ) -> bool {
        let account = account(principal, purpose);
        device(headers).is_some_and(|device| self.trusted().contains(&(account, device)))
    }

    /// Ends all challenges, and trusts no device any longer.
    pub(crate) fn forget(&self) {
        self.open().clear();
        self.trusted().clear();
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Challenge>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trusted(&self) -> MutexGuard<'_, VecDeque<(String, Device)>> {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(open: &'a mut VecDeque<Challenge>, token: &str) -> Result<&'a mut Challenge, Refusal> {
    let now = Instant::now();
    open.retain(|challenge| challenge.until > now);
    let found = open.iter_mut().find(|challenge| challenge.token == token);
    found.ok_or_else(|| {
        Refusal::unauthorized(
            "invalid_challenge",
            "the challenge is unknown or has expired: sign in again",
        )
    })
}

fn account(principal: &Principal, purpose: Purpose) -> String {
    format!("{purpose:?} {} {}", principal.org, principal.sk)
}

/// What identifies the device: its own id if the client sends one, otherwise its `User-Agent`.
fn device(headers: &HeaderMap) -> Option<Device> {
    let names = ["x-device-id", "deviceid", "user-agent"];
    let value = names.iter().find_map(|name| headers.get(*name))?;
    let digest = digest::digest(&digest::SHA256, value.as_bytes());
    digest.as_ref().try_into().ok()
}

/// Six random digits.
fn random_code() -> String {
    let bytes = random_bytes();
    let number = bytes[..8]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:06}", number % 1_000_000)
}
