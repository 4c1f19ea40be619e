//! The egress proxy and private authorities: J12, and J06 and J07 through them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use accredit_id::jose::jwk::Purpose;
use accredit_id::secret::Secret;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::stand::{PlayedNames, Stand, authority, kids};
use crate::gather::dial::Connection;
use crate::gather::fault::FetchFault;
use crate::gather::fetch::{Fetcher, LIMITS, Limits};
use crate::gather::guard::Guard;
use crate::gather::{AllowList, Authorities, KeyPlace, KeySource, Proxy};

/// A proxy on loopback that leads wherever it is told, whatever it is asked for, and keeps what it was asked.
#[derive(Clone)]
struct Gate {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    async fn start(to: SocketAddr, answer: &'static str) -> Self {
        Self::start_over(to, answer, None).await
    }

    /// The same, spoken to over TLS where there is an acceptor.
    async fn start_over(to: SocketAddr, answer: &'static str, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&gate.asked);
        tokio::spawn(async move {
            loop {
                let (plain, _) = listener.accept().await.unwrap();
                let (asked, acceptor) = (Arc::clone(&asked), acceptor.clone());
                tokio::spawn(async move {
                    let mut inside: Connection = match acceptor {
                        None => Box::new(plain),
                        Some(acceptor) => match acceptor.accept(plain).await {
                            Ok(secured) => Box::new(secured),
                            Err(_) => return,
                        },
                    };
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(inside.read_u8().await.unwrap());
                    }
                    asked.lock().unwrap().push(String::from_utf8(head).unwrap().to_ascii_lowercase());
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    inside.write_all(answer.as_bytes()).await.unwrap();
                    if answer.contains(" 200 ") {
                        let mut outside = TcpStream::connect(to).await.unwrap();
                        let _ = copy_bidirectional(&mut inside, &mut outside).await;
                    }
                });
            }
        });
        gate
    }

    fn proxy(&self, except: &[&str]) -> Option<Proxy> {
        let except: Vec<String> = except.iter().map(|range| (*range).to_owned()).collect();
        let credentials = Secret::new("accredit:hunter2".to_owned());
        Some(Proxy::new(&format!("http://{}", self.address), Some(&credentials), &except).unwrap())
    }

    /// The proxy under a name, over TLS; the name is loopback's own.
    fn secured_proxy(&self, host: &str) -> Option<Proxy> {
        Some(Proxy::new(&format!("https://{host}:{}", self.address.port()), None, &[]).unwrap())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

const OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn fetcher(names: &PlayedNames, allow: &[&str], authorities: Authorities, proxy: Option<Proxy>) -> Fetcher {
    let guard = Guard::with_names(AllowList::parse(allow).unwrap(), names.clone());
    let limits = Limits { connect: Duration::from_secs(1), ..LIMITS };
    Fetcher::with_limits(guard, authorities, proxy, limits)
}

fn trusting(authority: CertificateDer<'static>) -> Authorities {
    Authorities { beside: vec![authority], ..Authorities::default() }
}

fn jwks_at(url: &str) -> KeySource {
    KeySource { place: KeyPlace::JwksUrl(url.to_owned()), purpose: Purpose::Signature }
}

async fn fault_of(fetcher: &Fetcher, source: &KeySource) -> FetchFault {
    fetcher.keys(source, None).await.map(|fetched| kids(&fetched.set).len()).unwrap_err()
}

/// J12, J07: the tunnel leads to the address that this server resolved and judged; the name is met at its end alone.
#[tokio::test]
async fn j12_j07_the_proxy_is_asked_for_the_checked_address() {
    let (authority, acceptor) = authority();
    let issuer = Stand::start_tls(acceptor).await;
    issuer.publish(&["a"]);
    let gate = Gate::start(issuer.address, OPEN).await;
    let names = PlayedNames::new(&[&["8.8.8.8"], &["10.0.0.1"]]);
    let fetcher = fetcher(&names, &[], trusting(authority), gate.proxy(&[]));
    let source = jwks_at("https://issuer.example/jwks");
    assert_eq!(kids(&fetcher.keys(&source, None).await.unwrap().set), ["a"]);
    let credentials = "proxy-authorization: basic ywnjcmvkaxq6ahvudgvymg==";
    let asked = gate.asked().pop().unwrap();
    assert!(asked.starts_with("connect 8.8.8.8:443 http/1.1\r\nhost: 8.8.8.8:443\r\n"), "{asked}");
    assert!(asked.contains(credentials), "{asked}");
    assert_eq!(issuer.hosts(), ["issuer.example"]);
    // The name leads inside by now: nobody is asked.
    let fault = fault_of(&fetcher, &source).await;
    assert_eq!((fault.code(), gate.asked().len(), issuer.asked().len()), ("fetch-refused-address", 1, 1));
}

/// The tunnel is no way around certificates: its end must be the issuer.
#[tokio::test]
async fn j12_a_proxy_that_leads_elsewhere_is_noticed() {
    let (authority, acceptor) = authority();
    let issuer = Stand::start_tls(acceptor).await;
    issuer.publish(&["a"]);
    let gate = Gate::start(issuer.address, OPEN).await;
    let names = PlayedNames::new(&[&["8.8.8.8"]]);
    let fetcher = fetcher(&names, &[], trusting(authority), gate.proxy(&[]));
    let fault = fault_of(&fetcher, &jwks_at("https://bank.example/jwks")).await;
    assert!(fault.operator_text().ends_with("its certificate is for another name"), "{}", fault.operator_text());
    assert_eq!(issuer.asked().len(), 0);
}

/// A proxy may be spoken to over TLS. Then it shows a certificate for its own name before it learns where the way leads.
#[tokio::test]
async fn j12_a_proxy_over_tls_shows_who_it_is_first() {
    let (of_issuer, acceptor) = authority();
    let issuer = Stand::start_tls(acceptor).await;
    issuer.publish(&["a"]);
    let (of_proxy, acceptor) = authority();
    let gate = Gate::start_over(issuer.address, OPEN, Some(acceptor)).await;
    let names = PlayedNames::new(&[&["8.8.8.8"]]);
    let source = jwks_at("https://issuer.example/jwks");
    let trusting = |authorities: &[&CertificateDer<'static>]| Authorities {
        beside: authorities.iter().map(|one| (*one).clone()).collect(),
        ..Authorities::default()
    };
    let both = fetcher(&names, &[], trusting(&[&of_issuer, &of_proxy]), gate.secured_proxy("localhost"));
    let stranger = fetcher(&names, &[], trusting(&[&of_issuer]), gate.secured_proxy("localhost"));
    let fault = fault_of(&stranger, &source).await;
    assert!(
        fault.operator_text().contains("the egress proxy is not trusted: its certificate"),
        "{}",
        fault.operator_text()
    );
    assert_eq!(gate.asked().len(), 0, "a proxy that nobody vouches for is asked nothing");
    let fetched = both.keys(&source, None).await.map_err(|fault| fault.operator_text()).unwrap();
    assert_eq!((kids(&fetched.set), gate.asked().len()), (vec!["a"], 1));
}

/// J06 through a proxy: it opens no range, and metadata addresses least of all.
#[tokio::test]
async fn j06_j12_a_proxy_opens_nothing() {
    let gate = Gate::start("127.0.0.1:1".parse().unwrap(), OPEN).await;
    for address in ["169.254.169.254", "10.0.0.1", "127.0.0.1", "::1", "fd00:ec2::254"] {
        let names = PlayedNames::new(&[&[address]]);
        let fetcher = fetcher(&names, &[], Authorities::default(), gate.proxy(&[]));
        assert_eq!(fault_of(&fetcher, &jwks_at("https://a.example/jwks")).await.code(), "fetch-refused-address");
    }
    assert_eq!(gate.asked().len(), 0);
}

#[tokio::test]
async fn j12_what_is_near_is_dialled_directly() {
    let near = Stand::start().await;
    near.publish(&["a"]);
    let gate = Gate::start(near.address, OPEN).await;
    let names = PlayedNames::new(&[&["127.0.0.1"]]);
    let source = jwks_at(&format!("http://k8s.internal:{}/jwks", near.address.port()));
    for (except, asked) in [(&["127.0.0.0/8"][..], 0), (&["10.0.0.0/8"][..], 1)] {
        let fetcher = fetcher(&names, &["127.0.0.0/8"], Authorities::default(), gate.proxy(except));
        assert_eq!(kids(&fetcher.keys(&source, None).await.unwrap().set), ["a"]);
        assert_eq!(gate.asked().len(), asked);
    }
}

#[tokio::test]
async fn j12_a_proxy_that_leads_nowhere_is_named() {
    let names = PlayedNames::new(&[&["8.8.8.8"]]);
    let source = jwks_at("https://issuer.example/jwks");
    let nobody = "127.0.0.1:1".parse().unwrap();
    for (answer, expected) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the egress proxy answered 407"),
        ("HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\n\r\n", "the egress proxy answered 302"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "the egress proxy broke off"),
    ] {
        let gate = Gate::start(nobody, answer).await;
        let fetcher = fetcher(&names, &[], Authorities::default(), gate.proxy(&[]));
        let fault = fault_of(&fetcher, &source).await;
        assert_eq!(fault.code(), "fetch-proxy");
        assert!(fault.operator_text().contains(expected), "{}", fault.operator_text());
        assert!(fault.hint().unwrap().contains("`fetch.proxy`"));
        assert!(!fault.operator_text().contains("hunter2"));
    }
    let gone = Gate { address: nobody, asked: Arc::default() };
    let fault = fault_of(&fetcher(&names, &[], Authorities::default(), gone.proxy(&[])), &source).await;
    assert!(fault.operator_text().ends_with("the egress proxy cannot be reached"), "{}", fault.operator_text());
    // One that says nothing is given up like any other.
    let silent = Gate::start(nobody, "").await;
    let begun = Instant::now();
    let fault = fault_of(&fetcher(&names, &[], Authorities::default(), silent.proxy(&[])), &source).await;
    assert_eq!(fault.code(), "fetch-timeout");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

/// J12: a host that is held to an authority of its own is believed by no other, and that authority by no other host.
#[tokio::test]
async fn j12_an_authority_of_one_host_speaks_for_it_alone() {
    let (own, acceptor) = authority();
    let stand = Stand::start_tls(acceptor).await;
    stand.publish(&["a"]);
    let (other, _) = authority();
    let names = PlayedNames::new(&[&["127.0.0.1"]]);
    let source = jwks_at(&format!("https://issuer.example:{}/jwks", stand.address.port()));
    let with = |beside: &CertificateDer<'static>, host: &str, alone: &CertificateDer<'static>| {
        let of_hosts = [(host.to_owned(), vec![alone.clone()])].into();
        let authorities = Authorities { beside: vec![beside.clone()], of_hosts };
        fetcher(&names, &["127.0.0.0/8"], authorities, None)
    };
    assert!(with(&other, "issuer.example", &own).keys(&source, None).await.is_ok());
    for refusing in [with(&own, "issuer.example", &other), with(&other, "elsewhere.example", &own)] {
        let fault = fault_of(&refusing, &source).await;
        assert!(fault.operator_text().ends_with("an authority that is not trusted here"), "{}", fault.operator_text());
        assert!(fault.hint().unwrap().contains("`fetch.authorities`"));
    }
    assert!(with(&own, "elsewhere.example", &other).keys(&source, None).await.is_ok());
}
