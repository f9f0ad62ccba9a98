//! The vendors' keys of a data directory. They are derived from one secret if the scheme allows it, so a start creates none.

use std::sync::Arc;

use aws_lc_rs::hmac;
use tokio::sync::OnceCell;

use super::certificates::{self, KID, StoredKeyPair};
use super::{VENDORS, Vendor};
use crate::dev::appengine::integrations;
use crate::dev::host::refusal::Refusal;
use crate::secret::Secret;
use crate::signature::{self, Options, SignatureError, Verifier};
use crate::store::{Store, StoreError, settings};

/// Account ids in the URLs and certificates of vendors.
const PUBSUB_EMAIL: &str = "pubsub@evt-dev.iam.gserviceaccount.com";

/// The keys of all vendors, and the verifiers that have been needed so far.
pub(crate) struct Vendors {
    master: hmac::Key,
    /// The URL of the shared port, which publishes certificates.
    url: String,
    ready: Vec<OnceCell<Arc<Ready>>>,
}

/// A vendor with its key and verifier.
pub(super) struct Ready {
    pub(super) vendor: &'static Vendor,
    pub(super) key: Key,
    pub(super) verifier: Box<dyn Verifier>,
}

/// The keys for signing and verifying.
pub(super) struct Key {
    pub(super) signs: Secret,
    /// The keys that verify, one of which is enough; empty if certificates or options are enough to verify.
    pub(super) verifies: Vec<Secret>,
    /// Options for signing and verifying.
    pub(super) options: Vec<(String, String)>,
    made: Option<StoredKeyPair>,
}

impl Key {
    /// The documents at `/_certs/{name}`.
    pub(super) fn document(&self, name: &str) -> Option<&str> {
        self.made.as_ref()?.document(name)
    }
}

impl Ready {
    fn of(vendor: &'static Vendor, key: Key) -> Result<Self, Refusal> {
        let verifier = verifier(vendor, &key).map_err(|error| {
            Refusal::not_implemented(format!("{} cannot be received: {error}", vendor.name))
        })?;
        Ok(Self {
            vendor,
            key,
            verifier,
        })
    }
}

fn verifier(vendor: &Vendor, key: &Key) -> Result<Box<dyn Verifier>, SignatureError> {
    let scheme = signature::find(vendor.scheme)?;
    scheme.verifier(&key.verifies, &Options(key.options.clone()))
}

impl Vendors {
    pub(crate) fn new(master: &[u8], url: String) -> Self {
        Self {
            master: hmac::Key::new(hmac::HMAC_SHA256, master),
            url,
            ready: VENDORS.iter().map(|_| OnceCell::new()).collect(),
        }
    }

    /// The key of a vendor without certificates; `None` if its key is created at first use.
    ///
    /// `saved` is the secret of the vendor's integration. It replaces the derived secret, so that the platform and `evt send` use the
    /// user's. A saved public key is accepted besides the derived one, because nothing here can sign with it.
    pub(super) fn plain(&self, vendor: &Vendor, saved: Option<&Secret>) -> Option<Key> {
        let scheme = signature::find(vendor.scheme).ok()?;
        let pair = scheme.sample_keys(&self.derive(vendor.name))?;
        let options = match vendor.scheme {
            "meta" => vec![option("verify-token", self.word(vendor, "verify-token"))],
            "shared-secret-header" => vec![option("header", "X-Bridge-Secret")],
            _ => Vec::new(),
        };
        let is_shared = pair.signs.reveal() == pair.verifies.reveal();
        let (signs, verifies) = match saved {
            Some(saved) if is_shared => (saved.clone(), vec![saved.clone()]),
            Some(saved) => (pair.signs, vec![pair.verifies, saved.clone()]),
            None => (pair.signs, vec![pair.verifies]),
        };
        Some(Key {
            signs,
            verifies,
            options,
            made: None,
        })
    }

    /// Refuses a secret that the vendor's scheme cannot use. Vendors with certificates ignore it.
    pub(crate) fn check_secret(&self, vendor: &Vendor, secret: &Secret) -> Result<(), Refusal> {
        let Some(key) = self.plain(vendor, Some(secret)) else {
            return Ok(());
        };
        let verifier = verifier(vendor, &key).map(|_| ());
        verifier.map_err(|error| Refusal::bad_request("bad_secret", error.to_string()))
    }

    /// The vendor's key and verifier for an organisation. The first call may create the key.
    pub(super) async fn ready(
        &self,
        store: &Store,
        org: &str,
        vendor: &'static Vendor,
    ) -> Result<Arc<Ready>, Refusal> {
        let org = org.to_owned();
        let integration = store
            .read(move |connection| integrations::find(connection, &org, vendor.name))
            .await?;
        let saved = integration.and_then(|integration| integration.webhook_secret());
        if let Some(saved) = saved
            && let Some(key) = self.plain(vendor, Some(&saved))
        {
            return Ready::of(vendor, key).map(Arc::new);
        }
        let receiver = VENDORS.iter().position(|known| known.name == vendor.name);
        let cell = &self.ready[receiver.unwrap_or_default()];
        let ready = cell
            .get_or_try_init(|| async { self.prepare(store, vendor).await.map(Arc::new) })
            .await?;
        Ok(Arc::clone(ready))
    }

    async fn prepare(&self, store: &Store, vendor: &'static Vendor) -> Result<Ready, Refusal> {
        let key = match self.plain(vendor, None) {
            Some(key) => key,
            None => self.published(vendor, made(store, vendor).await?),
        };
        Ready::of(vendor, key)
    }

    /// The key of a vendor that publishes certificates or keys.
    fn published(&self, vendor: &Vendor, made: StoredKeyPair) -> Key {
        let at = |name: &str| format!("{}/_certs/{name}", self.url);
        let loopback = option("certs", "loopback");
        let options = match vendor.name {
            "paypal" => vec![
                option(
                    "webhook-id",
                    format!("WH-{}", self.word(vendor, "webhook-id")),
                ),
                option("cert-url", at("paypal.pem")),
                option("ca", made.document("paypal-ca.pem").unwrap_or_default()),
                loopback,
            ],
            "ses" => vec![option("cert-url", at("sns.pem")), loopback],
            _ => vec![
                option("audience", format!("{}{}", self.url, vendor.path)),
                option("email", PUBSUB_EMAIL),
                option("jwks-url", at("pubsub.json")),
                option("kid", KID),
                loopback,
            ],
        };
        Key {
            signs: Secret::new(made.key.as_str()),
            verifies: Vec::new(),
            options,
            made: Some(made),
        }
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.master, purpose.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// A word derived for this data directory that reveals nothing of a secret.
    fn word(&self, vendor: &Vendor, purpose: &str) -> String {
        let bytes = self.derive(&format!("{}/{purpose}", vendor.name));
        bytes[..8]
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect()
    }
}

fn option(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// Loads the key pair, or creates and stores one.
async fn made(store: &Store, vendor: &'static Vendor) -> Result<StoredKeyPair, Refusal> {
    let failed = |why: String| {
        let message = format!("cannot create the key of {}: {why}", vendor.name);
        Refusal::new(http::StatusCode::INTERNAL_SERVER_ERROR, "no_key", message)
    };
    let name = format!("secret.vendor.{}", vendor.name);
    let wanted = name.clone();
    let kept = store
        .read(move |connection| settings::get(connection, &wanted))
        .await?;
    if let Some(made) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
        return Ok(made);
    }
    let make = match vendor.name {
        "paypal" => certificates::paypal,
        "ses" => certificates::sns,
        _ => certificates::pubsub,
    };
    let made = tokio::task::spawn_blocking(make)
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    let text = serde_json::to_string(&made).map_err(|error| failed(error.to_string()))?;
    store
        .write::<_, StoreError, _>(move |tx| settings::set(tx, &name, &text))
        .await?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_directory_and_every_vendor_has_its_own_key() {
        let of = |master: &[u8], name: &str| {
            let vendors = Vendors::new(master, "http://127.0.0.1:4870".to_owned());
            let key = vendors
                .plain(super::super::find(name).unwrap(), None)
                .unwrap();
            key.signs.reveal().to_owned()
        };
        assert_eq!(of(b"a", "stripe"), of(b"a", "stripe"));
        assert_ne!(of(b"a", "stripe"), of(b"b", "stripe"));
        assert_ne!(of(b"a", "facebook"), of(b"a", "instagram"));
    }
}
