//! Certificates: which ones are accepted, and the client's own.

mod error;
mod files;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use thiserror::Error;

pub use error::TlsError;
pub use files::{read_certificates, read_key};

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

/// The error for a certificate that may issue others, in place of a server's.
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
