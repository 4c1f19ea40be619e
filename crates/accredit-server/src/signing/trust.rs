//! Whether the store and the clock can be trusted enough to mint: rows that somebody else wrote, a clock that was set back.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

use accredit_id::mac::MacKey;
use accredit_id::time::Timestamp;
use accredit_store::{Head, Store, StoreError, Tampering};

use super::KeysFault;
use crate::chance;
use crate::keys::{Sealed, Unsealer, seals};

/// What keeps everything from being minted.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    /// Rows of the store were taken out or put back, nobody knows which.
    in_doubt: AtomicBool,
    /// The latest time that the store or this process has seen, Unix seconds.
    high_water: AtomicI64,
}

// === impl Trust ===

impl Trust {
    /// Begins with the latest time that the store has seen; 0 for a store that has seen none.
    pub(crate) fn since(mark: i64) -> Self {
        Self { in_doubt: AtomicBool::new(false), high_water: AtomicI64::new(mark) }
    }

    /// Whether something may be minted now. Costs two loads.
    pub(crate) fn lets_mint(&self, now: Timestamp) -> bool {
        !self.in_doubt.load(Relaxed) && self.seconds_behind(now) <= MOST_BEHIND
    }

    /// Whether rows are missing that there must be.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Relaxed)
    }

    /// Whether the clock is further behind than clocks are.
    pub(crate) fn is_behind(&self, now: Timestamp) -> bool {
        self.seconds_behind(now) > MOST_BEHIND
    }

    /// Looks at the clock, and at what the store has found.
    pub(crate) fn look(&self, store: &Store, now: Timestamp) {
        self.high_water.fetch_max(now.unix(), Relaxed);
        if store.tampering().iter().any(Tampering::is_general) {
            self.in_doubt.store(true, Relaxed);
        }
    }

    fn seconds_behind(&self, now: Timestamp) -> i64 {
        self.high_water.load(Relaxed).saturating_sub(now.unix())
    }
}

/// Refuses a store of before there were seals, unless somebody says that its rows are to be trusted as they are. Asked before it
/// is opened, which brings its schema up to date: behind that, servers of before no longer work, and this one would not start.
///
/// # Errors
/// [`KeysFault::Unsealed`]; nothing was changed then.
pub(crate) async fn check_before_opening(url: &str, trust_rows: bool) -> Result<(), KeysFault> {
    match Store::schema(url).await {
        Ok(schema) if schema.begins_seals() && !trust_rows => Err(KeysFault::Unsealed),
        // What keeps it from being looked at keeps it from being opened as well, and is told then.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Has the store seal what it writes, and check what it reads; gives the key for that, which a new store gets here. One that has rows without
/// seals is refused, unless somebody says that they are to be trusted as they are.
pub(super) async fn seal_rows(unsealer: &Unsealer, store: &Store, trust_rows: bool) -> Result<MacKey, KeysFault> {
    if let Some(key) = open_seals(unsealer, store).await? {
        return if trust_rows { Err(KeysFault::SealedAlready) } else { Ok(key) };
    }
    let is_new = is_empty(store).await?;
    if !is_new && !trust_rows {
        // Or another server has begun the same store in between.
        return open_seals(unsealer, store).await?.ok_or(KeysFault::Unsealed);
    }
    let (key, sealed) = seals::make(unsealer).map_err(KeysFault::seal)?;
    if let Err(fault) = store.begin_seals(key.clone(), sealed.bytes, sealed.wrapped_by, chance::bits()).await {
        // Or another server was faster, and its key is the store's.
        let was_faster = matches!(fault, StoreError::NotUnique { .. });
        let theirs = if was_faster { open_seals(unsealer, store).await? } else { None };
        return theirs.ok_or(fault.into());
    }
    if !is_new {
        tracing::warn!(event = "rows-trusted", "rows of the store were trusted as they are, and sealed");
    }
    Ok(key)
}

/// Seals by the store's own key, where it has one.
async fn open_seals(unsealer: &Unsealer, store: &Store) -> Result<Option<MacKey>, KeysFault> {
    let Some((bytes, wrapped_by)) = store.key_of_seals().await? else { return Ok(None) };
    let key = seals::open(unsealer, &Sealed { wrapped_by, bytes }).map_err(KeysFault::seal)?;
    store.seal_by(key.clone());
    Ok(Some(key))
}

/// Key rows are what everything else rests on: with one of them changed, none is used.
pub(super) fn check_keys(store: &Store) -> Result<(), KeysFault> {
    let is_of_keys = |found: &Tampering| match found {
        Tampering::Head => true,
        Tampering::Row { table, .. } | Tampering::Rows { table, .. } => *table == "signing_key",
    };
    match store.tampering().into_iter().find(is_of_keys) {
        None => Ok(()),
        Some(found) => Err(KeysFault::Tampered(found.to_string())),
    }
}

async fn is_empty(store: &Store) -> Result<bool, KeysFault> {
    let mut rows = 0;
    let head = store.load_each(|_| rows += 1).await?;
    let others = store.keys().await?.len() + store.pins().await?.len() + store.revoked_tokens().await?.len();
    Ok(head == Head::default() && rows + others == 0)
}

/// How far the clock may be behind what was seen before, in seconds. INVARIANT: less than
/// [`MARK_MARGIN`](accredit_store::MARK_MARGIN), by which spent marks outlive what they mark.
const MOST_BEHIND: i64 = 60;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_core::model::Signing;
    use accredit_store::audit::ChainId;
    use accredit_store::{Change, Row};

    use super::*;
    use crate::app::App;
    use crate::clock;
    use crate::config::{Config, KeyEncryption, KeysConfig};
    use crate::health::Unready;

    /// L17: a clock that is more than a minute behind what was seen mints nothing, and mints again when it is right.
    #[tokio::test]
    async fn l17_a_clock_that_was_set_back_mints_nothing() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let trust = Trust::since(1_800_000_000);
        let at = |offset: i64| Timestamp::from_unix(1_800_000_000 + offset);
        for (offset, mints) in [(0, true), (-60, true), (-61, false), (-120, false), (5, true)] {
            assert_eq!((trust.lets_mint(at(offset)), trust.is_behind(at(offset))), (mints, !mints), "{offset}");
        }
        trust.look(&store, at(100));
        assert!(!trust.lets_mint(at(39)) && trust.lets_mint(at(40)));
    }

    /// L17: what the store has seen counts over restarts, until somebody says that the clock is right.
    #[tokio::test]
    async fn l17_a_restart_does_not_set_the_mark_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::demo("127.0.0.1:7070".parse().unwrap(), folder.path());
        config.keys = KeysConfig::sealed_by(KeyEncryption::File(folder.path().join("kek")));
        let ahead = clock::now().unix() + 4000;
        let store = Store::open(&config.store.url).await.unwrap();
        store.open_chain(ChainId([1; 16]), ahead).await.unwrap();
        store.close().await.unwrap();
        for (trust_clock, mints) in [(false, false), (false, false), (true, true), (false, true)] {
            config.trust_clock = trust_clock;
            let (app, writer) = App::start(&config).await.unwrap();
            let now = clock::now();
            assert_eq!(app.signing.signer(Signing::Es256, now).is_some(), mints);
            assert_eq!(app.signing.internal(now).is_some(), mints);
            assert_eq!(Unready::ClockBehind.holds(&app), !mints);
            assert!(!Unready::NoSigningKey.holds(&app));
            app.recorder.close();
            writer.await.unwrap();
        }
    }

    /// L18: while rows are missing or were put back, nobody knows which, nothing is minted: an administrator's row may be one.
    /// Nor is the store asked for keys, which would not help, by each request that wants a token.
    #[tokio::test]
    async fn l18_nothing_is_minted_on_rows_that_are_in_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::demo("127.0.0.1:7070".parse().unwrap(), folder.path());
        let (app, writer) = App::start(&config).await.unwrap();
        let now = clock::now();
        for in_doubt in [false, true] {
            app.signing.trust.in_doubt.store(in_doubt, Relaxed);
            assert_eq!(app.signing.signer(Signing::Es256, now).is_none(), in_doubt);
            assert_eq!(app.signing.internal(now).is_none(), in_doubt);
            // Keys that were read so long ago that somebody who signs reads them again.
            let keys = app.signing.keys.load_full();
            keys.read_at.store(0, Relaxed);
            assert_eq!(app.signer(Signing::Es256, now).await.is_none(), in_doubt);
            assert_eq!(keys.read_at.load(Relaxed) == 0, in_doubt);
        }
        assert!(Unready::StoreTampered.holds(&app));
        app.signing.read(&app.store, now).await.unwrap();
        assert!(!Unready::NoSigningKey.holds(&app), "there is a key, and it is not for want of one");
        app.recorder.close();
        writer.await.unwrap();
    }

    /// L18: rows of before there were seals count by their operator's word alone, and that word is taken once.
    #[tokio::test]
    async fn l18_rows_without_seals_are_refused_until_somebody_answers_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::demo("127.0.0.1:7070".parse().unwrap(), folder.path());
        config.keys = KeysConfig::sealed_by(KeyEncryption::File(folder.path().join("kek")));
        let store = Store::open(&config.store.url).await.unwrap();
        let mut chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
        let row = Row {
            kind: "Project".to_owned(),
            id: "proj_00000000000000000000000000".to_owned(),
            owner: None,
            name: "ci".to_owned(),
            enabled: true,
            revision: 1,
            body: "{}".to_owned(),
        };
        let records = vec![crate::record::admin_act("test", clock::now(), "test", 0, &().into())];
        let change = Change { puts: vec![row], records, ..Change::default() };
        store.apply_change(&mut chain, &change, 1).await.unwrap();
        store.close().await.unwrap();
        for (seal_store, refusal) in [
            (false, Some("rows of the store have no seals")),
            (true, None),
            (true, Some("rows of the store are sealed already")),
            (false, None),
        ] {
            config.seal_store = seal_store;
            match App::start(&config).await {
                Ok((app, writer)) => {
                    assert_eq!(refusal, None);
                    assert!(!Unready::StoreTampered.holds(&app) && app.read_model.now().world.sequence > 0);
                    app.recorder.close();
                    writer.await.unwrap();
                }
                Err(fault) => {
                    assert!(refusal.is_some_and(|refusal| fault.to_string().starts_with(refusal)), "{fault}");
                    assert!(fault.hint().is_some());
                }
            }
        }
    }
}
