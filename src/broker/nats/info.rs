//! What a server says of itself.

use serde::Deserialize;

/// The `INFO` of a server, as far as it is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServerInfo {
    pub server_name: String,
    pub version: String,
    pub max_payload: usize,
    pub jetstream: bool,
    pub auth_required: bool,
    pub tls_required: bool,
    /// What a client signs to prove that it has a key.
    pub nonce: String,
    /// Other servers of the cluster: `host:port`.
    pub connect_urls: Vec<String>,
    /// The server is about to shut down, and moves its clients to others.
    #[serde(rename = "ldm")]
    pub is_lame_duck: bool,
}

impl ServerInfo {
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Applies a later `INFO` of the same server.
    pub(super) fn update(&mut self, later: Self) {
        self.connect_urls = later.connect_urls;
        self.is_lame_duck |= later.is_lame_duck;
    }

    /// The addresses of the cluster's other servers.
    pub fn others(&self) -> Vec<(String, u16)> {
        let parse = |url: &String| {
            let (host, port) = url.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        };
        self.connect_urls.iter().filter_map(parse).collect()
    }

    /// `nats-1 2.9.10 with JetStream`, for messages.
    pub fn shown(&self) -> String {
        let with = if self.jetstream { "with" } else { "without" };
        // A server without a name has its id as the name, which is of no use here.
        let name = match self.server_name.len() {
            56 => "nats-server",
            _ => &self.server_name,
        };
        format!("{name} {} {with} JetStream", self.version)
    }
}
