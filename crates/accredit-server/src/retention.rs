//! How long the log is kept: values that may be erased, and whole records. Answers that are too old to be given again go too.
//!
//! Once an hour what has grown old is taken away, a stretch at a time. Each sweep that takes something is a record of its own;
//! one that finds nothing leaves no trace, or an idle log would grow by its own sweeping.

use std::sync::Arc;
use std::time::Duration;

use accredit_id::time::Timestamp;
use accredit_store::audit::NewRecord;
use accredit_store::{HeadKeys, Removal, StoreError, Sweep};
use serde_json::json;
use tokio::sync::oneshot;

use crate::app::App;
use crate::config::Kept;
use crate::record::{self, RecordFault, StoreWork};
use crate::{chance, clock};

impl App {
    /// Sweeps when the server starts and every hour, until the process ends.
    pub(crate) async fn keep_retention(self: Arc<Self>) {
        loop {
            let now = clock::now();
            if let Some(before) = before(self.retention.values, now) {
                let detail = json!({"before": before.to_string(), "why": "retention"});
                let record = self.sweep_record("audit-values-erased", &detail);
                self.sweep_aloud(Sweep::Values { before: before.unix() }, record).await;
            }
            if let Some(before) = before(self.retention.records, now) {
                let detail = json!({"before": before.to_string(), "why": "retention"});
                let record = self.sweep_record("audit-records-removed", &detail);
                let keys = HeadKeys { sign: self.signing.head_signer(), verify: self.signing.head_verifier() };
                let removal = Removal::new(before.unix(), self.exports.names(), keys, now.unix());
                self.sweep_aloud(Sweep::Records(removal), record).await;
            }
            if let Err(fault) = self.store.forget_answers(now.unix()).await {
                tracing::warn!(
                    event = "answers-not-forgotten",
                    code = fault.code(),
                    "answers to writes could not be forgotten: {fault}"
                );
            }
            // Servers that share a store do not all sweep at once.
            let spread = u64::from(u16::from_be_bytes([chance::bits()[0], chance::bits()[1]])) / 200;
            tokio::time::sleep(EVERY + Duration::from_secs(spread)).await;
        }
    }

    /// Sweeps to the end, between what else is written. Gives from how many batches something was taken.
    pub(crate) async fn sweep(&self, sweep: Sweep, record: NewRecord) -> Result<u64, RecordFault> {
        let (mut left, mut taken) = (Some(sweep), 0);
        while let Some(sweep) = left {
            // Here and not on the way of exchanges: it may read much.
            let sweep = self.store.prepare_sweep(sweep).await.map_err(|fault| RecordFault::Store(Arc::new(fault)))?;
            let swept = match taken {
                0 => {
                    let (tell, told) = oneshot::channel();
                    self.recorder.work(StoreWork::Sweep(sweep, record.clone(), tell)).await?;
                    told.await.map_err(|_| RecordFault::Ended)?
                }
                _ => {
                    let swept = self.store.go_on_sweeping(sweep).await;
                    swept.map_err(|fault| RecordFault::Store(Arc::new(fault)))?
                }
            };
            taken += swept.taken;
            left = swept.left;
            // Exchanges come first.
            tokio::time::sleep(BETWEEN).await;
        }
        Ok(taken)
    }

    async fn sweep_aloud(&self, sweep: Sweep, record: NewRecord) {
        match self.sweep(sweep.clone(), record).await {
            Ok(0) => {}
            Ok(batches) => tracing::info!(event = "audit-swept", batches, "the log was swept: {}", told(&sweep)),
            Err(RecordFault::Store(fault)) if matches!(&*fault, StoreError::Tampered { .. }) => tracing::error!(
                event = "audit-not-swept",
                code = fault.code(),
                "the log is not what was written, and nothing is removed from it: {fault}"
            ),
            Err(fault) => {
                tracing::warn!(event = "audit-not-swept", "the log could not be swept ({}): {fault}", told(&sweep))
            }
        }
    }

    fn sweep_record(&self, event: &'static str, detail: &serde_json::Value) -> NewRecord {
        record::admin_act(event, clock::now(), "server", self.read_model.now().world.sequence, detail)
    }
}

fn told(sweep: &Sweep) -> &'static str {
    match sweep {
        Sweep::Values { .. } | Sweep::Of(_) => "values were erased",
        Sweep::Records(_) => "records were removed",
    }
}

fn before(kept: Kept, now: Timestamp) -> Option<Timestamp> {
    kept.0.map(|length| now.minus(length.duration()))
}

const EVERY: Duration = Duration::from_secs(3600);
const BETWEEN: Duration = Duration::from_millis(5);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::config::{Config, KeyEncryption, KeysConfig};

    /// A log that has grown by acts alone has no values to give, and the sweep of it ends.
    #[tokio::test]
    async fn a_sweep_that_finds_nothing_ends() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::demo("127.0.0.1:7070".parse().unwrap(), folder.path());
        config.keys = KeysConfig::sealed_by(KeyEncryption::File(folder.path().join("kek")));
        let (app, writer) = App::start(&config).await.unwrap();
        let before = clock::now().unix() + 10;
        for _ in 0..2 {
            let record = app.sweep_record("audit-values-erased", &().into());
            let swept = tokio::time::timeout(Duration::from_secs(20), app.sweep(Sweep::Values { before }, record));
            assert_eq!(swept.await.unwrap().unwrap(), 0);
        }
        app.recorder.close();
        writer.await.unwrap();
    }
}
