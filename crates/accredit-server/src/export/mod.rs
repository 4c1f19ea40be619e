//! The log delivered elsewhere: each record as an event of OCSF, to each sink at least once.
//!
//! ```text
//! store --records_from(cursor)--> ocsf --> sink --confirmed--> store.confirm(cursor)
//! ```
//!
//! A cursor for each sink and chain is in the store. It moves behind what the sink has confirmed (written and synced, or
//! answered 2xx) and never before, so whatever dies, and wherever, what was not confirmed comes again; whoever gets it twice
//! knows it by `metadata.uid`. Exchanges wait for none of this: sinks read behind the writer of the log and a sink that is slow
//! or away only falls behind.
//!
//! | module | holds |
//! |---|---|
//! | `courier` | the way of one sink: read, deliver, confirm, try again |
//! | `pause` | how long it waits before that |
//! | `outlet` | what a sink is to the courier; `stdout` and `file` on threads of their own |
//! | `file` | a file that may be renamed, rotated and cut short under it |
//! | `http` | requests to somebody else's collector |
//! | `lag` | how far a sink is behind |

mod courier;
mod file;
mod http;
mod lag;
mod outlet;
mod pause;

use std::sync::Arc;

use accredit_store::Store;
use accredit_store::audit::ChainId;
use tokio::task::JoinSet;

use crate::app::StartError;
use crate::config::Config;
use crate::record::Recorder;
use courier::Courier;
pub(crate) use lag::Lag;
use outlet::Outlet;

/// Every sink of the configuration.
pub(crate) struct Exports {
    sinks: Vec<Sink>,
}

/// One sink, as the rest of the server knows it.
pub(crate) struct Sink {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// How far it is behind.
    pub(crate) lag: Arc<Lag>,
    outlet: Arc<Outlet>,
    from_now: bool,
    values: bool,
    batch: usize,
}

// === impl Exports ===

impl Exports {
    /// Reads what the configuration names. Nothing is delivered yet, and no sink has to be there.
    ///
    /// # Errors
    /// A file that cannot be used, a URL that is never asked.
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let mut sinks = Vec::new();
        for sink in &config.audit.export {
            sinks.push(Sink {
                name: sink.called().into(),
                lag: Arc::default(),
                outlet: Arc::new(Outlet::new(sink, &config.fetch)?),
                from_now: sink.from == crate::config::Since::Now,
                values: sink.values,
                batch: sink.batch,
            });
        }
        Ok(Self { sinks })
    }

    /// The sinks, in the order of the configuration.
    pub(crate) fn sinks(&self) -> &[Sink] {
        &self.sinks
    }

    /// Their names, for whoever removes records.
    pub(crate) fn names(&self) -> Vec<String> {
        self.sinks.iter().map(|sink| sink.name.to_string()).collect()
    }

    /// Opens files again: whoever renamed one sends SIGHUP.
    pub(crate) fn reopen(&self) {
        self.sinks.iter().for_each(|sink| sink.outlet.reopen());
    }

    /// Begins to deliver, each sink by itself, as the process that writes the chain `own`.
    pub(crate) fn start(&self, tasks: &mut JoinSet<()>, store: &Arc<Store>, recorder: &Recorder, own: ChainId) {
        for sink in &self.sinks {
            let courier = Courier {
                sink: Arc::clone(&sink.name),
                store: Arc::clone(store),
                recorder: recorder.clone(),
                outlet: Arc::clone(&sink.outlet),
                lag: Arc::clone(&sink.lag),
                own,
                from_now: sink.from_now,
                values: sink.values,
                batch: sink.batch,
            };
            tasks.spawn(lag::measure(Arc::clone(&sink.lag), Arc::clone(store)));
            tasks.spawn(courier.run());
        }
    }
}
