//! Backups: the same from every database and for every database.

use accredit_id::mac::MacKey;
use accredit_id::secret::Secret;
use accredit_store::archive::{Archive, ArchiveFault, Asked, RestoreDeed, RestoreFault};
use accredit_store::audit::ChainId;
use accredit_store::{EntryOutcome, Store};
use tokio::sync::mpsc;

use crate::backends::{Factory, File, Postgres};
use crate::made::{NOW, chain, change, entry, mark, record, replayed, row, spending};
use crate::sweeps::{cover, holds, removal, sweep};

pub(crate) async fn taken(store: &Store) -> Vec<u8> {
    let asked = Asked { made_at: NOW, version: "1".to_owned(), public_url: "https://a.test".to_owned() };
    let (to, mut pieces) = mpsc::channel(1);
    let (made, bytes) = tokio::join!(
        async {
            let made = store.archive(&asked, &to).await;
            drop(to);
            made
        },
        async {
            let mut bytes = Vec::new();
            while let Some(piece) = pieces.recv().await {
                bytes.extend(piece);
            }
            bytes
        }
    );
    made.unwrap();
    bytes
}

pub(crate) fn deed() -> RestoreDeed {
    deed_of(77)
}

fn deed_of(number: u8) -> RestoreDeed {
    RestoreDeed { keys: Vec::new(), records: vec![record(number.into())], chain: ChainId([number; 16]) }
}

/// L16: what is restored is what was there, and evidence of before counts as spent.
pub(crate) async fn l16_a_backup_is_restored_and_goes_on(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    store.apply_change(&mut first, &change(0, (0..600).map(row).collect()), NOW).await.unwrap();
    store.commit_records(&mut first, &[entry(1), spending(2, mark("idp_1", 3))], NOW).await.unwrap();
    let bytes = taken(&store).await;
    let (rows, head) = (store.load().await.unwrap().rows, store.head().await.unwrap());

    let inspected = Archive::open(bytes.as_slice()).unwrap().inspect(&[], |_, _| true).unwrap();
    assert_eq!((inspected.about.sequence, inspected.audit.records, inspected.epoch), (head.sequence, 3, 0));
    assert!(inspected.audit.is_intact());

    let other = Store::open("sqlite::memory:").await.unwrap();
    other.restore(Archive::open(bytes.as_slice()).unwrap(), deed(), NOW + 50).await.unwrap();
    let again = other.load().await.unwrap();
    assert_eq!((again.rows, again.head.sequence), (rows, head.sequence + 1));
    assert_eq!(again.head.revocation, again.head.sequence);
    let restored = other.restoration().await.unwrap().unwrap();
    assert_eq!((restored.epoch, restored.restored_at, restored.made_at), (1, NOW + 50, NOW));
    assert!(other.verify_audit(&[], |_| true).await.unwrap().is_intact());
    assert_eq!(other.foresee(&mark("idp_1", 3)).await.unwrap(), replayed(2));
    assert_eq!(other.foresee(&mark("idp_1", 4)).await.unwrap(), EntryOutcome::Replayed { first: None });
    // It goes on as any other, and so does a backup of it.
    let mut next = chain(&other, 2).await;
    other.apply_change(&mut next, &change(head.sequence + 1, vec![row(900)]), NOW + 60).await.unwrap();
    let twice = taken(&other).await;
    let inspected = Archive::open(twice.as_slice()).unwrap().inspect(&[], |_, _| true).unwrap();
    assert_eq!(inspected.epoch, 1);
    assert!(inspected.audit.is_intact());
    // Nothing is written onto what is there.
    let refused = other.restore(Archive::open(bytes.as_slice()).unwrap(), deed(), NOW).await.unwrap_err();
    assert!(matches!(refused, RestoreFault::NotEmpty { .. }), "{refused}");
}

/// L18: a backup of a log whose oldest batches are gone begins at the same signed checkpoints, and so does what is restored from
/// it; heads of what went hold as well. Where the checkpoints are forged it is as broken as its store.
pub(crate) async fn l18_a_log_behind_a_checkpoint_is_backed_up_and_restored(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    for number in 0..300 {
        store.commit_records(&mut first, &[entry(number)], NOW - 100).await.unwrap();
    }
    let outside = [cover(&store, &first).await];
    let mut second = chain(&store, 2).await;
    store.commit_records(&mut second, &[entry(1000)], NOW - 100).await.unwrap();
    store.commit_records(&mut second, &[entry(1001)], NOW).await.unwrap();
    cover(&store, &second).await;
    assert!(sweep(&store, &mut second, removal(NOW - 50, &[]), 9000).await > 0);
    let before = store.verify_audit(&outside, holds).await.unwrap();
    assert_eq!((&before.breaks, before.removed, before.records), (&vec![], 301, 2));

    let bytes = taken(&store).await;
    let inspect = |is_signed: bool| {
        let archive = Archive::open(bytes.as_slice()).unwrap();
        archive.inspect(&outside, |_, signed| is_signed && holds(signed)).unwrap().audit
    };
    assert_eq!(inspect(true), before);
    assert!(!inspect(false).is_intact());
    let other = Store::open("sqlite::memory:").await.unwrap();
    other.restore(Archive::open(bytes.as_slice()).unwrap(), deed(), NOW + 50).await.unwrap();
    let after = other.verify_audit(&outside, holds).await.unwrap();
    assert_eq!((&after.breaks, after.removed, after.records), (&vec![], 301, 3));
    assert!(!other.verify_audit(&outside, |_| false).await.unwrap().is_intact());
    // More may go there, and a backup of that is whole as well.
    let mut next = chain(&other, 3).await;
    other.commit_records(&mut next, &[entry(2000)], NOW + 60).await.unwrap();
    cover(&other, &next).await;
    assert!(sweep(&other, &mut next, removal(NOW + 55, &[]), 9001).await > 0);
    let twice = taken(&other).await;
    let audit = Archive::open(twice.as_slice()).unwrap().inspect(&outside, |_, signed| holds(signed)).unwrap().audit;
    assert_eq!(audit.breaks, []);
    assert_eq!(audit, other.verify_audit(&outside, holds).await.unwrap());
}

/// All or nothing: what breaks off or was altered leaves an empty store behind.
pub(crate) async fn what_is_not_whole_leaves_nothing(factory: impl Factory) {
    let store = factory.open().await;
    let mut first = chain(&store, 1).await;
    store.apply_change(&mut first, &change(0, (0..20).map(row).collect()), NOW).await.unwrap();
    let bytes = taken(&store).await;
    let other = Store::open("sqlite::memory:").await.unwrap();
    let mut altered = bytes.clone();
    let place = bytes.windows(7).position(|window| window == b"ci/web-").unwrap();
    altered[place] ^= 1;
    for (bytes, expected) in
        [(&altered[..], ArchiveFault::Altered), (&bytes[..bytes.len() - 9], ArchiveFault::Truncated)]
    {
        let fault = Archive::open(bytes).unwrap().inspect(&[], |_, _| true).unwrap_err();
        assert_eq!(fault, expected);
        let refused = other.restore(Archive::open(bytes).unwrap(), deed(), NOW).await.unwrap_err();
        assert!(matches!(refused, RestoreFault::Archive(fault) if fault == expected));
        assert!(other.load().await.unwrap().rows.is_empty());
        assert_eq!(other.restoration().await.unwrap(), None);
    }
    other.restore(Archive::open(bytes.as_slice()).unwrap(), deed(), NOW).await.unwrap();
}

/// L16, L18: seals go along from one database to another, of its own kind and of another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l16_a_sealed_backup_goes_from_any_database_to_any() {
    let key = || MacKey::new(&Secret::new([7; 32]));
    let Some((from, to)) = Postgres::new().zip(Postgres::new()) else { return };
    let file = File::new();
    let store = from.open().await;
    store.begin_seals(key(), vec![1], "k".to_owned(), [9; 16]).await.unwrap();
    let mut first = chain(&store, 1).await;
    let mut beside = chain(&store, 2).await;
    store.apply_change(&mut first, &change(0, (0..300).map(row).collect()), NOW).await.unwrap();
    store.commit_records(&mut beside, &[entry(1), spending(2, mark("idp_1", 3))], NOW).await.unwrap();
    store.commit_records(&mut first, &[entry(4)], NOW).await.unwrap();
    let rows = store.load().await.unwrap().rows;
    let mut bytes = taken(&store).await;
    for (url, number) in [(file.url(), 77), (to.url(), 78)] {
        let inspected = Archive::open(bytes.as_slice()).unwrap().inspect(&[], |_, _| true).unwrap();
        assert!(inspected.digest.is_of(&key()) && inspected.audit.is_intact(), "{:?}", inspected.audit);
        let other = Store::open(&url).await.unwrap();
        other.seal_by(key());
        other.restore(Archive::open(bytes.as_slice()).unwrap(), deed_of(number), NOW + 50).await.unwrap();
        assert_eq!(other.load().await.unwrap().rows, rows);
        assert_eq!(other.tampering(), []);
        assert!(other.verify_audit(&[], |_| true).await.unwrap().is_intact());
        bytes = taken(&other).await;
    }
}
