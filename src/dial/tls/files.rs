//! Reads certificates and keys from files.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{TlsSetupError, TlsVariables};

/// Size limit of a file with certificates. The bundle of a system has a few hundred kilobytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

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
