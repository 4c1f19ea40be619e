//! The door of the store.

mod answers;
mod backups;
mod confirmations;
mod delivery;
mod log;
mod proofs;

use std::sync::OnceLock;

use accredit_id::mac::MacKey;

use crate::backend::Backend;
use crate::bundle::{BundleDeed, KeptBundle};
use crate::chain::Chain;
use crate::copying::{self, Copied};
use crate::deeds::{self, NotRecorded};
use crate::error::StoreError;
use crate::exchange::{Committed, Entry, EntryOutcome, Mark};
use crate::head::{self, Head};
use crate::key::{KeyDeed, SigningKey};
use crate::migrations::Schema;
use crate::news::{Known, News};
use crate::pin::{NamePin, UnpinDeed};
use crate::reads;
use crate::resource::{Change, Changes, Loaded, Row};
use crate::revocation::{Revocation, RevokedToken};
use crate::seal::{Sealer, Tampering};
use crate::sighting::{Sighting, SightingDeed};

/// What the product remembers.
///
/// Writes are deeds: each is one transaction that carries its own record, is on the disk when it returns, and did nothing
/// when it fails. Times are Unix seconds and come from the caller, as does all chance.
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    sealer: OnceLock<Sealer>,
}

// === impl Store ===

impl Store {
    /// Opens the store at `url`, making or updating what is there.
    ///
    /// `postgres://USER:PASSWORD@HOST/DATABASE` is a database that several servers may have open at the same time. Where it
    /// names more than one host, it is the one that takes writes; when a connection breaks, they are all tried again.
    ///
    /// `sqlite:PATH` is a file that becomes this process's own until the store is dropped or the process ends, in
    /// whatever way. A missing folder is made (mode 0700), so is the file (0600). `sqlite::memory:` is forgotten when it
    /// is dropped.
    ///
    /// # Errors
    /// [`StoreError::Address`], [`StoreError::Locked`], [`StoreError::Foreign`], [`StoreError::TooNew`],
    /// [`StoreError::Corrupt`], [`StoreError::Unavailable`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let backend = Backend::open(url).await?;
        Ok(Self { backend, sealer: OnceLock::new() })
    }

    /// The same, where the schema is as it must be already: nothing is made or updated.
    ///
    /// # Errors
    /// [`StoreError::TooOld`] when it is not, and those of [`Store::open`].
    pub async fn open_as_it_is(url: &str) -> Result<Self, StoreError> {
        let schema = Self::schema(url).await?;
        if !schema.pending.is_empty() {
            let missing: Vec<_> = schema.pending.iter().map(ToString::to_string).collect();
            return Err(StoreError::TooOld { missing: missing.join(", ") });
        }
        Self::open(url).await
    }

    /// How the schema at `url` is. Changes nothing; a file that is not there is one in which nothing is.
    pub async fn schema(url: &str) -> Result<Schema, StoreError> {
        Backend::schema(url).await
    }

    /// Copies everything into a store that holds nothing: rows as they are, with the audit chains and keys as they are sealed.
    /// What is written here meanwhile is not in the copy.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`]; nothing is in the other store after an error.
    pub async fn copy_to(&self, other: &Self) -> Result<Copied, StoreError> {
        copying::copy(&self.backend, &other.backend).await
    }

    /// How many connections others have to it, as far as the database tells.
    pub async fn other_connections(&self) -> Result<i64, StoreError> {
        match self.is_shared() {
            true => reads::other_connections(&mut *self.backend.walker().await?).await,
            false => Ok(0),
        }
    }

    /// The latest time that the store has seen: of the newest batch, or of the opening of the newest chain. A clock that is
    /// behind it runs slow or was set back. Whoever opens a chain carries it on, by opening it no earlier.
    pub async fn clock_mark(&self) -> Result<Option<i64>, StoreError> {
        reads::clock_mark(&mut *self.backend.reader().await?, self.is_shared()).await
    }

    /// How many bytes the store has.
    pub async fn size(&self) -> Result<u64, StoreError> {
        reads::size(&mut *self.backend.reader().await?).await
    }

    /// Closes the store in good order. Dropping it, or killing the process, loses nothing either; the next one to open it
    /// then folds the write-ahead log in.
    pub async fn close(self) -> Result<(), StoreError> {
        self.backend.close().await
    }

    // --- What other servers do.

    /// Whether other processes may have the same store open, so that things change which this one did not do.
    pub fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    /// Returns when something may have changed that this process did not do, and a quarter of a second later at the latest.
    /// Never returns where the store is not shared.
    pub async fn changed(&self) {
        self.backend.changed().await;
    }

    /// How far the store has come, to ask for [`Store::news`] later. What is read after this is at least as new.
    pub async fn known(&self) -> Result<Known, StoreError> {
        reads::known(&mut *self.backend.reader().await?).await
    }

    /// What happened since, whoever did it; `None` when nothing did.
    ///
    /// # Errors
    /// [`StoreError::UnknownSequence`] when the store has not come so far, as after a restore: whoever asks must load
    /// everything anew.
    pub async fn news(&self, since: Known) -> Result<Option<News>, StoreError> {
        reads::news(&mut *self.backend.reader().await?, self.sealer.get(), since).await
    }

    // --- Seals.

    /// Seals what is written from now on, and lends of what was written before only what is sealed by the same key. What is not
    /// is left out of every read and named by [`Store::tampering`]. The first key stays.
    pub fn seal_by(&self, key: MacKey) {
        let _ = self.sealer.set(Sealer::new(key));
    }

    /// What was found so far that this program did not write.
    pub fn tampering(&self) -> Vec<Tampering> {
        self.sealer.get().map(Sealer::found).unwrap_or_default()
    }

    /// The key of the seals as it is stored: encrypted, and by which key. `None` where rows are not sealed.
    pub async fn key_of_seals(&self) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        reads::key_of_seals(&mut *self.backend.reader().await?).await
    }

    /// Seals everything as it is by `key`, stores that key, encrypted, and goes on as after [`Store::seal_by`]. For a new
    /// store, and once for one of before there were seals: what was written to it until then is trusted. `nonce` is 128 random
    /// bits.
    ///
    /// # Errors
    /// [`StoreError::NotUnique`] where rows are sealed already, as when another server was faster; `key` seals nothing then.
    /// And what every deed may answer.
    pub async fn begin_seals(
        &self,
        key: MacKey,
        wrapped: Vec<u8>,
        kek_id: String,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let sealer = Sealer::new(key);
        deeds::begin_seals(&mut self.backend.writer().await?.connection, &sealer, wrapped, kek_id, nonce).await?;
        let _ = self.sealer.set(sealer);
        Ok(())
    }

    // --- Resources.

    /// How far the store has come.
    pub async fn head(&self) -> Result<Head, StoreError> {
        head::read(&mut *self.backend.reader().await?).await
    }

    /// Lends every resource, in the order of their ids, and says at which moment they were like that. Memory holds some
    /// thousand at a time.
    pub async fn load_each(&self, each: impl FnMut(Row)) -> Result<Head, StoreError> {
        reads::load_each(&mut *self.backend.walker().await?, self.sealer.get(), each).await
    }

    /// All resources.
    pub async fn load(&self) -> Result<Loaded, StoreError> {
        let mut rows = Vec::new();
        let head = self.load_each(|row| rows.push(row)).await?;
        Ok(Loaded { head, rows })
    }

    /// All resources as they were at `sequence`, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::UnknownSequence`] when the store has not come so far.
    pub async fn load_at(&self, sequence: i64) -> Result<Vec<Row>, StoreError> {
        reads::load_at(&mut *self.backend.walker().await?, sequence).await
    }

    /// What one resource was behind the change of this sequence, where it was touched since: `Some(None)` when it was not
    /// there. `None` when nothing has touched it since, so that it is what it is.
    pub async fn resource_behind(&self, id: &str, sequence: i64) -> Result<Option<Option<Row>>, StoreError> {
        reads::resource_behind(&mut *self.backend.reader().await?, id, sequence).await
    }

    /// What became of the resources since `sequence`.
    ///
    /// # Errors
    /// [`StoreError::UnknownSequence`] when the store has not come so far: whoever asks must load everything anew.
    pub async fn changes_since(&self, sequence: i64) -> Result<Changes, StoreError> {
        reads::changes_since(&mut *self.backend.reader().await?, self.sealer.get(), sequence).await
    }

    /// Changes resources. Gives the head behind the change.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], [`StoreError::NotUnique`], [`StoreError::NotFound`] (of a delete),
    /// [`StoreError::Unrecorded`], and what every deed may answer.
    pub async fn apply_change(&self, chain: &mut Chain, change: &Change, at: i64) -> Result<Head, StoreError> {
        deeds::apply_change(&mut *self.backend.writer().await?, chain, self.sealer.get(), change, at).await
    }

    // --- Decisions.

    /// Records decisions, all in one transaction. Only what comes back as
    /// [`Recorded`](crate::EntryOutcome::Recorded) may be answered with a token.
    ///
    /// Batches that spend nothing and that nothing was revoked behind take one statement. On an error nothing may be
    /// answered, though some of it may be on the disk: a record without a token, never the reverse.
    ///
    /// Where a database elsewhere does not answer a commit, it is asked once on a new connection whether it came about: its
    /// evidence would be spent for nothing.
    pub async fn commit_records(&self, chain: &mut Chain, entries: &[Entry], at: i64) -> Result<Committed, StoreError> {
        let mut writer = self.backend.writer().await?;
        let done = deeds::commit_records(&mut writer, chain, self.sealer.get(), entries, at).await;
        drop(writer);
        match done {
            Ok(committed) => Ok(committed),
            Err(NotRecorded::Perhaps(fault, committed, tail)) if self.is_shared() => {
                let came_about = deeds::has_come_about(&mut self.backend.writer().await?.connection, chain, tail).await;
                if matches!(came_about, Ok(true)) { Ok(committed) } else { Err(fault) }
            }
            Err(NotRecorded::Perhaps(fault, ..) | NotRecorded::Surely(fault)) => Err(fault),
        }
    }

    /// All first-use pins, by mapping, claim and name.
    pub async fn pins(&self) -> Result<Vec<NamePin>, StoreError> {
        reads::pins(&mut *self.backend.reader().await?, self.sealer.get()).await
    }

    /// Takes pins away. Counts as a revocation: what was decided under them is decided again.
    ///
    /// # Errors
    /// [`StoreError::Unrecorded`], and what every deed may answer.
    pub async fn unpin(&self, chain: &mut Chain, deed: &UnpinDeed, at: i64) -> Result<Head, StoreError> {
        deeds::unpin(&mut *self.backend.writer().await?, chain, self.sealer.get(), deed, at).await
    }

    /// What would become of an entry that spends this: recorded or replayed. Claims nothing.
    pub async fn foresee(&self, mark: &Mark) -> Result<EntryOutcome, StoreError> {
        deeds::foresee(&mut *self.backend.reader().await?, mark).await
    }

    /// How many marks a provider has; `most` where there are more.
    pub async fn count_marks(&self, provider: &str, most: u64) -> Result<u64, StoreError> {
        deeds::count_marks(&mut *self.backend.reader().await?, provider, most).await
    }

    /// Deletes marks of a provider whose evidence ended more than [`MARK_MARGIN`](crate::MARK_MARGIN) before `past`, at most
    /// a thousand at a time. Gives how many; 0 when none is left.
    ///
    /// Evidence that ended so early counts as spent from then on, marked or not, so that no clock that is wrong, now or
    /// later, lets it in again. `past` must be a moment that has surely come: beyond it nothing could be spent any more.
    pub async fn forget_marks(&self, provider: &str, past: i64) -> Result<u64, StoreError> {
        deeds::forget_marks(&mut self.backend.writer().await?.connection, provider, past).await
    }

    /// Makes everything that was issued before `at`, or less than [`MARK_MARGIN`](crate::MARK_MARGIN) behind it, count as
    /// spent unless it has a mark: for a store whose marks of the time before are lost, as after a restore.
    pub async fn doubt_evidence(&self, at: i64) -> Result<(), StoreError> {
        deeds::doubt_evidence(&mut self.backend.writer().await?.connection, at).await
    }

    // --- Revoked tokens.

    /// Revokes a token, with the record of it, and forgets those that ended more than
    /// [`MARK_MARGIN`](crate::MARK_MARGIN) before `at`. False when it was revoked before; nothing is written then.
    pub async fn revoke_token(&self, chain: &mut Chain, revocation: &Revocation, at: i64) -> Result<bool, StoreError> {
        deeds::revoke_token(&mut *self.backend.writer().await?, chain, self.sealer.get(), revocation, at).await
    }

    /// The tokens that were revoked and not yet forgotten.
    pub async fn revoked_tokens(&self) -> Result<Vec<RevokedToken>, StoreError> {
        reads::revoked_tokens(&mut *self.backend.reader().await?, self.sealer.get()).await
    }

    // --- Bundles of foreign trust domains.

    /// Replaces the bundle that a federation or provider holds, with the record of it. False when that one is gone, or when
    /// another server was faster: nothing is written then.
    pub async fn keep_bundle(&self, chain: &mut Chain, deed: &BundleDeed, at: i64) -> Result<bool, StoreError> {
        deeds::keep_bundle(&mut *self.backend.writer().await?, chain, self.sealer.get(), deed, at).await
    }

    /// What federations and providers hold.
    pub async fn bundles(&self) -> Result<Vec<KeptBundle>, StoreError> {
        reads::bundles(&mut *self.backend.reader().await?, self.sealer.get()).await
    }

    // --- What tokens show.

    /// All sightings, by provider, code and thing.
    pub async fn sightings(&self) -> Result<Vec<Sighting>, StoreError> {
        reads::sightings(&mut *self.backend.reader().await?, reads::EVERYTHING).await
    }

    /// Puts sightings down, or says that one is all right. No decision rests on it: the head stays where it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] (of what is all right), [`StoreError::Unrecorded`], and what every deed may answer.
    pub async fn sight(&self, chain: &mut Chain, deed: &SightingDeed, at: i64) -> Result<(), StoreError> {
        deeds::sight(&mut self.backend.writer().await?.connection, chain, deed, at).await
    }

    /// Says when sightings, by their ids, were seen last. Those that are gone make no difference.
    pub async fn see_again(&self, seen: &[(String, i64)]) -> Result<(), StoreError> {
        deeds::see_again(&mut self.backend.writer().await?.connection, seen).await
    }

    // --- Keys.

    /// All signing keys, oldest first.
    pub async fn keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        reads::keys(&mut *self.backend.reader().await?, self.sealer.get()).await
    }

    /// Adds keys or moves them on. Counts as a change: the head moves on by one.
    ///
    /// # Errors
    /// [`StoreError::KeyMoved`], [`StoreError::NotUnique`], [`StoreError::NotFound`], [`StoreError::Unrecorded`], and what
    /// every deed may answer.
    pub async fn change_keys(&self, chain: &mut Chain, deed: KeyDeed, at: i64) -> Result<Head, StoreError> {
        deeds::change_keys(&mut *self.backend.writer().await?, chain, self.sealer.get(), deed, at).await
    }
}
