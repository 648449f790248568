//! TLS: handshakes, certificates that change, and clients that must have one.

use std::path::Path;

use keywright_server::tls::TlsFiles;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

type Made = rcgen::CertifiedKey<rcgen::KeyPair>;

fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        certificates: folder.join("certificate.pem"),
        private_key: folder.join("key.pem"),
        client_authorities: None,
    }
}

fn write(files: &TlsFiles) -> Made {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&files.certificates, made.cert.pem()).unwrap();
    std::fs::write(&files.private_key, made.signing_key.serialize_pem()).unwrap();
    made
}

/// A client that trusts `server` alone and shows `own`.
async fn handshake(
    address: SocketAddr,
    server: &Made,
    own: Option<&Made>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(server.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
            builder
                .with_client_auth_cert(vec![own.cert.der().clone()], key)
                .unwrap()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

async fn who(stream: &mut TlsStream<TcpStream>) -> String {
    let request = b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let _cut = stream.write_all(request).await;
    to_end(stream).await
}

#[tokio::test]
async fn requests_over_tls_1_2_and_1_3_are_answered_and_marked() {
    let folder = tempfile::tempdir().unwrap();
    let made = write(&files(folder.path()));
    let handle = TlsAcceptorHandle::load(files(folder.path())).unwrap();
    let server = Running::start_with(Limits::default(), Some(handle)).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut stream = handshake(server.address, &made, None, &[version])
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = who(&mut stream).await;
        assert!(answer.ends_with("127.0.0.1 tls=true"), "{answer}");
    }
}

#[tokio::test]
async fn plain_http_gets_no_answer_from_a_tls_listener() {
    let folder = tempfile::tempdir().unwrap();
    write(&files(folder.path()));
    let handle = TlsAcceptorHandle::load(files(folder.path())).unwrap();
    let server = Running::start_with(Limits::default(), Some(handle)).await;
    assert!(!server.say(HELLO).await.contains("HTTP"));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_cut_at_the_header_limit() {
    let folder = tempfile::tempdir().unwrap();
    write(&files(folder.path()));
    let handle = TlsAcceptorHandle::load(files(folder.path())).unwrap();
    let limits = Limits {
        header_read: short(100),
        ..Limits::default()
    };
    let server = Running::start_with(limits, Some(handle)).await;
    assert_eq!(server.say("\u{16}\u{3}\u{1}").await, "");
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_a_bad_one_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let first = write(&files);
    let handle = TlsAcceptorHandle::load(files.clone()).unwrap();
    let server = Running::start_with(Limits::default(), Some(handle.clone())).await;
    let versions = rustls::ALL_VERSIONS;
    let mut open = handshake(server.address, &first, None, versions)
        .await
        .unwrap();
    assert_eq!(&shown(&open), first.cert.der());

    let second = write(&files);
    handle.reload().unwrap();
    let stream = handshake(server.address, &second, None, versions)
        .await
        .unwrap();
    assert_eq!(&shown(&stream), second.cert.der());
    assert!(
        handshake(server.address, &first, None, versions)
            .await
            .is_err()
    );
    assert!(who(&mut open).await.ends_with("tls=true"));

    std::fs::write(&files.certificates, "not a certificate").unwrap();
    handle.reload().unwrap_err();
    let stream = handshake(server.address, &second, None, versions)
        .await
        .unwrap();
    assert_eq!(&shown(&stream), second.cert.der());
}

#[tokio::test]
async fn the_watch_finds_a_new_certificate_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write(&files);
    let handle = TlsAcceptorHandle::load(files.clone()).unwrap();
    let server = Running::start_with(Limits::default(), Some(handle.clone())).await;
    let mut watch = JoinSet::new();
    watch.spawn(handle.watch(short(10)));
    let second = write(&files);
    let versions = rustls::ALL_VERSIONS;
    within(async {
        while handshake(server.address, &second, None, versions)
            .await
            .is_err()
        {}
    })
    .await;
}

#[tokio::test]
async fn with_client_authorities_only_their_clients_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let made = write(&files(folder.path()));
    let client = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
    let authorities = folder.path().join("authorities.pem");
    std::fs::write(&authorities, client.cert.pem()).unwrap();
    let files = TlsFiles {
        client_authorities: Some(authorities),
        ..files(folder.path())
    };
    let handle = TlsAcceptorHandle::load(files).unwrap();
    let server = Running::start_with(Limits::default(), Some(handle)).await;
    for (own, served) in [
        (Some(&client), true),
        (Some(&stranger), false),
        (None, false),
    ] {
        // In TLS 1.3 the client learns of the refusal only after its handshake.
        let answer = match handshake(server.address, &made, own, rustls::ALL_VERSIONS).await {
            Ok(mut stream) => who(&mut stream).await,
            Err(_) => String::new(),
        };
        assert_eq!(answer.ends_with("tls=true"), served, "{answer}");
    }
}
