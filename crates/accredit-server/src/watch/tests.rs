//! One alarm for each new thing, none for what is known, and not more than can be borne.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use accredit_core::model::{Kind, yaml};
use accredit_core::plan::{self, Context};
use accredit_store::Store;
use accredit_store::audit::ChainId;
use serde_json::{Map, Value};

use super::*;
use crate::record::Most;

const NOW: i64 = 1_800_000_000;
const CLASSIC: &str = "repo:acme/web:ref:refs/heads/main";
const IMMUTABLE: &str = "repo:acme@98/web@123:ref:refs/heads/main";

/// A watch with its store, and providers `github` and `idp`.
struct Stand {
    watch: Watch,
    recorder: Recorder,
    store: Arc<Store>,
    world: World,
}

impl Stand {
    async fn new() -> Self {
        let text = "kind: Project\nname: ci\n---\nkind: Provider\nname: github\nspec: {type: github, audit: [listed], attributes: {a: assertion.derived}}\n\
                    ---\nkind: Provider\nname: idp\nspec: {type: oidc, issuer: https://idp.example.org}\n\
                    ---\nkind: ServiceAccount\nname: ci/web\n\
                    ---\nkind: Mapping\nname: ci/web\nspec: {provider: github, serviceAccount: ci/web, match: {repository_id: '123', matched: x}, condition: assertion.tested == 'x'}\n";
        let documents: Vec<_> = yaml::parse("t", text).unwrap().into_iter().map(|located| located.document).collect();
        let context = Context {
            public_url: "https://a.example.org",
            reserved: &[],
            plain_http: false,
            now: Timestamp::from_unix(NOW),
        };
        let world = plan::apply(&World::default(), &documents, false, &context, &mut chance::bits).unwrap().next;
        let store = Arc::new(Store::open("sqlite::memory:").await.unwrap());
        let chain = store.open_chain(ChainId([1; 16]), 1).await.unwrap();
        let room = Most { marks: 1_000, proofs: 1_000 };
        let (recorder, _) = Recorder::start(Arc::clone(&store), chain, Arc::new(|_| None), Arc::new(|_| ()), room);
        Self { watch: Watch::restored(Vec::new()), recorder, store, world }
    }

    async fn see(&self, provider: &str, subject: &str, names: &[&str], at: i64) {
        let provider = self.world.find(Kind::Provider, provider).unwrap();
        let mut claims: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), "x".into())).collect();
        claims.insert("sub".to_owned(), subject.into());
        let Json::Object(claims) = Json::from(Value::Object(claims)) else { return };
        let known = provider.as_provider().unwrap();
        let decision = DecisionId::new([7; 16]);
        let token = Shown { provider, known, claims: &claims, decision, at: Timestamp::from_unix(at) };
        self.watch.look(&self.recorder, &self.world, &token).await;
    }

    /// How many shapes are remembered.
    fn remembered(&self) -> usize {
        self.watch.shapes.iter().map(|shard| shard.load().len()).sum()
    }

    /// Code and thing of each alarm, sorted.
    fn alarms(&self) -> Vec<(String, String)> {
        let told = |seen: Arc<Seen>| (seen.sighting.code.clone(), seen.sighting.thing.clone());
        let mut alarms: Vec<_> = self.watch.alarms().into_iter().map(told).collect();
        alarms.sort();
        alarms
    }
}

fn raised(alarms: &[(&str, &str)]) -> Vec<(String, String)> {
    alarms.iter().map(|(code, thing)| ((*code).to_owned(), (*thing).to_owned())).collect()
}

/// F13: the first format is what is usual; another one is told once, for the provider that shows it.
#[tokio::test]
async fn a_changed_subject_format_is_told_once() {
    let stand = Stand::new().await;
    for at in 0..3 {
        stand.see("github", CLASSIC, &["ref"], NOW + at).await;
    }
    assert_eq!(stand.alarms(), raised(&[]));
    for at in 0..3 {
        stand.see("github", IMMUTABLE, &["ref"], NOW + 10 + at).await;
        stand.see("github", IMMUTABLE, &["ref", "actor"], NOW + 10 + at).await;
    }
    assert_eq!(stand.alarms(), raised(&[("subject-format-changed", "immutable")]));
    let alarm = stand.watch.alarms().remove(0);
    assert_eq!((alarm.sighting.first_seen, alarm.last(), alarm.sighting.decision), (NOW + 10, NOW + 12, [7; 16]));
    let said = summary(&alarm.sighting, "github", &stand.watch.formats(&alarm.sighting.provider));
    assert_eq!(said, "subjects of provider `github` are `immutable`, until now they were `classic`");
    stand.see("github", "workflow:deploy", &["ref"], NOW + 20).await;
    stand.see("github", "workflow:test", &["ref"], NOW + 20).await;
    stand.see("github", "\u{1b}[31m", &["ref"], NOW + 20).await;
    let begins = ("subject-format-unknown", "workflow");
    assert_eq!(stand.alarms()[1..], raised(&[("subject-format-unknown", "\\u{1b}[31m"), begins])[..]);
}

/// A claim counts as listed when the kind, the provider's `audit`, an attribute, a clause or a condition names it.
#[tokio::test]
async fn an_unlisted_claim_is_told_once() {
    let stand = Stand::new().await;
    stand.see("github", CLASSIC, &["ref", "listed", "derived", "matched", "tested"], NOW).await;
    assert_eq!(stand.alarms(), raised(&[]));
    for at in 0..3 {
        stand.see("github", CLASSIC, &["ref", "new", "newer"], NOW + at).await;
        stand.see("github", CLASSIC, &["new", "ref_type"], NOW + at).await;
    }
    assert_eq!(stand.alarms(), raised(&[("claim-unlisted", "new"), ("claim-unlisted", "newer")]));
    // All of it is in the store, and goes on from there without being told again.
    let stored = stand.store.sightings().await.unwrap();
    assert_eq!(stored.iter().filter(|seen| seen.alarm).count(), 2);
    let again = Stand { watch: Watch::restored(stored), ..stand };
    again.see("github", CLASSIC, &["ref", "new"], NOW + 100).await;
    again.see("github", CLASSIC, &["ref", "new"], NOW + 130).await;
    assert_eq!(again.alarms().len(), 2);
    let unwritten = again.watch.unwritten();
    assert_eq!((unwritten.len(), unwritten[0].1), (1, NOW + 130));
    assert!(again.watch.unwritten().is_empty());
}

/// Holders of valid tokens cannot fill the disk: after so many alarms of a provider there is one more.
#[tokio::test]
async fn a_flood_of_new_claims_ends_in_one_alarm() {
    let stand = Stand::new().await;
    for number in 0..200 {
        let names = [format!("flood-{number}"), format!("again-{number}")];
        stand.see("github", CLASSIC, &[&names[0], &names[1]], NOW + number).await;
    }
    let alarms = stand.alarms();
    assert_eq!(alarms.len(), seen::MAX_ALARMS + 1);
    assert_eq!(alarms[0], ("alarms-many".to_owned(), String::new()));
    assert!(stand.remembered() < 40, "shapes of a flood are not remembered");
    // Another provider is watched all the same.
    stand.see("idp", "a", &["x"], NOW).await;
    stand.see("idp", "a", &["x", "late"], NOW + seen::LEARNING).await;
    assert_eq!(stand.alarms().len(), seen::MAX_ALARMS + 2);
}

/// Of a kind that nothing is known of, what comes in the first day is what is usual.
#[tokio::test]
async fn an_unknown_kind_is_learned_first() {
    let stand = Stand::new().await;
    stand.see("idp", "a", &["email", "groups"], NOW).await;
    stand.see("idp", "repo:x", &["email", "locale"], NOW + seen::LEARNING - 1).await;
    assert_eq!(stand.alarms(), raised(&[]));
    stand.see("idp", "b", &["email", "locale", "tenant"], NOW + seen::LEARNING).await;
    assert_eq!(stand.alarms(), raised(&[("claim-unlisted", "tenant")]));
    let again = Stand { watch: Watch::restored(stand.store.sightings().await.unwrap()), ..stand };
    again.see("idp", "b", &["email", "locale", "tenant", "site"], NOW + seen::LEARNING + 1).await;
    assert_eq!(again.alarms(), raised(&[("claim-unlisted", "site"), ("claim-unlisted", "tenant")]));
}

/// The shapes of many providers are all remembered, or each of their tokens would be looked at name by name.
#[tokio::test]
async fn many_providers_do_not_push_each_other_out() {
    let mut stand = Stand::new().await;
    let provider = |number| {
        format!("kind: Provider\nname: p{number}\nspec: {{type: github, audiences: [https://{number}.example.org]}}\n")
    };
    let text = (0..600).map(provider).collect::<Vec<_>>().join("---\n");
    let documents: Vec<_> = yaml::parse("t", &text).unwrap().into_iter().map(|located| located.document).collect();
    let context = Context {
        public_url: "https://a.example.org",
        reserved: &[],
        plain_http: false,
        now: Timestamp::from_unix(NOW),
    };
    stand.world = plan::apply(&stand.world, &documents, false, &context, &mut chance::bits).unwrap().next;
    for number in 0..600 {
        stand.see(&format!("p{number}"), CLASSIC, &["jti"], NOW).await;
    }
    assert_eq!(stand.remembered(), 600);
}

/// Nothing new takes no lock: neither a shape that is known, nor whatever a provider shows that has shown too much.
#[tokio::test]
async fn what_is_not_new_waits_for_nobody() {
    let stand = Stand::new().await;
    stand.see("github", CLASSIC, &["ref"], NOW).await;
    for number in 0..40 {
        stand.see("idp", "a", &[&format!("flood-{number}")], NOW + number * seen::LEARNING).await;
    }
    // Restarted, what was seen too much of is known from the store alone.
    let mut stored = Stand { watch: Watch::restored(stand.store.sightings().await.unwrap()), ..Stand::new().await };
    stored.world = stand.world.clone();
    for (stand, provider, subject, names) in
        [(&stand, "github", CLASSIC, &["ref"][..]), (&stand, "idp", "b", &["new"]), (&stored, "idp", "c", &["newer"])]
    {
        let held = stand.watch.of_providers();
        std::thread::scope(|scope| {
            let (sender, done) = std::sync::mpsc::channel();
            scope.spawn(move || {
                let alone = tokio::runtime::Builder::new_current_thread().build().unwrap();
                alone.block_on(stand.see(provider, subject, names, NOW + 100 * seen::LEARNING));
                sender.send(()).unwrap();
            });
            let is_free = done.recv_timeout(std::time::Duration::from_secs(20)).is_ok();
            drop(held);
            assert!(is_free, "{provider} waits");
        });
    }
    let last = stand.watch.alarms().iter().map(|alarm| alarm.last()).max();
    assert_eq!(last, Some(NOW + 100 * seen::LEARNING), "when it was seen last is known all the same");
}
