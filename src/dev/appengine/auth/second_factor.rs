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

/// The code of every challenge. It is always the same, so that tests can sign in without reading a message.
pub(super) const CODE: &str = "000000";
/// Lifetime of a challenge, by real time.
const LIFETIME: Duration = Duration::from_secs(600);
/// Wrong codes after which a challenge ends.
const TRIES: u8 = 5;
/// Maximum number of challenges, and of trusted devices. The oldest ends when there are more.
const MAX: usize = 1000;
/// The methods by which a code can be sent.
const METHODS: [&str; 3] = ["email", "sms", "authenticator"];

/// A message with a code or a link, which no vendor sends.
pub(super) struct Message<'a> {
    pub(super) to: &'a str,
    /// `email`, `sms` or `authenticator`.
    pub(super) method: &'a str,
    /// The code or the link.
    pub(super) content: &'a str,
}

/// "Sends" a message: it is in the log of `evt dev`. The only place that knows where messages go.
pub(super) fn send(message: &Message<'_>) {
    let Message {
        to,
        method,
        content,
    } = message;
    tracing::info!(%to, %method, %content, "A sign-in message would be sent.");
}

/// A sign-in that waits for its code.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) principal: Principal,
    pub(super) purpose: Purpose,
    pub(super) method: &'static str,
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
    /// Starts a challenge and sends its code. Returns its token.
    pub(super) fn start(
        &self,
        principal: &Principal,
        purpose: Purpose,
        headers: &HeaderMap,
    ) -> String {
        let token = URL_SAFE_NO_PAD.encode(random_bytes());
        let waiting = Waiting {
            principal: principal.clone(),
            purpose,
            method: METHODS[0],
            device: device(headers),
        };
        send_code(&waiting);
        let mut open = self.open();
        if open.len() == MAX {
            open.pop_front();
        }
        open.push_back(Challenge {
            token: token.clone(),
            waiting,
            wrong: 0,
            until: Instant::now() + LIFETIME,
        });
        token
    }

    /// Sends the code again, by another method if one is given.
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
        send_code(&challenge.waiting);
        Ok(challenge.waiting.clone())
    }

    /// Ends a challenge with its code. After a wrong code it stays open for a few more tries.
    pub(super) fn finish(&self, token: &str, code: &str, trust: bool) -> Result<Waiting, Refusal> {
        let mut open = self.open();
        let challenge = find(&mut open, token)?;
        let is_right = code == CODE;
        if !is_right {
            challenge.wrong += 1;
            if challenge.wrong < TRIES {
                return Err(Refusal::unauthorized(
                    "invalid_code",
                    format!("the code is wrong; locally it is always {CODE}"),
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

/// Sends the code of a sign-in.
pub(super) fn send_code(waiting: &Waiting) {
    send(&Message {
        to: &waiting.principal.email,
        method: waiting.method,
        content: CODE,
    });
}
