//! Copies: whatever a store holds, from whichever database to whichever.

use accredit_store::audit::{Content, Erasable, SignedHead};
use accredit_store::{
    Change, Entry, KeyChange, KeyDeed, KeyLife, MARK_MARGIN, NamePin, PinKey, Revocation, SightingDeed, SigningKey,
    Store,
};

use crate::backends::{Factory, File, Memory, Postgres};
use crate::kept_answers::kept;
use crate::made::{NOW, chain, change, entry, id, mark, record, row, sighting, signing_key, spending};
use crate::seals::{key, read};

#[tokio::test]
async fn a_copy_in_a_file_holds_everything() {
    copied_all_the_way(&[&File::new().url(), &File::new().url()], false).await;
}

/// L18: rows go with their seals, which hold in the copy, and in the copy of that.
#[tokio::test]
async fn l18_a_copy_in_a_file_is_sealed_as_before() {
    copied_all_the_way(&[&File::new().url(), &File::new().url()], true).await;
}

#[tokio::test]
async fn a_copy_on_a_server_and_back_holds_everything() {
    let (Some(one), Some(two)) = (Postgres::new(), Postgres::empty()) else { return };
    copied_all_the_way(&[&one.url(), &File::new().url(), &two.url()], false).await;
}

/// L18.
#[tokio::test]
async fn l18_a_copy_on_a_server_and_back_is_sealed_as_before() {
    let (Some(one), Some(two)) = (Postgres::new(), Postgres::empty()) else { return };
    copied_all_the_way(&[&one.url(), &File::new().url(), &two.url()], true).await;
}

async fn copied_all_the_way(urls: &[&str], is_sealed: bool) {
    let mut from = Memory.open().await;
    if is_sealed {
        from.begin_seals(key(), vec![1], "k".to_owned(), [9; 16]).await.unwrap();
    }
    fill(&from).await;
    for url in urls {
        let to = Store::open(url).await.unwrap();
        let copied = from.copy_to(&to).await.unwrap();
        if is_sealed {
            assert_eq!(to.key_of_seals().await.unwrap(), Some((vec![1], "k".to_owned())));
            to.seal_by(key());
        }
        let filled = copied.tables.iter().filter(|(_, rows)| *rows > 0).count();
        assert!(filled >= 13, "of {:?} only {filled} hold anything: the case shows little", copied.tables);
        assert_same(&from, &to).await;
        let error = from.copy_to(&to).await.unwrap_err();
        assert_eq!(error.code(), "store-not-empty", "{error}");
        // What comes next goes on from there.
        let mut next = chain(&to, 9).await;
        let head = to.head().await.unwrap();
        to.apply_change(&mut next, &change(head.sequence, vec![row(77)]), NOW).await.unwrap();
        assert!(to.verify_audit(&[], |_| true).await.unwrap().is_intact());
        assert_eq!(read(&to).await.1, Vec::<String>::new(), "{url}");
        // The next copy is of what there was before.
        let again = Memory.open().await;
        from.copy_to(&again).await.unwrap();
        if is_sealed {
            again.seal_by(key());
        }
        from = again;
    }
}

/// Something in every table, with and without what may be absent.
async fn fill(store: &Store) {
    let mut one = chain(store, 1).await;
    store.apply_change(&mut one, &change(0, (0..300).map(row).collect()), NOW).await.unwrap();
    let deletes = vec![(row(5).kind, row(5).id)];
    let answer = Some(kept(1, 1, 100));
    let second = Change { deletes, revokes: true, answer, ..change(1, vec![row(301)]) };
    store.apply_change(&mut one, &second, NOW).await.unwrap();
    let life = KeyLife { activated_at: Some(NOW), ..signing_key("key").life };
    let key = SigningKey { life, ..signing_key("key") };
    let deed = KeyDeed { changes: vec![KeyChange::Insert(key)], records: vec![record(400)], ..KeyDeed::default() };
    store.change_keys(&mut one, deed, NOW).await.unwrap();
    let said = accredit_store::BundleConfirmation {
        domain: "td_1".to_owned(),
        node: "one".to_owned(),
        sequence: 1,
        seen_at: NOW,
    };
    store.confirm_bundle(&said, NOW).await.unwrap();
    let key = PinKey { mapping: "map_1".to_owned(), claim: "repository".to_owned(), name: "acme/ünï".to_owned() };
    let pin = NamePin { key, id_claim: "repository_id".to_owned(), id: "1".to_owned(), decision: id(1), at: NOW };
    let erasable = Erasable { salt: id(2), bytes: b"claim".to_vec() };
    let value = Content { bytes: vec![0; 2000], erasable: Some(erasable) };
    let bound = accredit_store::Mark { same: Some([3; 32]), ..mark("idp_1", 2) };
    let entries = [
        Entry { pins: vec![pin], record: value, ..spending(500, mark("idp_1", 1)) },
        spending(501, bound),
        spending(502, accredit_store::Mark { expires_at: NOW - 900, ..mark("idp_2", 1) }),
    ];
    store.commit_records(&mut one, &entries, NOW).await.unwrap();
    assert_eq!(store.forget_marks("idp_2", NOW).await.unwrap(), 1);
    let seen = SightingDeed { sighted: vec![sighting()], acknowledged: None, records: vec![record(503)] };
    store.sight(&mut one, &seen, NOW).await.unwrap();
    let revocation = Revocation { decision: id(4), expires_at: NOW + 60, record: record(504) };
    store.revoke_token(&mut one, &revocation, NOW).await.unwrap();
    let head = one.head(NOW);
    store.write_head(&SignedHead { head, key_id: "audit".to_owned(), signature: vec![7; 64] }).await.unwrap();
    let mut two = chain(store, 2).await;
    for number in 600..850 {
        store.commit_records(&mut two, &[entry(number)], NOW).await.unwrap();
    }
}

async fn assert_same(one: &Store, other: &Store) {
    assert_eq!(one.head().await.unwrap(), other.head().await.unwrap());
    assert_eq!(one.load().await.unwrap(), other.load().await.unwrap());
    assert_eq!(one.load_at(1).await.unwrap(), other.load_at(1).await.unwrap());
    assert!(one.keys().await.unwrap() == other.keys().await.unwrap());
    let asked = kept(1, 1, 100).asked;
    assert_eq!(one.kept_answer(&asked, NOW).await.unwrap(), Some(kept(1, 1, 100)));
    assert_eq!(other.kept_answer(&asked, NOW).await.unwrap(), Some(kept(1, 1, 100)));
    assert_eq!(one.pins().await.unwrap(), other.pins().await.unwrap());
    assert_eq!(one.sightings().await.unwrap(), other.sightings().await.unwrap());
    assert_eq!(one.revoked_tokens().await.unwrap(), other.revoked_tokens().await.unwrap());
    let (verified, of_copy) =
        (one.verify_audit(&[], |_| true).await.unwrap(), other.verify_audit(&[], |_| true).await.unwrap());
    assert_eq!((&verified, verified.breaks.len()), (&of_copy, 0));
    assert_eq!(
        one.audit_page(None, 400, |_| true).await.unwrap(),
        other.audit_page(None, 400, |_| true).await.unwrap()
    );
    let bound = |same| accredit_store::Mark { same: Some([same; 32]), ..mark("idp_1", 2) };
    let late = accredit_store::Mark { expires_at: NOW - MARK_MARGIN - 1, ..mark("idp_2", 9) };
    for mark in [mark("idp_1", 1), bound(3), bound(4), late, mark("idp_2", 9)] {
        assert_eq!(one.foresee(&mark).await.unwrap(), other.foresee(&mark).await.unwrap(), "{mark:?}");
    }
}
