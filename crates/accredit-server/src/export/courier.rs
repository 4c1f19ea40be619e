//! The way of one sink: read what it lacks, deliver it, confirm it, try again.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use accredit_store::audit::ChainId;
use accredit_store::{Found, Place, Store, StoreError};
use serde_json::json;

use super::lag::Lag;
use super::outlet::{Failure, Outlet};
use super::pause::Pause;
use crate::record::{self, Recorder};
use crate::{chance, clock, ocsf};

/// Brings the log to one sink.
pub(super) struct Courier {
    pub(super) sink: Arc<str>,
    pub(super) store: Arc<Store>,
    pub(super) recorder: Recorder,
    pub(super) outlet: Arc<Outlet>,
    pub(super) lag: Arc<Lag>,
    /// The chain that this process writes, by which it is known as a holder of chains.
    pub(super) own: ChainId,
    pub(super) from_now: bool,
    pub(super) values: bool,
    /// The most events at once.
    pub(super) batch: usize,
}

/// What a courier carries from one delivery to the next.
struct Way {
    pause: Pause,
    /// The most events at once by now: fewer where the sink refuses them together.
    most: usize,
    /// Which event the sink refuses for good, and when it was said last.
    refused: Option<(String, Instant)>,
}

/// Why a chain was left.
enum Left {
    /// Everything was confirmed.
    Done,
    /// There is more, and it is the others' turn.
    More,
    /// Somebody else delivers it.
    Lost,
}

// === impl Courier ===

impl Courier {
    /// Delivers until the process ends.
    pub(super) async fn run(self) {
        let mut way = Way { pause: Pause::default(), most: self.batch, refused: None };
        if self.from_now {
            while let Err(fault) = self.store.begin_at_end(&self.sink, self.own).await {
                self.store_fails(&mut way, &fault).await;
            }
        }
        loop {
            match self.round(&mut way).await {
                Ok(Left::More) => {}
                Ok(_) => tokio::time::sleep(BETWEEN).await,
                Err(fault) => self.store_fails(&mut way, &fault).await,
            }
        }
    }

    /// A turn of every chain that has something for the sink, the oldest first; whether any of them has more.
    async fn round(&self, way: &mut Way) -> Result<Left, StoreError> {
        let due = self.store.due_chains(&self.sink, self.own, clock::now().unix()).await?;
        // All of them first: how far the sink is behind is known also while it takes nothing of the first.
        for due in &due {
            if let Some(at) = self.hold(due.chain()).await? {
                self.lag.begins(at);
            }
        }
        let mut round = Left::Done;
        for due in due {
            let left = match self.hold(due.chain()).await? {
                Some(at) => self.turn(at, way).await?,
                None => Left::Lost,
            };
            match left {
                Left::Done => {}
                Left::More => round = Left::More,
                Left::Lost => self.lag.ends(due.chain()),
            }
        }
        Ok(round)
    }

    async fn hold(&self, chain: i64) -> Result<Option<Place>, StoreError> {
        let now = clock::now().unix();
        self.store.hold_chain(&self.sink, self.own, chain, now, now + HELD).await
    }

    /// What one chain has, to its end, or as much of it as is one turn: to a chain that is being written there may be no end.
    async fn turn(&self, mut at: Place, way: &mut Way) -> Result<Left, StoreError> {
        for _ in 0..TURN {
            let stretch = self.store.records_from(at).await?;
            if stretch.records.is_empty() {
                return Ok(Left::Done);
            }
            let mut rest = stretch.records.as_slice();
            while !rest.is_empty() {
                let count = self.fitting(rest, way.most);
                let (now, behind) = rest.split_at(count);
                if let Err(pause) = self.deliver(now, way).await {
                    if !self.waits(at, pause).await? {
                        return Ok(Left::Lost);
                    }
                } else {
                    at = behind.first().map_or(stretch.next, |found| found.place);
                    let until = clock::now().unix() + HELD;
                    if !self.store.confirm(&self.sink, self.own, at, until).await? {
                        return Ok(Left::Lost);
                    }
                    self.lag.confirmed(at, count);
                    rest = behind;
                }
            }
        }
        Ok(Left::More)
    }

    /// How many of the records go at once.
    fn fitting(&self, records: &[Found], most: usize) -> usize {
        let mut bytes = 0;
        let fits = |(place, found): &(usize, &Found)| {
            bytes += 2 * found.record.bytes.len();
            *place == 0 || bytes <= MAX_BYTES
        };
        records.iter().take(most).enumerate().take_while(fits).count()
    }

    /// One try. Where the sink did not confirm it: how long to wait before the next.
    async fn deliver(&self, records: &[Found], way: &mut Way) -> Result<(), Duration> {
        let mut lines = Vec::with_capacity(2048 * records.len());
        records.iter().for_each(|found| lines.extend_from_slice(&ocsf::line(found, self.values)));
        match self.outlet.put(lines).await {
            Ok(()) => {
                self.works_again(way).await;
                way.most = (2 * way.most).min(self.batch);
                Ok(())
            }
            Err(failure) => {
                self.lag.failures.fetch_add(1, Relaxed);
                Err(self.fails(records, way, failure).await)
            }
        }
    }

    async fn fails(&self, records: &[Found], way: &mut Way, failure: Failure) -> Duration {
        match failure {
            Failure::Refused { why } if records.len() > 1 => {
                // One of them may be the cause: the others go on their way.
                way.most = records.len() / 2;
                tracing::warn!(
                    event = "audit-export-split",
                    sink = &*self.sink,
                    events = records.len(),
                    "the sink refuses events together: {why}"
                );
                Duration::ZERO
            }
            Failure::Refused { why } => {
                self.tell_refused(records, way, why).await;
                way.pause.next(None, spread())
            }
            Failure::Away { why, asked } => {
                let pause = way.pause.next(asked, spread());
                tracing::warn!(
                    event = "audit-export-failed",
                    sink = &*self.sink,
                    again_in_ms = pause.as_millis(),
                    "events are not delivered: {why}"
                );
                pause
            }
        }
    }

    /// It is said aloud, in the log of the process and in the audit log, and said again while it lasts. Nothing is skipped.
    ///
    /// Known is what is said of one event, in whatever words: many collectors name the time or the request in each answer, and
    /// each of their answers would be a record, which would have to be delivered as well.
    async fn tell_refused(&self, records: &[Found], way: &mut Way, why: String) {
        let place = records.first().map(|found| found.place.to_string()).unwrap_or_default();
        let is_known = way.refused.as_ref().is_some_and(|(told, at)| *told == place && at.elapsed() < SAID_EVERY);
        if is_known {
            return;
        }
        let is_new = way.refused.as_ref().is_none_or(|(told, _)| *told != place);
        tracing::error!(
            event = "audit-export-refused",
            sink = &*self.sink,
            position = place,
            "the sink refuses an event for good, and everything behind it waits: {why}"
        );
        self.lag.refused.store(true, Relaxed);
        if is_new {
            self.note("audit-export-refused", &json!({"sink": &*self.sink, "position": place, "why": why})).await;
        }
        way.refused = Some((place, Instant::now()));
    }

    async fn works_again(&self, way: &mut Way) {
        way.pause.reset();
        if way.refused.take().is_some() {
            self.lag.refused.store(false, Relaxed);
            tracing::info!(event = "audit-export-resumed", sink = &*self.sink, "the sink takes events again");
            self.note("audit-export-resumed", &json!({"sink": &*self.sink})).await;
        }
    }

    async fn note(&self, event: &'static str, detail: &serde_json::Value) {
        let record = record::admin_act(event, clock::now(), "server", 0, detail);
        if let Err(fault) = self.recorder.note(record).await {
            tracing::warn!(
                event = "audit-export-not-recorded",
                sink = &*self.sink,
                "it could not be recorded how the sink is: {fault}"
            );
        }
    }

    /// Waits, and holds the chain on meanwhile; false when somebody else has it.
    async fn waits(&self, at: Place, mut pause: Duration) -> Result<bool, StoreError> {
        loop {
            let part = pause.min(HELD_ON_EVERY);
            tokio::time::sleep(part).await;
            pause -= part;
            let until = clock::now().unix() + HELD;
            if !self.store.confirm(&self.sink, self.own, at, until).await? {
                return Ok(false);
            }
            if pause.is_zero() {
                return Ok(true);
            }
        }
    }

    async fn store_fails(&self, way: &mut Way, fault: &StoreError) {
        tracing::warn!(
            event = "audit-export-unread",
            sink = &*self.sink,
            code = fault.code(),
            "the log cannot be read for a sink: {fault}"
        );
        tokio::time::sleep(way.pause.next(None, spread())).await;
    }
}

fn spread() -> u64 {
    let bits = chance::bits();
    u64::from_be_bytes([bits[0], bits[1], bits[2], bits[3], bits[4], bits[5], bits[6], bits[7]])
}

/// Stretches of one chain before the others have their turn.
const TURN: usize = 16;
/// Between two looks at what was written meanwhile.
const BETWEEN: Duration = Duration::from_millis(500);
/// Seconds after which another server delivers what is left. INVARIANT: longer than the longest try and `HELD_ON_EVERY` together;
/// shorter, and two servers would take a chain from one another while its sink is away.
const HELD: i64 = 180;
const HELD_ON_EVERY: Duration = Duration::from_secs(60);
/// How often the same refusal is said.
const SAID_EVERY: Duration = Duration::from_secs(600);
/// Of records, at a guess, in one delivery.
const MAX_BYTES: usize = 1024 * 1024;
