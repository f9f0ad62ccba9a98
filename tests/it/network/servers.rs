//! A proxy, a server that speaks TLS, and certificates. Both pass their connections on to a plain server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Accepts connections on a port of 127.0.0.1 until it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self {
            address,
            runtime: Some(runtime),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a proxy does with requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Behaviour {
    /// `user:password` that clients must send.
    pub(super) login: Option<&'static str>,
    /// Answer every request with these bytes.
    pub(super) answer: Option<&'static str>,
}

/// An HTTP and SOCKS 5 proxy that connects to one address, whatever its clients ask for.
pub(super) struct Proxy {
    server: Server,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(super) fn to(target: SocketAddr) -> Self {
        Self::with(target, Behaviour::default())
    }

    pub(super) fn with(target: SocketAddr, behaviour: Behaviour) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&seen);
        let server = Server::start(move |stream| {
            serve(stream, target, behaviour.clone(), Arc::clone(&recorded))
        });
        Self { server, seen }
    }

    /// `http://127.0.0.1:PORT`
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The first line of each request: `CONNECT a.test:443`, `GET http://a.test/x`, `SOCKS a.test:443`.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    target: SocketAddr,
    behaviour: Behaviour,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let record = |line: String| {
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    };
    let mut first = [0];
    if stream.peek(&mut first).await.unwrap_or(0) == 0 {
        return;
    }
    if first == [5] {
        if let Some(line) = socks(&mut stream, behaviour.login).await {
            record(line);
            pass_on(stream, target, b"").await;
        }
        return;
    }
    let Some(head) = head(&mut stream).await else {
        return;
    };
    let (line, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let (request, _) = line.rsplit_once(' ').unwrap_or((line, ""));
    record(request.to_owned());
    if let Some(answer) = behaviour.answer {
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
    let login = behaviour.login.map(|login| {
        let text = base64::engine::general_purpose::STANDARD.encode(login);
        format!("proxy-authorization: basic {text}").to_ascii_lowercase()
    });
    if login.is_some_and(|login| !rest.to_ascii_lowercase().contains(&login)) {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(refusal.as_bytes()).await;
        return;
    }
    if request.starts_with("CONNECT ") {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        return pass_on(stream, target, b"").await;
    }
    let (method, url) = request.split_once(' ').unwrap_or_default();
    let path = url
        .strip_prefix("http://")
        .and_then(|rest| Some(&rest[rest.find('/')?..]))
        .unwrap_or("/");
    // The target closes, so that each request is seen here.
    let head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{rest}");
    pass_on(stream, target, head.as_bytes()).await;
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The handshake of RFC 1928, and RFC 1929 with a login. Returns what the client asked for.
async fn socks(stream: &mut TcpStream, login: Option<&str>) -> Option<String> {
    let (_, count) = (stream.read_u8().await.ok()?, stream.read_u8().await.ok()?);
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await.ok()?;
    if let Some(login) = login {
        stream.write_all(&[5, 2]).await.ok()?;
        stream.read_u8().await.ok()?;
        let user = socks_text(stream).await?;
        let password = socks_text(stream).await?;
        let is_right = format!("{user}:{password}") == login;
        stream.write_all(&[1, u8::from(!is_right)]).await.ok()?;
        if !is_right {
            return None;
        }
    } else {
        stream.write_all(&[5, 0]).await.ok()?;
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.ok()?;
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await.ok()?).to_string(),
        3 => socks_text(stream).await?,
        _ => return None,
    };
    let port = stream.read_u16().await.ok()?;
    stream
        .write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
        .ok()?;
    Some(format!("SOCKS {host}:{port}"))
}

async fn socks_text(stream: &mut TcpStream) -> Option<String> {
    let mut text = vec![0; usize::from(stream.read_u8().await.ok()?)];
    stream.read_exact(&mut text).await.ok()?;
    String::from_utf8(text).ok()
}

async fn pass_on(mut stream: TcpStream, target: SocketAddr, start: &[u8]) {
    let Ok(mut other) = TcpStream::connect(target).await else {
        return;
    };
    if other.write_all(start).await.is_ok() {
        let _ = copy_bidirectional(&mut stream, &mut other).await;
    }
}

/// An issuer of certificates.
pub(super) struct Authority {
    pub(super) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("an authority")
    }

    pub(super) fn named(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("valid names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    pub(super) fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    pub(super) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("valid names");
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Identity {
    /// As `openssl req -x509` creates it: self-signed, and allowed to issue others.
    pub(super) fn self_signed(names: &[&str], common_name: &str) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("valid names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("a key");
        Self {
            certificate: params.self_signed(&key).expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }
}

/// How a server speaks TLS.
#[derive(Default)]
pub(super) struct Tls<'a> {
    /// Accept only clients with a certificate of this issuer.
    pub(super) clients: Option<&'a Authority>,
}

/// A server that speaks TLS and passes the data on to `target`.
pub(super) fn secure(identity: &Identity, target: SocketAddr, tls: &Tls<'_>) -> Server {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match tls.clients {
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(authority.pem.as_bytes());
            roots.add(root.expect("PEM")).expect("a certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
        None => builder.with_no_client_auth(),
    };
    let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
    let config = builder.with_single_cert(chain, key).expect("an identity");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            if let Ok(mut other) = TcpStream::connect(target).await {
                let _ = copy_bidirectional(&mut stream, &mut other).await;
            }
        }
    })
}
