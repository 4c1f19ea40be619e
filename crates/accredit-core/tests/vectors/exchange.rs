//! `vectors/exchange`: who may have which token, and what its operator is told.
//!
//! Beside what a scenario says, each is asked three times more: with its documents in reverse, with its world read back
//! from rows, and, where a fix is proposed, with the fix applied.

use accredit_core::decide::{
    Ask, ClauseVerdict, Confirmation, Denial, Explained, FirstUse, Held, Limits, Near, Reason, Terms, exchange, explain,
};
use accredit_core::facts::{Acting, Facts, TypedIn};
use accredit_core::model::{Document, Kind, Provider, Replay, Resource};
use accredit_core::world::World;
use accredit_id::json::{Json, Number, Object};
use accredit_id::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expansion::expand;
use crate::stage::{Stage, documents, overlaid, reserved};

/// A file of scenarios; what it says outside of them holds for each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    given: String,
    #[serde(default = "nothing")]
    claims: String,
    #[serde(default)]
    provider: Option<String>,
    actor_provider: Option<String>,
    scenario: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    #[serde(default)]
    given: String,
    #[serde(default)]
    disabled: Vec<String>,
    #[serde(default)]
    pins: Vec<[String; 5]>,
    #[serde(default = "nothing")]
    claims: String,
    #[serde(default)]
    without: Vec<String>,
    provider: Option<String>,
    /// Who vouches for the actor.
    actor_provider: Option<String>,
    /// What the actor's token claims.
    actor: Option<String>,
    #[serde(default)]
    when: When,
    #[serde(default)]
    then: Then,
}

/// What is asked.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct When {
    account: Option<String>,
    mapping: Option<String>,
    api: Option<String>,
    scope: Option<String>,
    lifetime: Option<u32>,
    proof_key: Option<String>,
    certificate: Option<String>,
    now: Option<i64>,
    server_maximum: Option<u64>,
}

/// What must come of it; every field, also those that must be absent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Then {
    allow: Option<String>,
    account: Option<String>,
    api: Option<String>,
    audience: Option<String>,
    scope: Option<String>,
    expires_at: Option<i64>,
    signing: Option<String>,
    replay: Option<String>,
    cnf: Option<[String; 2]>,
    act: Option<Vec<String>>,
    deny: Option<String>,
    told: Option<String>,
    hint: Option<String>,
    trace: Option<String>,
    fix: Option<String>,
    pins: Option<Vec<[String; 4]>>,
}

/// One question about one world.
struct Question {
    stage: Stage,
    claims: Object<'static>,
    provider: String,
    /// The actor's provider, and his claims.
    actor: Option<(String, Object<'static>)>,
    when: When,
}

#[test]
fn scenarios_come_out_as_they_say() {
    crate::judge_all("exchange", |file: &File| &file.scenario, |scenario| &scenario.name, judge);
}

/// A reason, or a near miss, that no scenario shows might as well not exist.
#[test]
fn every_reason_and_every_near_miss_has_a_scenario() {
    let files = crate::files("exchange", "toml");
    let scenarios: Vec<Scenario> =
        files.iter().flat_map(|path| toml::from_str::<File>(&crate::text(path)).unwrap().scenario).collect();
    // The first is made where a mark is found in the store, the second nowhere yet; the others belong to clients that show
    // an assertion and to tokens of ours that come back, which have transcripts.
    let elsewhere = [
        Reason::TokenReplayed,
        Reason::ProofReplayed,
        Reason::AccountRequired,
        // A chain of ours that is too long.
        Reason::ChainTooLong,
        Reason::ClientMismatch,
        Reason::TokenInactive,
    ];
    for reason in Reason::ALL.into_iter().filter(|reason| !elsewhere.contains(reason)) {
        let is_shown = scenarios.iter().any(|scenario| scenario.then.deny.as_deref() == Some(reason.code()));
        assert!(is_shown, "no scenario is denied with `{}`", reason.code());
    }
    for near in [Near::Case, Near::SubjectFormat, Near::TrailingSlash, Near::Type, Near::WhiteSpace] {
        let is_told = |scenario: &Scenario| scenario.then.hint.as_deref() == Some(near.hint());
        assert!(scenarios.iter().any(is_told), "no scenario is told: {}", near.hint());
    }
}

fn judge(file: &File, scenario: &Scenario) -> Result<(), String> {
    let question = scenario.question(file, false);
    let (seen, denial) = question.answer()?;
    if seen != scenario.then {
        return Err(format!("answer is\n[scenario.then]\n{}", toml::to_string_pretty(&seen).unwrap()));
    }
    if let Some(denial) = denial {
        let allowed = |byte: u8| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if !denial.reason.caller_sentence().bytes().all(allowed) {
            return Err("caller's sentence leaves the character set of RFC 6749 section 5.2".to_owned());
        }
    }
    // Other ids are given then; nothing but ids may differ.
    let (reversed, _) = scenario.question(file, true).answer()?;
    if reversed.without_ids() != seen.without_ids() {
        return Err(format!("answer depends on the order of documents: {reversed:#?}"));
    }
    let restored = Stage { world: question.stage.restored(), ..question.stage.clone() };
    let (restored, _) = Question { stage: restored, claims: question.claims.clone(), ..question.copy() }.answer()?;
    if restored != seen {
        return Err(format!("answer of the world read back from rows differs: {restored:#?}"));
    }
    exports_to_itself(&question.stage)?;
    match &seen.fix {
        None => Ok(()),
        Some(fix) => question.is_mended_by(fix),
    }
}

// === impl Then ===

impl Then {
    fn without_ids(&self) -> Self {
        let lines = |fix: &String| {
            fix.lines().filter(|line| !line.starts_with("id: ")).map(|line| format!("{line}\n")).collect()
        };
        Self { fix: self.fix.as_ref().map(lines), ..self.clone() }
    }
}

// === impl Scenario ===

impl Scenario {
    fn question(&self, file: &File, reversed: bool) -> Question {
        let mut stage = Stage::empty(if reversed { -1 } else { 1 });
        let mut given = overlaid(&expand(&file.given), &expand(&self.given));
        if reversed {
            given.reverse();
        }
        stage.bring(&given);
        self.disabled.iter().for_each(|named| stage.turn(named, false));
        self.pins
            .iter()
            .for_each(|[mapping, claim, name, id_claim, id]| stage.pin(mapping, [claim, name, id_claim, id]));
        let mut claims = members(&file.claims);
        claims.extend(members(&self.claims));
        claims.retain(|name, _| !self.without.contains(name));
        let Json::Object(claims) = Json::from(Value::Object(claims)) else { panic!("claims are no object") };
        let provider = self.provider.as_ref().or(file.provider.as_ref());
        let provider = provider.unwrap_or_else(|| panic!("{}: no provider", self.name)).clone();
        let actor = self.actor.as_ref().map(|actor| {
            let Json::Object(claims) = Json::from(Value::Object(members(actor))) else {
                panic!("claims are no object")
            };
            let provider = self.actor_provider.as_ref().or(file.actor_provider.as_ref());
            (provider.unwrap_or_else(|| panic!("{}: no actor provider", self.name)).clone(), claims)
        });
        Question { stage, claims, provider, actor, when: self.when.clone() }
    }
}

// === impl Question ===

impl Question {
    fn copy(&self) -> Self {
        Self {
            stage: self.stage.clone(),
            claims: self.claims.clone(),
            provider: self.provider.clone(),
            actor: self.actor.clone(),
            when: self.when.clone(),
        }
    }

    /// The answer of the road and of its explanation, which must be one.
    fn answer(&self) -> Result<(Then, Option<Denial>), String> {
        let world = &self.stage.world;
        let provider =
            world.find(Kind::Provider, &self.provider).unwrap_or_else(|| panic!("no provider `{}`", self.provider));
        let known = provider.as_provider().unwrap();
        let acting = self.actor.as_ref().map(|(provider, claims)| {
            let provider = world.find(Kind::Provider, provider).unwrap_or_else(|| panic!("no provider `{provider}`"));
            Acting { provider, facts: Facts::typed_in(provider.as_provider().unwrap(), claims, ends(claims)) }
        });
        let facts = self.facts(known).with_actor(acting.as_ref());
        let (ask, limits, now) = (self.ask(), self.limits(), self.now());
        let verdict = exchange(&ask, &facts, provider, world, &limits, now);
        let explained = explain(&ask, &facts, provider, world, &limits, now);
        let same = match (&verdict, &explained.verdict) {
            (Ok(one), Ok(two)) => rendered(one) == rendered(two),
            (Err(one), Err(two)) => one == two,
            _ => false,
        };
        if !same {
            return Err(format!("road and explanation differ: {verdict:?}, {:?}", explained.verdict));
        }
        consistent(&explained, world)?;
        let (told, hint) = explained.summary();
        let trace = Some(trace(&explained)).filter(|trace| !trace.is_empty());
        Ok(match verdict {
            Ok(terms) => (Then { trace, ..rendered(&terms) }, None),
            Err(denial) => {
                let deny = Some(denial.reason.code().to_owned());
                (Then { deny, told: Some(told), hint, trace, fix: explained.fix, ..Then::default() }, Some(denial))
            }
        })
    }

    /// The fix is a document that can be applied, and then the same question is allowed.
    fn is_mended_by(&self, fix: &str) -> Result<(), String> {
        let mut mended = self.copy();
        let documents = documents(fix);
        let before = mended.stage.exported();
        let plan =
            mended.stage.plan(&documents, false).map_err(|faults| format!("fix cannot be applied: {faults:?}"))?;
        mended.stage.world = plan.next;
        keeps_what_was_given(&before, &mended.stage.exported())?;
        match mended.answer()?.0 {
            Then { allow: Some(_), .. } => Ok(()),
            then => Err(format!("fix does not help: {then:#?}")),
        }
    }

    fn facts<'f>(&'f self, known: &'f Provider) -> Facts<'f, TypedIn> {
        Facts::typed_in(known, &self.claims, ends(&self.claims))
    }

    fn ask(&self) -> Ask<'_> {
        let When { account, mapping, api, scope, lifetime, proof_key, certificate, now: _, server_maximum: _ } =
            &self.when;
        Ask {
            account: account.as_deref(),
            mapping: mapping.as_deref(),
            api: api.as_deref(),
            scope: scope.as_deref(),
            lifetime: *lifetime,
            held: Held { proof_key: proof_key.as_deref(), certificate: certificate.as_deref() },
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            max_lifetime: std::time::Duration::from_secs(self.when.server_maximum.unwrap_or(3600)),
            reserved: reserved(),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.when.now.unwrap_or(NOW))
    }
}

/// What was exported and is applied again changes nothing, and makes the same world where there was none.
pub(crate) fn exports_to_itself(stage: &Stage) -> Result<(), String> {
    let exported = stage.exported();
    let text: String =
        exported.iter().map(|document| format!("---\n{}", accredit_core::model::yaml::write(document))).collect();
    let read = documents(&text);
    if read != exported {
        return Err(format!("export does not read back:\n{text}"));
    }
    let plan = stage.clone().plan(&read, true).map_err(|faults| format!("export cannot be applied: {faults:?}"))?;
    if !plan.puts.is_empty() || !plan.deletes.is_empty() || plan.revokes {
        return Err(format!("applying the export changes {:?} and deletes {:?}", plan.puts, plan.deletes));
    }
    let mut anew = Stage::empty(1);
    anew.bring(&read);
    if anew.exported() != exported {
        return Err("a world made of the export exports something else".to_owned());
    }
    Ok(())
}

/// A fix adds; the only thing that it may take away is that its mapping was disabled.
fn keeps_what_was_given(before: &[Document], after: &[Document]) -> Result<(), String> {
    for old in before {
        let new = after.iter().find(|new| new.kind == old.kind && new.name == old.name);
        let Some(new) = new else { return Err(format!("fix takes away {} {}", old.kind, old.name)) };
        if !holds(&new.spec, &old.spec) {
            return Err(format!(
                "fix takes something out of {} {}: {} became {}",
                old.kind, old.name, old.spec, new.spec
            ));
        }
    }
    Ok(())
}

/// Whether everything of `old` is in `new`; a value counts as the list of it alone.
fn holds(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(name, old)| new.get(name).is_some_and(|new| holds(new, old)))
        }
        (Value::Array(new), Value::Array(old)) => old.iter().all(|old| new.contains(old)),
        (Value::Array(new), old) => new.contains(old),
        (new, old) => new == old,
    }
}

/// The trace says the same as the verdict.
fn consistent(explained: &Explained<TypedIn>, world: &World) -> Result<(), String> {
    for mapping in &explained.considered {
        let resource = world.find(Kind::Mapping, &mapping.mapping).map(|resource| resource.id.to_string());
        if resource.as_deref() != Some(mapping.id.as_str()) {
            return Err(format!("trace names mapping `{}` with id {}", mapping.mapping, mapping.id));
        }
        let all_hold = mapping.clauses.iter().all(|clause| clause.verdict == ClauseVerdict::Held);
        if mapping.matched != (all_hold && !mapping.clauses.is_empty()) {
            return Err(format!("trace of `{}` contradicts itself", mapping.mapping));
        }
    }
    let matches = |terms: &Terms<TypedIn>| {
        explained
            .considered
            .iter()
            .any(|mapping| mapping.matched && mapping.enabled && mapping.mapping == terms.mapping.name.as_str())
    };
    match &explained.verdict {
        Ok(terms) if !matches(terms) => Err("trace does not show the mapping that allows it".to_owned()),
        Ok(_) if explained.fix.is_some() => Err("what is allowed has a fix".to_owned()),
        _ => Ok(()),
    }
}

fn rendered(terms: &Terms<TypedIn>) -> Then {
    let name = |resource: &Resource| Some(resource.name.to_string());
    assert_eq!(terms.project.name.as_str(), terms.account.name.project().unwrap());
    Then {
        allow: name(&terms.mapping),
        account: name(&terms.account),
        api: name(&terms.api),
        audience: Some(terms.audience.to_string()),
        scope: Some(terms.scope()),
        expires_at: Some(terms.expires_at.unix()),
        signing: Some(format!("{:?}", terms.signing).to_uppercase()).filter(|signing| signing != "ES256"),
        replay: (terms.replay == Replay::Once).then(|| "once".to_owned()),
        cnf: terms.confirmation.as_deref().map(bound),
        act: Some(terms.actors.iter().map(|actor| format!("{} {}", actor.issuer, actor.subject)).collect())
            .filter(|actors: &Vec<_>| !actors.is_empty()),
        pins: Some(terms.first_uses.iter().map(pinned).collect()).filter(|pins: &Vec<_>| !pins.is_empty()),
        ..Then::default()
    }
}

/// The key and the certificate.
fn bound(confirmation: &Confirmation) -> [String; 2] {
    let Confirmation { proof_key, certificate } = confirmation;
    [proof_key, certificate].map(|text| text.as_deref().unwrap_or_default().to_owned())
}

fn pinned(first: &FirstUse) -> [String; 4] {
    let FirstUse { claim, name, id_claim, id } = first;
    [(*claim).to_owned(), name.clone(), (*id_claim).to_owned(), id.clone()]
}

/// A line a mapping, below it a line a clause.
fn trace(explained: &Explained<TypedIn>) -> String {
    let mut text = String::new();
    for mapping in &explained.considered {
        text.push_str(&mapping.mapping);
        text.push_str(if mapping.enabled { "\n" } else { ", disabled\n" });
        for clause in &mapping.clauses {
            let sign = match clause.verdict {
                ClauseVerdict::Error => '!',
                ClauseVerdict::Failed => '-',
                ClauseVerdict::Held => '+',
            };
            text.push_str(&format!("  {sign} {}\n", clause.line()));
        }
        for actor in &mapping.actors {
            let sign = if actor.matched { '+' } else { '-' };
            text.push_str(&format!("  {sign} actor of `{}`\n", actor.provider));
            actor.clauses.iter().for_each(|clause| text.push_str(&format!("      {}\n", clause.line())));
        }
    }
    text
}

fn ends(claims: &Object<'_>) -> Option<Timestamp> {
    match claims.get("exp") {
        Some(Json::Number(Number::Int(unix))) => Some(Timestamp::from_unix(*unix)),
        _ => None,
    }
}

fn members(text: &str) -> Map<String, Value> {
    let text = expand(text);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("claims are not an object: {error}: {text}"))
}

fn nothing() -> String {
    "{}".to_owned()
}

/// 2027-01-15T08:00:00Z.
const NOW: i64 = 1_800_000_000;
