//! RSA keys, with the certificates or key sets that vendors publish.
//!
//! An RSA key cannot be derived from a secret, and its creation takes a tenth of a second or more. So it is created when it is
//! first needed, and stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::signature::der_element;

/// The name in PayPal's certificates.
const PAYPAL: &str = "messageverificationcerts.paypal.com";
/// The name in Amazon's certificates.
const SNS: &str = "sns.us-east-1.amazonaws.com";
/// The id of the key in the key set.
pub(super) const KID: &str = "evt-dev";

/// A stored key pair.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredKeyPair {
    /// PKCS#8, PEM.
    pub(super) key: String,
    /// The published documents, by file name.
    pub(super) documents: Vec<(String, String)>,
}

impl StoredKeyPair {
    pub(super) fn document(&self, name: &str) -> Option<&str> {
        let found = self.documents.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str())
    }
}

/// A certificate authority for this platform, and PayPal's certificate that it signed.
pub(super) fn paypal() -> Result<StoredKeyPair, rcgen::Error> {
    let mut authority = params(&[], "evt dev, a throw-away authority")?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = rsa()?;
    let root = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = rsa()?;
    let leaf = leaf(PAYPAL)?.signed_by(&key, &issuer)?.pem();
    Ok(StoredKeyPair {
        key: key.serialize_pem(),
        documents: vec![
            ("paypal.pem".to_owned(), leaf),
            ("paypal-ca.pem".to_owned(), root),
        ],
    })
}

pub(super) fn sns() -> Result<StoredKeyPair, rcgen::Error> {
    let key = rsa()?;
    let certificate = leaf(SNS)?.self_signed(&key)?.pem();
    Ok(StoredKeyPair {
        key: key.serialize_pem(),
        documents: vec![("sns.pem".to_owned(), certificate)],
    })
}

/// Google publishes its keys as a JSON Web Key Set.
pub(super) fn pubsub() -> Result<StoredKeyPair, rcgen::Error> {
    let key = rsa()?;
    let (modulus, exponent) =
        rsa_numbers(key.public_key_raw()).ok_or(rcgen::Error::CouldNotParseKeyPair)?;
    let set = json!({ "keys": [{
        "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KID,
        "n": URL_SAFE_NO_PAD.encode(modulus),
        "e": URL_SAFE_NO_PAD.encode(exponent),
    }]});
    Ok(StoredKeyPair {
        key: key.serialize_pem(),
        documents: vec![("pubsub.json".to_owned(), set.to_string())],
    })
}

fn rsa() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_RSA_SHA256)
}

fn leaf(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = params(&[name], name)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// Parameters of a certificate. The period starts in the past, because clocks may be wrong, and is longer than
/// any data directory is used.
fn params(names: &[&str], common: &str) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    Ok(params)
}

/// Reads modulus and exponent of a public key in DER: a sequence of two integers.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(der, 0x30)?;
    let (modulus, rest) = element(sequence, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    // A DER integer may have a leading zero byte as its sign; a key set does not.
    let bare = |number: &'_ [u8]| number.iter().take_while(|byte| **byte == 0).count();
    Some((&modulus[bare(modulus)..], &exponent[bare(exponent)..]))
}

/// Splits the content of the first DER element, which must have this tag, from the rest.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, after) = der_element(der)?;
    (found == tag).then_some((content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_key_is_read_from_its_der() {
        let key = rsa().unwrap();
        let (modulus, exponent) = rsa_numbers(key.public_key_raw()).unwrap();
        assert_eq!((modulus.len(), exponent), (256, &[1, 0, 1][..]));
        assert_eq!(rsa_numbers(b"\x30\x82"), None);
    }

    #[test]
    fn a_length_has_at_most_four_bytes() {
        assert_eq!(
            element(b"\x02\x84\x00\x00\x00\x01\x07", 0x02),
            Some((&b"\x07"[..], &b""[..]))
        );
        assert_eq!(element(b"\x02\x85\x00\x00\x00\x00\x01\x07", 0x02), None);
        assert_eq!(element(b"\x02\x80\x07", 0x02), None);
    }

    #[test]
    fn published_documents_have_the_expected_names() {
        let made = paypal().unwrap();
        assert!(
            made.document("paypal.pem")
                .unwrap()
                .contains("BEGIN CERTIFICATE")
        );
        assert!(made.document("paypal-ca.pem").is_some());
        assert!(made.key.contains("BEGIN PRIVATE KEY"));
    }
}
