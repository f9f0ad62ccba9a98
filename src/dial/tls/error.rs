//! What is wrong with a secure connection, in plain words.

use std::error::Error;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, OtherError, PeerIncompatible};
use thiserror::Error;

use super::{TlsSetupError, is_issuer_as_server};
use crate::time::Timestamp;

/// How many of a certificate's names an error shows.
const SHOWN_NAMES: usize = 5;

/// Why a secure connection failed.
#[derive(Clone, Debug, Error)]
pub enum TlsError {
    #[error("its certificate expired on {on}")]
    Expired { on: String },
    #[error("its certificate is not valid before {from}")]
    NotYetValid { from: String },
    #[error("its certificate is for {}, not for {asked}", list(.names))]
    WrongName { asked: String, names: Vec<String> },
    #[error("its certificate has an unknown issuer")]
    UnknownIssuer,
    #[error("its certificate is self-signed")]
    SelfSigned,
    #[error("its certificate is not accepted: {reason}")]
    Certificate { reason: String },
    #[error("it supports neither TLS 1.2 nor TLS 1.3")]
    Version,
    #[error("it does not speak TLS on this port")]
    NotTls,
    #[error("it requires a client certificate")]
    ClientCertificateRequired,
    #[error("it refused the client certificate ({alert})")]
    ClientCertificateRefused { alert: String },
    #[error("it has no common cipher or key exchange with evt")]
    NoCommonCipher,
    #[error("`{host}` cannot be in a certificate")]
    BadName { host: String },
    #[error(transparent)]
    Setup(TlsSetupError),
    #[error("the connection ended during the handshake")]
    Broken,
    #[error("{reason}")]
    Other { reason: String },
}

fn list(names: &[String]) -> String {
    match names {
        [] => "no host (it has no alternative names)".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl TlsError {
    /// What an error of the handshake means.
    pub(in crate::dial) fn of(error: &io::Error) -> Self {
        match find(error) {
            Some(tls) => Self::of_rustls(tls),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Broken,
            None => Self::Other {
                reason: error.to_string(),
            },
        }
    }

    /// The alert with which a server ends a connection after the handshake, if that is what broke it: a client certificate is
    /// checked only then.
    pub(in crate::dial) fn of_alert(error: &(dyn Error + 'static)) -> Option<Self> {
        match find(error)? {
            alert @ rustls::Error::AlertReceived(_) => Some(Self::of_rustls(alert)),
            _ => None,
        }
    }

    fn of_rustls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(_) if is_issuer_as_server(error) => Self::SelfSigned,
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(error),
            rustls::Error::Other(OtherError(other)) => {
                match other.downcast_ref::<TlsSetupError>() {
                    Some(setup) => Self::Setup(setup.clone()),
                    None => Self::Other {
                        reason: other.to_string(),
                    },
                }
            }
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::Version,
            rustls::Error::AlertReceived(alert) => Self::of_description(*alert),
            other => Self::Other {
                reason: other.to_string(),
            },
        }
    }

    fn of_description(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::ProtocolVersion => Self::Version,
            AlertDescription::CertificateRequired => Self::ClientCertificateRequired,
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                Self::NoCommonCipher
            }
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied => Self::ClientCertificateRefused {
                alert: format!("{alert:?}"),
            },
            other => Self::Other {
                reason: format!("it ended the handshake: {other:?}"),
            },
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired {
                on: day(*not_after),
            },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid {
                from: day(*not_before),
            },
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Self::WrongName {
                asked: expected.to_str().into_owned(),
                names: presented
                    .iter()
                    .take(SHOWN_NAMES)
                    .map(|name| bare_name(name))
                    .collect(),
            },
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            other => Self::Certificate {
                reason: rustls::Error::InvalidCertificate(other.clone()).to_string(),
            },
        }
    }
}

/// Finds the error of rustls among an error and its causes.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An I/O error hides the error that it wraps, and reports the cause of that one as its own.
        let inner = current
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref());
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(tls);
        }
        next = match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => current.source(),
        };
    }
    None
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let text = Timestamp::from_secs(seconds).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// rustls shows a name of a certificate as `DnsName("a.test")` or `IpAddress(127.0.0.1)`.
fn bare_name(shown: &str) -> String {
    let inner = shown
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(shown).trim_matches('"').to_owned()
}
