//! Servers with TLS.

use rcgen::{CertificateParams, KeyPair};

use super::{NatsServer, run, tail};
use crate::support::Sandbox;

#[test]
fn a_server_with_tls_is_followed_if_its_certificate_is_accepted() {
    let sandbox = Sandbox::new();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.self_signed(&key).unwrap().pem();
    let cert_file = sandbox.write("cert.pem", &certificate);
    let key_file = sandbox.write("key.pem", key.serialize_pem());
    let config = format!("tls {{ cert_file: {cert_file:?}, key_file: {key_file:?} }}");
    let Some(server) = NatsServer::start(&config) else {
        return;
    };
    // The server requires TLS, so `nats` uses it, too.
    for scheme in ["nats", "tls"] {
        let url = format!("{scheme}://localhost:{}/secure", server.port());
        let tail = tail(&sandbox, &url, &["--ca", "cert.pem", "--count", "1"]);
        let sent = sandbox.run(["send", "contact.created", "--to", &url, "--ca", "cert.pem"]);
        let _ = sent.expect_exit(0);
        let _ = tail.finish().expect_exit(0);
        let output = run(&sandbox, &url, &[]).expect_exit(5);
        assert!(output.stderr.contains("tls_failed"), "{output}");
    }
}

#[test]
fn tls_that_the_server_does_not_have_is_an_error() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let url = format!("tls://localhost:{}/secure", server.port());
    let output = run(&Sandbox::new(), &url, &["--timeout", "2s"]).expect_exit(5);
    assert!(
        output.stderr.contains("TLS") || output.stderr.contains("tls"),
        "{output}"
    );
}
