//! Certificates: which ones are accepted, and what is reported about the others.

use std::io::{Read, Write};
use std::path::Path;

use rcgen::date_time_ymd;

use super::servers::{Authority, Identity, Server, Tls, secure};
use crate::support::{App, Output, Sandbox};

/// Sends an event to a server on this machine, with more flags.
fn send(sandbox: &Sandbox, server: &Server, host: &str, more: &[&str]) -> Output {
    let to = format!("https://{host}:{}/hook", server.address.port());
    let mut words = vec!["send", "contact.created", "--to", &to];
    words.extend(more);
    sandbox.run(words)
}

fn sandbox(ca: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("ca.pem", ca);
    sandbox
}

const CA: [&str; 2] = ["--ca", "ca.pem"];

#[test]
fn an_issuer_that_the_user_names_is_accepted() {
    let app = App::start();
    let authority = Authority::new();
    let server = secure(
        &authority.issue(&["localhost"]),
        app.address(),
        &Tls::default(),
    );
    let sandbox = sandbox(&authority.pem);
    let _ = send(&sandbox, &server, "localhost", &CA).expect_exit(0);
    let output = send(&sandbox, &server, "localhost", &[]).expect_exit(5);
    assert!(output.stderr.contains("unknown issuer"), "{output}");
    assert!(output.stderr.contains("--ca FILE"), "{output}");
}

#[test]
fn a_self_signed_certificate_of_openssl_is_accepted_as_its_own_issuer() {
    let app = App::start();
    for (names, common_name) in [(&["localhost"][..], "x"), (&[][..], "localhost")] {
        let identity = Identity::self_signed(names, common_name);
        let server = secure(&identity, app.address(), &Tls::default());
        let sandbox = sandbox(&identity.certificate);
        let _ = send(&sandbox, &server, "localhost", &CA).expect_exit(0);
        let output = send(&sandbox, &server, "127.0.0.1", &CA).expect_exit(5);
        assert!(output.stderr.contains("not for 127.0.0.1"), "{output}");
        let output = send(&sandbox, &server, "localhost", &[]).expect_exit(5);
        assert!(output.stderr.contains("tls_failed"), "{output}");
        let other = Identity::self_signed(&["localhost"], "x");
        sandbox.write("ca.pem", &other.certificate);
        let output = send(&sandbox, &server, "localhost", &CA).expect_exit(5);
        assert!(output.stderr.contains("tls_failed"), "{output}");
    }
}

#[test]
fn several_files_and_several_certificates_in_one_file_are_accepted() {
    let app = App::start();
    let (one, other) = (Authority::new(), Authority::new());
    let server = secure(&other.issue(&["localhost"]), app.address(), &Tls::default());
    let sandbox = sandbox(&format!("{}\n{}", one.pem, other.pem));
    let _ = send(&sandbox, &server, "localhost", &CA).expect_exit(0);
    sandbox.write("one.pem", &one.pem);
    sandbox.write("other.pem", &other.pem);
    let both = ["--ca", "one.pem", "--ca", "other.pem"];
    let _ = send(&sandbox, &server, "localhost", &both).expect_exit(0);
}

#[test]
fn an_expired_certificate_is_reported_with_its_date() {
    let app = App::start();
    let authority = Authority::new();
    let identity = authority.issue_with(&["localhost"], |params| {
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2026, 1, 2);
    });
    let server = secure(&identity, app.address(), &Tls::default());
    let output = send(&sandbox(&authority.pem), &server, "localhost", &CA).expect_exit(5);
    assert!(output.stderr.contains("expired on 2026-01-02"), "{output}");
}

#[test]
fn a_certificate_of_the_future_is_reported_with_its_date() {
    let app = App::start();
    let authority = Authority::new();
    let identity = authority.issue_with(&["localhost"], |params| {
        params.not_before = date_time_ymd(2090, 3, 4);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    let server = secure(&identity, app.address(), &Tls::default());
    let output = send(&sandbox(&authority.pem), &server, "localhost", &CA).expect_exit(5);
    assert!(
        output.stderr.contains("not valid before 2090-03-04"),
        "{output}"
    );
}

#[test]
fn the_names_of_a_certificate_are_reported() {
    let app = App::start();
    let authority = Authority::new();
    let identity = authority.issue(&["a.test", "b.test"]);
    let server = secure(&identity, app.address(), &Tls::default());
    let output = send(&sandbox(&authority.pem), &server, "localhost", &CA).expect_exit(5);
    let expected = "its certificate is for a.test and b.test, not for localhost";
    assert!(output.stderr.contains(expected), "{output}");
}

#[test]
fn a_server_without_tls_is_reported() {
    let server = crate::support::http::Server::start(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let to = format!("https://{}/", server.address());
    let output = Sandbox::new().run(["send", "contact.created", "--to", &to]);
    let output = output.expect_exit(5);
    assert!(output.stderr.contains("does not speak TLS"), "{output}");
}

#[test]
fn a_client_certificate_is_presented() {
    let app = App::start();
    let authority = Authority::new();
    let clients = Authority::named("an authority of clients");
    let tls = Tls {
        clients: Some(&clients),
    };
    let server = secure(&authority.issue(&["localhost"]), app.address(), &tls);
    let sandbox = sandbox(&authority.pem);
    let client = clients.issue(&["client.test"]);
    sandbox.write("client.pem", &client.certificate);
    sandbox.write("client.key", &client.key);
    sandbox.write(
        "both.pem",
        format!("{}\n{}", client.certificate, client.key),
    );
    let separate = [CA[0], CA[1], "--cert", "client.pem", "--key", "client.key"];
    let _ = send(&sandbox, &server, "localhost", &separate).expect_exit(0);
    let both = [CA[0], CA[1], "--cert", "both.pem"];
    let _ = send(&sandbox, &server, "localhost", &both).expect_exit(0);
    let output = send(&sandbox, &server, "localhost", &CA).expect_exit(5);
    assert!(
        output.stderr.contains("requires a client certificate"),
        "{output}"
    );
    let stranger = authority.issue(&["client.test"]);
    sandbox.write("client.pem", &stranger.certificate);
    sandbox.write("client.key", &stranger.key);
    let output = send(&sandbox, &server, "localhost", &separate).expect_exit(5);
    assert!(
        output.stderr.contains("refused the client certificate"),
        "{output}"
    );
}

#[test]
fn insecure_accepts_every_certificate_with_a_warning() {
    let app = App::start();
    let identity = Identity::self_signed(&["other.test"], "x");
    let server = secure(&identity, app.address(), &Tls::default());
    let sandbox = Sandbox::new();
    let output = send(&sandbox, &server, "localhost", &["--insecure", "-q"]).expect_exit(0);
    assert!(
        output.stderr.contains("certificates are not checked"),
        "{output}"
    );
    for variable in ["EVT_INSECURE", "EVT_SEND_INSECURE"] {
        let sandbox = Sandbox::new().with(variable, "true");
        let _ = send(&sandbox, &server, "localhost", &[]).expect_exit(5);
    }
}

#[test]
fn a_file_cannot_weaken_connections() {
    for line in [
        "insecure = true",
        "ca = [\"ca.pem\"]",
        "proxy = \"http://p.test\"",
    ] {
        let sandbox = Sandbox::new();
        let path = sandbox.home().join("config/config.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("[send]\n{line}\n")).unwrap();
        let output = sandbox.run(["send", "a.b", "--to", "http://127.0.0.1:1"]);
        let output = output.expect_exit(2);
        assert!(output.stderr.contains("config.toml"), "{output}");
    }
}

#[test]
fn files_that_cannot_be_used_are_usage_errors() {
    let sandbox = Sandbox::new();
    let identity = Identity::self_signed(&["a.test"], "x");
    let other = Identity::self_signed(&["a.test"], "x");
    sandbox.write("empty.pem", "");
    sandbox.write("text.pem", "hello");
    sandbox.write(
        "damaged.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    sandbox.write("cert.pem", &identity.certificate);
    sandbox.write("other.key", &other.key);
    for (flags, expected) in [
        (&["--ca", "absent.pem"][..], "--ca"),
        (&["--ca", "."], "--ca"),
        (&["--ca", "empty.pem"], "contains no certificate"),
        (&["--ca", "text.pem"], "contains no certificate"),
        (&["--ca", "damaged.pem"], "not a certificate"),
        (&["--cert", "cert.pem"], "contains no private key"),
        (&["--cert", "cert.pem", "--key", "absent.key"], "absent.key"),
        (
            &["--cert", "cert.pem", "--key", "other.key"],
            "does not belong",
        ),
    ] {
        let mut words = vec!["send", "contact.created", "--to", "http://127.0.0.1:1/"];
        words.extend(flags);
        let output = sandbox.run(words).expect_exit(2);
        assert!(output.stderr.contains(expected), "{flags:?} {output}");
    }
}

fn with_variable(name: &str, path: &Path, server: &Server) -> Output {
    let sandbox = Sandbox::new().with(name, path.display().to_string());
    send(&sandbox, server, "localhost", &[])
}

#[test]
fn the_variables_of_openssl_replace_the_system_s_certificates() {
    let app = App::start();
    let authority = Authority::new();
    let server = secure(
        &authority.issue(&["localhost"]),
        app.address(),
        &Tls::default(),
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    std::fs::write(folder.path().join("readme.txt"), "not a certificate").unwrap();
    let _ = with_variable("SSL_CERT_FILE", &file, &server).expect_exit(0);
    let _ = with_variable("SSL_CERT_DIR", folder.path(), &server).expect_exit(0);
    let absent = folder.path().join("absent");
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let output = with_variable(name, &absent, &server).expect_exit(2);
        assert!(output.stderr.contains(name), "{output}");
        assert!(output.stderr.contains("bad_certificate"), "{output}");
    }
    // Plain connections do not need certificates.
    let sandbox = Sandbox::new().with("SSL_CERT_FILE", absent.display().to_string());
    let url = app.url("/");
    let _ = sandbox
        .run(["send", "contact.created", "--to", &url])
        .expect_exit(0);
}
