//! What is claimed in the store: room for it first, and proofs of possession that nothing is recorded about.

use std::sync::Arc;
use std::time::Instant;

use accredit_store::Mark;

use super::Writer;
use crate::clock;
use crate::record::RecordFault;
use crate::record::queue::{Waiting, WaitingClaim};

impl Writer {
    /// Answers those that would spend what there are too many marks of already; gives the others.
    pub(super) async fn within_quota(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        if batch.iter().all(|waiting| waiting.entry.mark.is_none() && waiting.entry.proof.is_none()) {
            return batch;
        }
        let mut kept = Vec::with_capacity(batch.len());
        for waiting in batch {
            let (mark, proof) = (waiting.entry.mark.as_ref(), waiting.entry.proof.as_ref());
            let admitted = match self.admits(mark, RecordFault::Marks).await {
                Ok(()) => self.admits(proof, RecordFault::Proofs).await,
                Err(fault) => Err(fault),
            };
            match admitted {
                Ok(()) => kept.push(waiting),
                Err(fault) => drop(waiting.answer.send(Err(fault))),
            }
        }
        kept
    }

    /// Claims proofs all at once, and tells each who shows one whether he is the first.
    pub(super) async fn claim(&mut self, claims: Vec<WaitingClaim>) {
        let mut kept = Vec::with_capacity(claims.len());
        for WaitingClaim { proof, answer } in claims {
            match self.admits(Some(&proof), RecordFault::Proofs).await {
                Ok(()) => kept.push((proof, answer)),
                Err(fault) => drop(answer.send(Err(fault))),
            }
        }
        if kept.is_empty() {
            return;
        }
        let (proofs, answers): (Vec<Mark>, Vec<_>) = kept.into_iter().unzip();
        self.shared.stats.begin(Instant::now());
        let claimed = self.store.claim_proofs(&proofs, clock::now().unix()).await;
        self.shared.stats.end();
        match claimed {
            Ok(claimed) => {
                for ((proof, answer), is_first) in proofs.iter().zip(answers).zip(claimed) {
                    if is_first {
                        self.claimed(proof);
                    }
                    let _ = answer.send(Ok(is_first));
                }
            }
            Err(fault) => {
                tracing::error!(
                    event = "proofs-not-claimed",
                    code = fault.code(),
                    proofs = proofs.len(),
                    "proofs of possession cannot be claimed: {fault}"
                );
                let fault = Arc::new(fault);
                for answer in answers {
                    let _ = answer.send(Err(RecordFault::Store(Arc::clone(&fault))));
                }
            }
        }
    }

    /// A mark is in the store.
    pub(super) fn claimed(&mut self, mark: &Mark) {
        self.forgetting.spent(mark);
        self.quota.claimed(&mark.provider);
    }

    /// Whether there is room for a mark; `full` where there is none.
    async fn admits(&mut self, mark: Option<&Mark>, full: RecordFault) -> Result<(), RecordFault> {
        let Some(mark) = mark else { return Ok(()) };
        match self.quota.admits(&self.store, &mark.provider, Instant::now()).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                // It says by when the others have ended, or a provider that is full would stay so for ever.
                self.forgetting.spent(mark);
                Err(full)
            }
            Err(fault) => Err(RecordFault::Store(Arc::new(fault))),
        }
    }
}
