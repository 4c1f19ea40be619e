//! Keeping the bundles of foreign trust domains: asked for by their hints, judged, written down, told to other servers.
//!
//! What a provider's tokens are verified by is read from here each time, so that a bundle that was replaced, emptied or removed
//! counts at once.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::model::{Id, KeysSpec, Provider, Resource};
use accredit_id::jose::jwk::Purpose;
use accredit_id::shown::Shown;
use accredit_store::BundleDeed;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::app::App;
use crate::gather::{Brought, FetchCause, FetchFault, HeldBundle, KeyPlace, KeySource, LiveKeys, Relation, SeenSet};
use crate::record::{self, StoreWork};
use crate::watch::Code;
use crate::{clock, provider};

impl App {
    /// Where a provider's keys come from, those included that are kept elsewhere in this server.
    pub(crate) fn key_source(&self, id: Id, known: &Provider) -> KeySource {
        let bundle_of = |owner, of_provider| {
            let relations = Arc::clone(&self.relations);
            KeyPlace::Live(LiveKeys::Bundle { relations, owner, of_provider })
        };
        let place = match (&known.keys, known.keys_of) {
            (KeysSpec::SpiffeBundle(_), _) => bundle_of(id, true),
            (KeysSpec::Federation(_), Some(federation)) => bundle_of(federation, false),
            (KeysSpec::TrustDomain(_), Some(domain)) => KeyPlace::Live(self.own_keys(domain)),
            _ => return provider::key_source(known),
        };
        KeySource { place, purpose: Purpose::JwtSvid }
    }

    /// Asks for bundles when their time has come, or when somebody wants them, until the process ends.
    pub(crate) async fn keep_bundles(self: Arc<Self>) {
        let mut under_way = JoinSet::new();
        loop {
            for relation in self.relations.beginning(clock::now()) {
                under_way.spawn(Arc::clone(&self).refresh_bundle(relation));
            }
            tokio::select! {
                () = self.relations.woken() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
            }
        }
    }

    /// Asks for a bundle now, and waits until the answer has been taken in. Nothing happens for whoever has none.
    pub(crate) async fn refresh_bundle_now(&self, owner: Id) {
        let landing = self.relations.want(owner, clock::now(), true);
        if let Some(mut landing) = landing {
            let _ = tokio::time::timeout(LONGEST_WAIT, landing.changed()).await;
        }
    }

    async fn refresh_bundle(self: Arc<Self>, relation: Arc<Relation>) {
        let outcome = match relation.fetch(self.fetcher(), clock::now()).await {
            Ok(Brought::Same) => Ok(()),
            Ok(Brought::News(held)) => self.replace_bundle(&relation, *held).await,
            Err(fault) => Err(fault),
        };
        let fault = outcome.as_ref().err().cloned();
        let is_other = relation.land(outcome, clock::now());
        let Some(fault) = fault.filter(|_| is_other) else { return };
        let (trust_domain, code, problem) = (&relation.terms.trust_domain, fault.code(), fault.operator_text());
        let Some(alarm) = alarming(&fault.cause) else {
            tracing::warn!(
                event = "bundle-not-fetched",
                trust_domain,
                error.code = code,
                "a bundle was not fetched: {problem}"
            );
            return;
        };
        tracing::error!(event = "bundle-refused", trust_domain, error.code = code, "a bundle was refused: {problem}");
        let detail = json!({"code": code, "problem": problem});
        let in_force = self.read_model.now();
        let (Some(owner), Some(act)) =
            (in_force.world.by_id(relation.owner), self.bundle_act("bundle-refused", &relation, detail))
        else {
            return;
        };
        let thing = relation.held().and_then(|held| held.sequence).map(|sequence| format!("sequence {sequence}"));
        let what = (alarm, thing.as_deref().unwrap_or("none"));
        self.watch.bundle_refused(&self.recorder, owner, what, act, clock::now()).await;
    }

    /// Writes a bundle down, and puts it into force then: a restart must not know an older one.
    async fn replace_bundle(&self, relation: &Arc<Relation>, held: HeldBundle) -> Result<(), FetchFault> {
        let not_kept = |problem: &str| relation.fault(FetchCause::BundleNotKept(Shown::of(problem)));
        let Some(record) = self.bundle_act("bundle-replaced", relation, told(&held)) else {
            return Err(not_kept("its federation is gone"));
        };
        let (tell, told) = oneshot::channel();
        let deed = BundleDeed { bundle: held.kept.clone(), record };
        self.recorder.work(StoreWork::Keep(deed, tell)).await.map_err(|fault| not_kept(&fault.to_string()))?;
        if !told.await.unwrap_or_default() {
            // Another server was faster: what it has written counts, and is judged by at the next time.
            let kept = self.store.bundles().await.map_err(|fault| not_kept(&fault.to_string()))?;
            self.relations.hear(kept);
            return Ok(());
        }
        self.see_keys(relation.owner, &held);
        tracing::info!(
            event = "bundle-replaced",
            trust_domain = relation.terms.trust_domain,
            sequence = held.sequence,
            "the bundle of a foreign trust domain was replaced"
        );
        relation.hold(held);
        Ok(())
    }

    /// Whose keys a bundle's are: the history of each such provider knows them.
    fn see_keys(&self, owner: Id, held: &HeldBundle) {
        let in_force = self.read_model.now();
        let own = in_force.world.by_id(owner).into_iter();
        for provider in own.chain(in_force.world.referrers(owner)).filter(|resource| resource.as_provider().is_some()) {
            let location = self.relations.find(owner).map(|relation| relation.terms.url.clone().into());
            self.provider_keys.seen.add(SeenSet {
                provider: provider.id,
                at: Some(clock::now()),
                set: Arc::clone(&held.jwt),
                location: location.unwrap_or_default(),
            });
        }
    }

    fn bundle_act(
        &self,
        event: &'static str,
        relation: &Relation,
        mut detail: Value,
    ) -> Option<accredit_store::audit::NewRecord> {
        let in_force = self.read_model.now();
        let owner: &Arc<Resource> = in_force.world.by_id(relation.owner)?;
        detail["kind"] = owner.kind().document().into();
        detail["name"] = owner.name.as_str().into();
        detail["trustDomain"] = relation.terms.trust_domain.as_str().into();
        detail["url"] = relation.terms.url.as_str().into();
        Some(record::admin_act(event, clock::now(), "server", in_force.world.sequence, &detail))
    }

    /// The keys of a trust domain of ours, as long as it counts.
    fn own_keys(&self, domain: Id) -> LiveKeys {
        let (read_model, verifying) = (Arc::clone(&self.read_model), self.signing.verifying_svids());
        let keys = move || {
            read_model.now().world.enabled(domain)?;
            verifying(domain)
        };
        LiveKeys::Own { domain, keys: Arc::new(keys) }
    }
}

/// What somebody must hear of: a bundle that goes back is what an attacker would serve.
const fn alarming(cause: &FetchCause) -> Option<Code> {
    match cause {
        FetchCause::BundleOlder { .. } => Some(Code::BundleOlder),
        FetchCause::BundleUncounted { .. } => Some(Code::BundleUncounted),
        _ => None,
    }
}

/// A bundle as the log keeps it.
fn told(held: &HeldBundle) -> Value {
    let jwt = held.jwt.keys().map(|key| json!({"kid": key.kid(), "thumbprint": &*key.thumbprint()}));
    json!({
        "sequence": held.sequence,
        "revision": held.kept.revision,
        "keys": jwt.collect::<Vec<_>>(),
        "authorities": held.x509.iter().map(|authority| authority.fingerprint()).collect::<Vec<_>>(),
    })
}

/// So often it is looked whose time has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A fetch ends within ten seconds, and its writing within a moment.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
