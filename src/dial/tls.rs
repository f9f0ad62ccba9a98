//! Certificates: which ones are accepted, the client's own, and what is wrong with one, in plain words.

use std::error::Error;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, OtherError,
    RootCertStore, SignatureScheme,
};
use thiserror::Error;

use crate::time::Timestamp;

/// Size limit of a file with certificates. The bundle of a system has a few hundred kilobytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// How many of a certificate's names an error shows.
const SHOWN_NAMES: usize = 5;

/// How certificates are checked, and which one the client has.
#[derive(Debug, Default)]
pub struct TlsOptions {
    /// Accepted in addition to the issuers of the system: issuers, or the servers' own certificates.
    pub extra: Vec<CertificateDer<'static>>,
    /// The client's certificate with its issuers, and its key.
    pub client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// Accept every certificate.
    pub insecure: bool,
    pub variables: TlsVariables,
}

/// `SSL_CERT_FILE` and `SSL_CERT_DIR`. If one is set, they replace the issuers of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsVariables {
    pub file: Option<PathBuf>,
    pub folders: Vec<PathBuf>,
}

/// Certificates or a key that cannot be used.
#[derive(Clone, Debug, Error)]
pub enum TlsSetupError {
    #[error("{origin} cannot be read")]
    Read {
        /// The flag or variable with its path: `--ca ca.pem`.
        origin: String,
        source: Arc<io::Error>,
    },
    #[error("{origin}: {problem}")]
    Content { origin: String, problem: String },
    #[error("this system has no certificates of issuers")]
    NoIssuers,
}

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
        [] => "no host".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl TlsVariables {
    /// The issuers in the files; `None` if no variable is set.
    ///
    /// # Errors
    /// A path that cannot be read, or without certificates.
    pub fn issuers(&self) -> Result<Option<Vec<CertificateDer<'static>>>, TlsSetupError> {
        if self.file.is_none() && self.folders.is_empty() {
            return Ok(None);
        }
        let mut all = Vec::new();
        if let Some(path) = &self.file {
            all.extend(read_certificates(path, "SSL_CERT_FILE")?);
        }
        for folder in &self.folders {
            let origin = || format!("SSL_CERT_DIR {}", folder.display());
            let read = |source| TlsSetupError::Read {
                origin: origin(),
                source: Arc::new(source),
            };
            for entry in std::fs::read_dir(folder).map_err(read)? {
                let path = entry.map_err(read)?.path();
                // Folders of certificates also contain other files and broken links.
                if path.is_file() {
                    all.extend(read_certificates(&path, "SSL_CERT_DIR").unwrap_or_default());
                }
            }
        }
        if all.is_empty() {
            return Err(TlsSetupError::Content {
                origin: "SSL_CERT_DIR".to_owned(),
                problem: "it contains no certificate".to_owned(),
            });
        }
        Ok(Some(all))
    }
}

/// Reads all certificates of a file: PEM, or one in DER. `flag` is for errors: `--ca`.
///
/// # Errors
/// The file cannot be read, or contains no valid certificate.
pub fn read_certificates(
    path: &Path,
    flag: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let bytes = read(path, flag)?;
    let wrong = |problem: String| TlsSetupError::Content {
        origin: format!("{flag} {}", path.display()),
        problem,
    };
    let certificates: Vec<_> = match bytes.first() {
        // The tag of a sequence in DER.
        Some(0x30) => vec![CertificateDer::from(bytes)],
        _ => CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(format!("invalid PEM: {error:?}")))?,
    };
    if certificates.is_empty() {
        return Err(wrong("it contains no certificate".to_owned()));
    }
    // The bundle of a system may contain certificates that rustls does not accept. One file of the user must not.
    if flag == "--ca" {
        for certificate in &certificates {
            RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|_| wrong("it contains something that is not a certificate".to_owned()))?;
        }
    }
    Ok(certificates)
}

/// Reads a private key in PEM. `flag` is for errors: `--key`.
///
/// # Errors
/// The file cannot be read, or contains no key without a passphrase.
pub fn read_key(path: &Path, flag: &str) -> Result<PrivateKeyDer<'static>, TlsSetupError> {
    let bytes = read(path, flag)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let is_encrypted = memchr::memmem::find(&bytes, b"ENCRYPTED").is_some();
        let problem = match is_encrypted {
            true => "the key has a passphrase; `openssl pkey -in FILE -out NEW` removes it",
            false => "it contains no private key in PEM",
        };
        TlsSetupError::Content {
            origin: format!("{flag} {}", path.display()),
            problem: problem.to_owned(),
        }
    })
}

fn read(path: &Path, flag: &str) -> Result<Vec<u8>, TlsSetupError> {
    let reading = || {
        // Opening a pipe would wait for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > MAX_FILE {
            true => Err(io::Error::other("it is larger than 16 MiB")),
            false => Ok(bytes),
        }
    };
    reading().map_err(|source| TlsSetupError::Read {
        origin: format!("{flag} {}", path.display()),
        source: Arc::new(source),
    })
}

/// The settings of all TLS connections.
///
/// # Errors
/// The client's certificate and key do not belong together, or a variable names a file that cannot be used.
pub(super) fn config(options: &TlsOptions) -> Result<ClientConfig, TlsSetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match options.insecure {
        true => Arc::new(AcceptAll(Arc::clone(&provider))),
        false => Arc::new(Verifier::new(options, Arc::clone(&provider))?),
    };
    let other = |error: rustls::Error| TlsSetupError::Content {
        origin: "--cert".to_owned(),
        problem: match error {
            rustls::Error::InconsistentKeys(_) => {
                "the key in --key does not belong to the certificate".to_owned()
            }
            other => other.to_string(),
        },
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match &options.client {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(other),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// Accepts certificates of the extra issuers, and then those of the system.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Checks with the extra certificates as issuers.
    extra: Option<Arc<WebPkiServerVerifier>>,
    /// The extra certificates, because a server may use one of them itself.
    own: Vec<CertificateDer<'static>>,
    variables: TlsVariables,
    /// Loaded when it is needed, because that takes tens of milliseconds.
    system: OnceLock<Result<Arc<dyn ServerCertVerifier>, TlsSetupError>>,
}

impl Verifier {
    fn new(options: &TlsOptions, provider: Arc<CryptoProvider>) -> Result<Self, TlsSetupError> {
        let extra = match options.extra.is_empty() {
            true => None,
            false => Some(with_issuers(options.extra.clone(), &provider)?),
        };
        let verifier = Self {
            extra,
            own: options.extra.clone(),
            variables: options.variables.clone(),
            system: OnceLock::new(),
            provider,
        };
        if verifier.extra.is_none() {
            verifier.system()?;
        }
        Ok(verifier)
    }

    fn system(&self) -> Result<Arc<dyn ServerCertVerifier>, TlsSetupError> {
        let loaded = self.system.get_or_init(|| {
            if let Some(issuers) = self.variables.issuers()? {
                return Ok(with_issuers(issuers, &self.provider)? as Arc<dyn ServerCertVerifier>);
            }
            let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&self.provider));
            Ok(Arc::new(verifier.map_err(|_| TlsSetupError::NoIssuers)?))
        });
        loaded.clone()
    }

    /// Accepts a certificate that the user named although it could also issue others, which WebPKI forbids for a server:
    /// `openssl req -x509` creates such certificates. Its dates have been checked.
    fn is_own(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let accepted = Ok(ServerCertVerified::assertion());
        match verify_server_name(&ParsedCertificate::try_from(certificate)?, name) {
            // As OpenSSL does, without alternative names the common name counts.
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) if presented.is_empty()
                && common_name(certificate)
                    .is_some_and(|own| own.eq_ignore_ascii_case(&name.to_str())) =>
            {
                accepted
            }
            Err(error) => Err(error),
            Ok(()) => accepted,
        }
    }
}

fn with_issuers(
    issuers: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(issuers);
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|_| TlsSetupError::NoIssuers)
}

/// The common name of the subject.
fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    /// The object identifier 2.5.4.3 in DER. A string follows: its tag, its length, its bytes.
    const COMMON_NAME: [u8; 5] = [6, 3, 0x55, 4, 3];
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let subject = parsed.subject();
    let start = memchr::memmem::find(subject, &COMMON_NAME)? + COMMON_NAME.len();
    let length = usize::from(*subject.get(start + 1)?);
    let text = subject.get(start + 2..start + 2 + length)?;
    String::from_utf8(text.to_vec()).ok()
}

fn is_issuer_as_server(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = error
    else {
        return false;
    };
    other.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(extra) = &self.extra {
            match extra.verify_server_cert(certificate, others, name, ocsp, now) {
                Err(error) if is_issuer_as_server(&error) && self.own.contains(certificate) => {
                    return self.is_own(certificate, name);
                }
                Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {}
                result => return result,
            }
        }
        let system = self
            .system()
            .map_err(|error| rustls::Error::Other(OtherError(Arc::new(error))))?;
        system.verify_server_cert(certificate, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// `--insecure`: accepts every certificate. The server still has to own its key.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl TlsError {
    /// What an error of the handshake means.
    pub(super) fn of(error: &io::Error) -> Self {
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
    pub(super) fn of_alert(error: &(dyn Error + 'static)) -> Option<Self> {
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
            rustls::Error::PeerIncompatible(_) => Self::Version,
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
