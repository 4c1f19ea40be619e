//! Answers of a database elsewhere that get lost on their way.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use accredit_store::{EntryOutcome, Store};

use crate::backends::{Factory as _, Postgres};
use crate::made::{NOW, chain, mark, replayed, spending};

/// K07: a commit came about and its answer was lost with the connection. It is asked again, so that evidence is not spent for
/// nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k07_a_commit_whose_answer_was_lost_is_asked_for() {
    let Some(postgres) = Postgres::new() else { return };
    let cluster = accredit_test_postgres::shared().unwrap();
    let name = postgres.url().rsplit('/').next().unwrap().to_owned();
    let (port, lose) = lossy(cluster.port());
    let store = Store::open(&cluster.url_through(port, &name)).await.unwrap();
    let mut chain = chain(&store, 1).await;
    for number in 1..4_u64 {
        let token = u8::try_from(number).unwrap();
        lose.store(true, Ordering::SeqCst);
        let committed = store.commit_records(&mut chain, &[spending(number, mark("idp_1", token))], NOW).await.unwrap();
        assert_eq!(committed.outcomes, [EntryOutcome::Recorded], "{number}");
        assert!(!lose.load(Ordering::SeqCst), "nothing was lost");
        let again =
            store.commit_records(&mut chain, &[spending(number + 10, mark("idp_1", token))], NOW).await.unwrap();
        assert_eq!(again.outcomes, [replayed(number)]);
    }
    assert_eq!(postgres.open().await.verify_audit(&[], |_| true).await.unwrap().breaks, []);
}

/// A port that leads to another one, and a switch: the next answer to a commit is lost, and its connection ends.
fn lossy(to: u16) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let lose = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&lose);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { return };
            let lost = Arc::new(AtomicBool::new(false));
            let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (switch, losing) = (Arc::clone(&switch), Arc::clone(&lost));
            thread::spawn(move || {
                carry(from, into, |bytes| {
                    if bytes.windows(7).any(|seven| seven == b"COMMIT\0") && switch.swap(false, Ordering::SeqCst) {
                        losing.store(true, Ordering::SeqCst);
                    }
                    true
                });
            });
            thread::spawn(move || carry(server, client, |_| !lost.load(Ordering::SeqCst)));
        }
    });
    (port, lose)
}

/// Carries bytes as long as they may pass, then ends both ways.
fn carry(mut from: TcpStream, mut into: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !may_pass(&buffer[..count]) || into.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both));
}
