//! Proxies, certificates and refused addresses, for every command that connects.

mod addresses;
mod proxies;
mod servers;
mod tls;

use servers::{Authority, Proxy, Server, Tls, secure};

use crate::support::{LocalPlatform, Sandbox};
use evt::dev::host::options::DevOptions;

/// A platform that is known as `https://example.test`, and only reachable through a proxy.
struct Remote {
    sandbox: Sandbox,
    proxy: Proxy,
    platform: LocalPlatform,
    _server: Server,
    _elsewhere: Sandbox,
}

impl Remote {
    fn start() -> Self {
        let elsewhere = Sandbox::new();
        let options = DevOptions {
            allowed_hosts: vec![
                "example.test:443".parse().unwrap(),
                "example.test".parse().unwrap(),
            ],
            ..DevOptions::default()
        };
        let platform = LocalPlatform::start_with(&elsewhere, options);
        let authority = Authority::new();
        let identity = authority.issue(&["example.test"]);
        let address = platform.running.url.trim_start_matches("http://");
        let server = secure(&identity, address.parse().unwrap(), &Tls::default());
        let proxy = Proxy::to(server.address);
        let sandbox = Sandbox::new().with("HTTPS_PROXY", proxy.url());
        sandbox.write("ca.pem", &authority.pem);
        Self {
            sandbox,
            proxy,
            platform,
            _server: server,
            _elsewhere: elsewhere,
        }
    }

    /// The words with the flags of the profile and `--ca`.
    fn args<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let running = &self.platform.running;
        let mut all = words.to_vec();
        all.extend([
            "--url",
            "https://example.test",
            "--org",
            &running.org,
            "--token",
            &running.token,
            "--ca",
            "ca.pem",
        ]);
        all
    }
}
