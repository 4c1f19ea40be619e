//! Certificates that are replaced while the server runs, met with a TLS client of our own.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use accredit_e2e::patience::eventually;
use accredit_e2e::server::{Home, Server};
use nix::sys::signal::Signal;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// New connections meet the new certificate, by a signal at once and by looking within seconds; an open one goes on. A pair
/// that cannot be used is named and changes nothing.
#[test]
fn certificates_are_replaced_while_the_server_runs() {
    let (home, mut pairs) = (Home::new(), (0..4).map(|_| pair()));
    let mut next = || pairs.next().unwrap();
    let (first, second, third, other) = (next(), next(), next(), next());
    write(&home, &first);
    home.write("kek", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    home.configure("http://accredit.test", "https://accredit.test");
    home.configure(
        "listen = \"127.0.0.1:0\"",
        "listen = \"127.0.0.1:0\"\ntls = { certificate = \"leaf.pem\", key = \"leaf.key\" }",
    );
    let server = home.start();
    // One client throughout: it would resume its session if it could.
    let client = client([&first, &second, &third, &other].map(|pair| &pair.certificate));
    let mut old = connect(&server, &client);
    assert_eq!(shown(&old), first.certificate);
    assert!(asks(&mut old));

    write(&home, &second);
    server.signal(Signal::SIGHUP);
    let taken = |pair: &Pair| eventually("another pair", || shown(&connect(&server, &client)) == pair.certificate);
    taken(&second);
    assert!(asks(&mut old), "an open connection ends with its certificate");

    // Nobody says anything: the files are looked at.
    write(&home, &third);
    taken(&third);

    // A key that is another certificate's.
    fs::write(home.path("leaf.key"), &other.key_pem).unwrap();
    eventually("the first word of it", || server.log().contains("does not fit certificate"));
    server.signal(Signal::SIGHUP);
    eventually("the second word of it", || server.log().matches("does not fit certificate").count() >= 2);
    assert_eq!(shown(&connect(&server, &client)), third.certificate);
    assert!(asks(&mut old));
    fs::write(home.path("leaf.pem"), &other.certificate_pem).unwrap();
    taken(&other);
    assert!(!server.log().contains("PRIVATE KEY"));
    drop(old);
    assert!(server.stop().success());
}

struct Pair {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

fn pair() -> Pair {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["accredit.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    Pair { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
}

fn write(home: &Home, pair: &Pair) {
    home.write("leaf.pem", &pair.certificate_pem);
    home.write("leaf.key", &pair.key_pem);
}

fn client(trusted: [&CertificateDer<'static>; 4]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    trusted.into_iter().for_each(|certificate| roots.add(certificate.clone()).unwrap());
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A connection whose handshake is over, tickets included.
fn connect(server: &Server, client: &Arc<ClientConfig>) -> Tls {
    let address = SocketAddr::from(([127, 0, 0, 1], server.address.port()));
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let name = ServerName::try_from("accredit.test").unwrap();
    let mut connection = StreamOwned::new(ClientConnection::new(Arc::clone(client), name).unwrap(), stream);
    assert!(asks(&mut connection));
    connection
}

fn asks(connection: &mut Tls) -> bool {
    connection.write_all(b"GET /livez HTTP/1.1\r\nHost: accredit.test\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok\n") {
        let mut some = [0; 1024];
        match connection.read(&mut some) {
            Ok(0) | Err(_) => return false,
            Ok(count) => answer.extend_from_slice(&some[..count]),
        }
    }
    answer.starts_with(b"HTTP/1.1 200 OK")
}

fn shown(connection: &Tls) -> CertificateDer<'static> {
    connection.conn.peer_certificates().unwrap()[0].clone().into_owned()
}
