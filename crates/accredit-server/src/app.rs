//! The running server: its pieces, and the order in which they start.

mod start_error;

use std::collections::HashMap;
use std::sync::Arc;

use accredit_core::decide::Limits;
use accredit_core::evidence::aws_request::{Answer, ToSend};
use accredit_core::model::{Id, Provider, Resource};
use accredit_core::plan::{self, Context, Stored};
use accredit_core::world::World;
use accredit_store::audit::ChainId;
use accredit_store::{Known, Store};

use crate::budget::{Budgets, OfListeners};
use crate::config::{ClientCertificates, Config, RetentionConfig, UpstreamConfig};
use crate::dpop::{Keeper, Place, Proofs};
use crate::export::Exports;
use crate::following::Following;
use crate::gather::{Fetcher, KeyCache, ProviderKeys, Relations, StsFault};
use crate::health::Health;
use crate::issued::Tokens;
use crate::key_history::{self, KeyHistory};
use crate::metrics::Metrics;
use crate::read_model::{InForce, ReadModel};
use crate::record::{BringPins, Recorder, Ring, Tally};
use crate::signing::{self, Signing, Trust};
use crate::traces::Traces;
use crate::watch::Watch;
use crate::{chance, clock, descriptors, egress, memory, pinning, record};

pub use start_error::StartError;

/// Everything that a request needs.
pub struct App {
    pub(crate) public_url: String,
    pub(crate) limits: Limits,
    pub(crate) plain_http: bool,
    pub(crate) store: Arc<Store>,
    pub(crate) recorder: Recorder,
    pub(crate) read_model: Arc<ReadModel>,
    pub(crate) following: Following,
    pub(crate) signing: Signing,
    /// What stands above the authorities of trust domains, by their names.
    pub(crate) upstreams: HashMap<String, UpstreamConfig>,
    pub(crate) provider_keys: KeyCache,
    /// Keys of issuers of jobs, by where they come from.
    pub(crate) job_keys: KeyCache,
    /// Keys of trust domains that were seen to sign well.
    pub(crate) activated: crate::issue::Activated,
    pub(crate) key_history: KeyHistory,
    /// The bundles of foreign trust domains.
    pub(crate) relations: Arc<Relations>,
    fetcher: Arc<Fetcher>,
    /// What is asked instead of AWS' token service.
    aws_sts: Option<String>,
    pub(crate) ring: Ring,
    pub(crate) tokens: Tokens,
    pub(crate) tally: Tally,
    pub(crate) watch: Watch,
    pub(crate) admin: crate::admin::Kept,
    pub(crate) budgets: Budgets,
    pub(crate) connections: OfListeners,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) traces: Traces,
    /// Where the log is delivered.
    pub(crate) exports: Exports,
    /// The chain that this process writes.
    pub(crate) chain: ChainId,
    pub(crate) retention: RetentionConfig,
    /// Whether tokens are bound to certificates, too.
    pub(crate) binds_certificates: bool,
    /// Proofs at the public listener.
    pub(crate) proofs: Proofs,
    /// Those that APIs show when they ask about tokens.
    pub(crate) proofs_of_apis: Proofs,
    /// Who remembers them.
    pub(crate) keeper: Keeper,
    /// One change of resources at a time: it is planned on the world that it will replace.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl App {
    /// Opens the store, the keys and the log, and loads what is in force.
    ///
    /// # Errors
    /// Whatever keeps the server from starting; nothing is half started then.
    pub(crate) async fn start(config: &Config) -> Result<(Arc<Self>, tokio::task::JoinHandle<()>), StartError> {
        let traces = Traces::start(&config.telemetry)?;
        let fetcher = Arc::new(egress::fetcher(&config.fetch)?.traced(&traces));
        let exports = Exports::new(config)?;
        let store = match config.store.migrate {
            true => {
                signing::check_before_opening(&config.store.url, config.seal_store).await?;
                Store::open(&config.store.url).await?
            }
            false => Store::open_as_it_is(&config.store.url).await?,
        };
        let store = Arc::new(store);
        let schedule = config.keys.rotation.schedule(config.max_token_lifetime(), config.max_svid_lifetimes());
        let mark = store.clock_mark().await?.filter(|_| !config.trust_clock);
        // What was seen is carried on, however often a server with a wrong clock is started.
        let opened_at = clock::now().unix().max(mark.unwrap_or_default());
        let own = ChainId(chance::bits());
        let mut chain = store.open_chain(own, opened_at).await?;
        let (may_create, now) = ((config.is_loopback(), config.seal_store), clock::now());
        let mut signing = Signing::open(&config.keys, schedule, may_create, &store, &mut chain, now).await?;
        signing.trust = Trust::since(mark.unwrap_or_default());
        let limits = Limits { max_lifetime: config.max_token_lifetime(), reserved: reserved(&config.public_url) };
        let context = Context {
            public_url: &config.public_url,
            reserved: &limits.reserved,
            plain_http: config.allows_plain_http(),
            now: clock::now(),
        };
        // Before anything is read: what comes in between is then heard of once more, never missed.
        let known = store.known().await?;
        let in_force = load(&store, &context).await?;
        let tokens = Tokens::revoked_before(&store.revoked_tokens().await?);
        let (key_sets, sightings) =
            store.sightings().await?.into_iter().partition::<Vec<_>, _>(|seen| seen.code == key_history::CODE);
        let watch = Watch::restored(sightings);
        signing.trust.look(&store, clock::now());
        for found in store.tampering() {
            tracing::error!(event = "store-tampered", "{found}");
        }
        if signing.trust.is_behind(clock::now()) {
            tracing::error!(event = "clock-behind", "the clock is behind what the store has seen: nothing is issued");
        }
        let relations = Relations::restored(&in_force.world, store.bundles().await?);
        let sequence = in_force.world.sequence;
        let read_model = Arc::new(ReadModel::new(in_force));
        let pinned = Arc::clone(&read_model);
        let bring_pins: BringPins = Arc::new(move |pins| pinned.pin(pins));
        let (recorder, writer) = Recorder::start(
            Arc::clone(&store),
            chain,
            signing.head_signer(),
            bring_pins,
            config.limits.room_in_the_store(),
        );
        let detail = serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "publicUrl": config.public_url});
        let started = record::admin_act("server-started", clock::now(), "server", sequence, &detail);
        recorder.note(started).await.map_err(|fault| StartError::Record(fault.to_string()))?;
        let (room, keeper) = (config.limits.room_for_proofs(), Keeper::of(&store, &signing).await?);
        let proofs = Proofs::new(config.public_url.clone(), Place::Token, room, &keeper);
        let app = Self {
            public_url: config.public_url.clone(),
            plain_http: config.allows_plain_http(),
            limits,
            store,
            recorder,
            read_model,
            following: Following::from(Known { sequence, ..known }),
            signing,
            upstreams: config.upstreams(),
            provider_keys: KeyCache::new(Arc::clone(&fetcher)),
            job_keys: KeyCache::new(Arc::clone(&fetcher)),
            activated: crate::issue::Activated::default(),
            key_history: KeyHistory::restored(key_sets),
            relations: Arc::new(relations),
            fetcher,
            aws_sts: config.fetch.aws_sts.clone(),
            ring: Ring::default(),
            tokens,
            tally: Tally::default(),
            watch,
            admin: crate::admin::Kept::default(),
            budgets: Budgets::new(&config.limits, tokio::runtime::Handle::current().metrics().num_workers()),
            connections: OfListeners::new(&config.limits, descriptors::raise()),
            metrics: Metrics::default(),
            health: Health::default(),
            traces,
            exports,
            chain: own,
            retention: config.audit.retention,
            binds_certificates: config.public.client_certificates == ClientCertificates::Request,
            proofs_of_apis: proofs.beside(Place::Introspection, room),
            proofs,
            keeper,
            changing: tokio::sync::Mutex::new(()),
        };
        Ok((Arc::new(app), writer))
    }

    /// The keys of a provider: made when it is first asked for, replaced when the provider changes.
    pub(crate) fn keys_of(&self, provider: &Resource, known: &Provider) -> Arc<ProviderKeys> {
        self.provider_keys
            .held(provider.id)
            .unwrap_or_else(|| self.provider_keys.provider(provider.id, &Arc::new(self.key_source(provider.id, known))))
    }

    /// What fetches from outside.
    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Asks AWS' token service, or what stands in for it, who signed a request.
    pub(crate) async fn ask_sts(&self, request: &ToSend) -> Result<Answer, StsFault> {
        self.fetcher.caller_identity(request, self.aws_sts.as_deref()).await
    }

    /// Takes the keys of changed providers away before the change is in force, so that none outlives it (J13).
    pub(crate) fn renew_keys<'r>(&self, changed: impl Iterator<Item = &'r Arc<Resource>>) {
        for resource in changed {
            if let Some(known) = resource.as_provider() {
                self.provider_keys.provider(resource.id, &Arc::new(self.key_source(resource.id, known)));
            }
        }
    }

    /// What documents are compiled against.
    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            public_url: &self.public_url,
            reserved: &self.limits.reserved,
            plain_http: self.plain_http,
            now: clock::now(),
        }
    }

    /// Writes down what was counted and seen again meanwhile, until the process ends.
    pub(crate) async fn keep_tally(self: Arc<Self>) {
        loop {
            tokio::time::sleep(TALLY_EVERY).await;
            self.try_the_store_again().await;
            self.signing.trust.look(&self.store, clock::now());
            self.note_tally().await;
            self.note_sightings().await;
            // Key sets of issuers of jobs have no history.
            drop(self.job_keys.seen.take());
        }
    }

    /// Writes down which key sets are seen, as they are, until the process ends.
    pub(crate) async fn keep_key_history(self: Arc<Self>) {
        loop {
            self.provider_keys.seen.more().await;
            self.note_key_sets().await;
        }
    }

    /// Writes down when alarms were seen last.
    pub(crate) async fn note_sightings(&self) {
        let seen = self.watch.unwritten();
        if !seen.is_empty()
            && let Err(fault) = self.store.see_again(&seen).await
        {
            tracing::warn!(
                event = "sightings-not-recorded",
                code = fault.code(),
                "it could not be written when alarms were seen last: {fault}"
            );
        }
    }

    /// Writes down which key sets were seen.
    pub(crate) async fn note_key_sets(&self) {
        let seen = self.provider_keys.seen.take();
        self.key_history.put_down(seen, &self.recorder, &self.read_model.now().world, clock::now()).await;
        let again = self.key_history.unwritten();
        if !again.is_empty()
            && let Err(fault) = self.store.see_again(&again).await
        {
            tracing::warn!(
                event = "sightings-not-recorded",
                code = fault.code(),
                "it could not be written when key sets were seen last: {fault}"
            );
        }
    }

    /// While the store refuses, nobody is sent here, so nobody would find out that it has come back.
    pub(crate) async fn try_the_store_again(&self) {
        if self.recorder.stats().is_failing() {
            let sequence = self.read_model.now().world.sequence;
            let again = record::admin_act("store-writable-again", clock::now(), "server", sequence, &().into());
            let _ = self.recorder.note(again).await;
        }
    }

    pub(crate) async fn note_tally(&self) {
        self.note_counts("refusals-counted", self.tally.take()).await;
        self.note_counts("refused-acts-counted", self.admin.refused.take()).await;
    }

    async fn note_counts(&self, event: &'static str, counts: Option<serde_json::Value>) {
        let Some(detail) = counts else { return };
        let sequence = self.read_model.now().world.sequence;
        let counted = record::admin_act(event, clock::now(), "server", sequence, &detail);
        if let Err(fault) = self.recorder.note(counted).await {
            tracing::warn!(event = "counts-not-recorded", "counts of refusals could not be recorded: {fault}");
        }
    }
}

/// Audiences that no API may have: the server's own issuer, token endpoint, and what later listeners will use.
fn reserved(public_url: &str) -> Vec<String> {
    ["", "/", "/oauth/token", "/oauth/introspect", "/v1/oauth/token", "/oauth/revoke", "/admin", "/agent", "/spiral"]
        .iter()
        .map(|path| format!("{public_url}{path}"))
        .collect()
}

/// The world of the rows that hold, where somebody changed others in the database.
pub(crate) fn what_holds(sequence: i64, rows: Vec<Stored>, context: &Context<'_>) -> World {
    let (world, left_out) = plan::restore_what_holds(sequence, rows, context);
    for fault in left_out {
        let cause = fault.message;
        tracing::error!(event = "resource-left-out", "left out with a row that was changed in the database: {cause}");
    }
    world
}

async fn load(store: &Store, context: &Context<'_>) -> Result<InForce, StartError> {
    memory::fit(0);
    let mut rows = Vec::new();
    let mut unknown = None;
    let head = store
        .load_each(|row| match row.id.parse::<Id>() {
            Ok(id) => {
                rows.push(Stored { id, name: row.name, enabled: row.enabled, revision: row.revision, body: row.body })
            }
            Err(fault) => unknown = Some(fault.to_string()),
        })
        .await?;
    if let Some(fault) = unknown {
        return Err(StartError::Resource(fault));
    }
    memory::fit(rows.len());
    let mut world = match store.tampering().is_empty() {
        true => plan::restore(head.sequence, rows, context).map_err(|fault| StartError::Resource(fault.message))?,
        false => what_holds(head.sequence, rows, context),
    };
    pinning::bring(&mut world.pins, &store.pins().await?);
    Ok(InForce { world, revocation: head.revocation })
}

const TALLY_EVERY: std::time::Duration = std::time::Duration::from_secs(10);
