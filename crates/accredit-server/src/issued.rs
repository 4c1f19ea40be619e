//! Tokens that this server issued: whether one is genuine, whether it was revoked, and what the log knows of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use accredit_core::decide::{Denial, Issued, Standing};
use accredit_core::model::{DecisionId, Id};
use accredit_core::world::World;
use accredit_id::act;
use accredit_id::jose::Algorithms;
use accredit_id::json::Json;
use accredit_id::time::Timestamp;
use accredit_id::verify::{
    self, Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule, TokenFault, Verified,
};
use accredit_store::{Found, RevokedToken, StoreError};
use serde_json::Value;

use crate::app::App;

/// The decision that issued a token, and those by which it was narrowed to what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// What was decided on.
    pub(crate) issued: Issued,
    /// The decisions of the tokens that it was made from, the first one first.
    pub(crate) ancestors: Vec<DecisionId>,
}

/// What is remembered of tokens: which were revoked, and what the log said of those that were asked about. What the log says
/// never changes, so it may be forgotten at any time.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    revoked: Mutex<HashMap<[u8; 16], Timestamp>>,
    origins: Mutex<HashMap<[u8; 16], Arc<Origin>>>,
}

/// The audience that a token of ours says it has. Nobody vouches for it: it is where to look, not what to believe.
pub(crate) fn audience(token: &str) -> Result<String, TokenFault> {
    let mut buffer = Buffer::default();
    let claims = verify::read(token, &mut buffer)?.into_typed_in();
    Ok(claims.get("aud").and_then(Json::as_str).unwrap_or_default().to_owned())
}

/// Verifies an access token of ours for one audience: signature, profile (RFC 9068), issuer, times.
///
/// # Errors
/// The first fault; `true` beside it when the signature is ours.
pub(crate) fn genuine<'b>(
    app: &App,
    token: &'b str,
    audience: &str,
    buffer: &'b mut Buffer,
    now: Timestamp,
) -> Result<Verified<'b>, (TokenFault, bool)> {
    let audiences = [audience.to_owned()];
    let expected = Expectations {
        token_type: ExpectedType::AccessToken,
        issuer: ExpectedIssuer::Exact(&app.public_url),
        audiences: &audiences,
        single_audience: true,
        algorithms: Algorithms::ASYMMETRIC,
        max_lifetime: MAX_LIFETIME,
        max_age: None,
        leeway: LEEWAY,
        key_id: KeyIdRule::Required,
        issued_at: IssuedAtRule::Required,
    };
    let unverified = verify::read(token, buffer).map_err(|fault| (fault, false))?;
    let keys = app.signing.verifying();
    verify::verify(unverified, &expected, &keys, now).map_err(|rejected| (rejected.fault, rejected.signature_verified))
}

/// Where a genuine token comes from, if it is still good as far as that goes.
///
/// # Errors
/// The store cannot be read; inside, the token was revoked, or the log does not know it.
pub(crate) async fn origin(app: &App, token: &Verified<'_>) -> Result<Result<Arc<Origin>, Denial>, StoreError> {
    let Some(decision) = token.token_id().and_then(|id| id.parse::<DecisionId>().ok()) else {
        return Ok(Err(Denial::inactive("`jti` is no decision")));
    };
    if app.tokens.is_revoked(decision) {
        return Ok(Err(Denial::inactive(format!("token of `{decision}` was revoked"))));
    }
    let origin = match app.tokens.known(decision) {
        Some(origin) => origin,
        None => match recorded(app, token, decision).await?.and_then(|found| read(&found.record.bytes)) {
            Some(origin) => app.tokens.learn(decision, origin),
            None => {
                return Ok(Err(Denial::inactive(format!("the log has no decision `{decision}` that issued a token"))));
            }
        },
    };
    Ok(match origin.ancestors.iter().find(|ancestor| app.tokens.is_revoked(**ancestor)) {
        Some(revoked) => Err(Denial::inactive(format!("token was made from that of `{revoked}`, which was revoked"))),
        None => Ok(origin),
    })
}

/// The record of a token's issuance, which lies in the log where the token was issued.
async fn recorded(app: &App, token: &Verified<'_>, decision: DecisionId) -> Result<Option<Found>, StoreError> {
    match token.issued_at() {
        Some(at) => app.store.find_record_about(decision.bits(), at.unix()).await,
        None => app.store.find_record(decision.bits()).await,
    }
}

/// What a genuine token still opens: `None` when it opens nothing any more.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn active<'w>(
    app: &App,
    token: &Verified<'_>,
    world: &'w World,
) -> Result<Option<Standing<'w>>, StoreError> {
    let Ok(origin) = origin(app, token).await? else { return Ok(None) };
    let scope = token.claims().get("scope").and_then(Json::as_str).unwrap_or_default();
    let Ok(actors) = act::read(token.claims()) else { return Ok(None) };
    Ok(accredit_core::decide::standing(&origin.issued, scope, &actors, world).ok())
}

impl Tokens {
    /// With the tokens that were revoked before this process started.
    pub(crate) fn revoked_before(tokens: &[RevokedToken]) -> Self {
        let revoked = tokens.iter().map(|token| (token.decision, Timestamp::from_unix(token.expires_at)));
        Self { revoked: Mutex::new(revoked.collect()), origins: Mutex::default() }
    }

    pub(crate) fn is_revoked(&self, decision: DecisionId) -> bool {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(decision.bits())
    }

    /// From now on the token is revoked. Such as have ended by themselves are forgotten.
    pub(crate) fn revoke(&self, decision: DecisionId, expires_at: Timestamp, now: Timestamp) {
        self.revoke_decision(*decision.bits(), expires_at, now);
    }

    /// The same by the bits of the decision.
    pub(crate) fn revoke_decision(&self, decision: [u8; 16], expires_at: Timestamp, now: Timestamp) {
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, ends| *ends > now.minus(FORGET));
        revoked.insert(decision, expires_at);
    }

    fn known(&self, decision: DecisionId) -> Option<Arc<Origin>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(decision.bits()).cloned()
    }

    fn learn(&self, decision: DecisionId, origin: Origin) -> Arc<Origin> {
        let origin = Arc::new(origin);
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.len() >= MOST_ORIGINS {
            origins.clear();
        }
        origins.insert(*decision.bits(), Arc::clone(&origin));
        origin
    }
}

/// Reads a record of a decision that issued a token.
fn read(record: &[u8]) -> Option<Origin> {
    let record: Value = serde_json::from_slice(record).ok()?;
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let id = |name: &str| text(name)?.parse::<Id>().ok();
    if text("event") != Some("exchange-allowed") {
        return None;
    }
    let issued = Issued {
        provider: id("providerId")?,
        mapping: id("mappingId")?,
        // No revision is 0: what does not say by which it was decided was decided by another one.
        mapping_revision: record.get("mappingRevision").and_then(Value::as_i64).unwrap_or_default(),
        account: id("serviceAccountId")?,
        api: id("apiId")?,
        limits_actors: record.get("mayAct").is_some(),
    };
    let ancestors = text("madeFrom").unwrap_or_default().split(' ').filter(|text| !text.is_empty());
    Some(Origin { issued, ancestors: ancestors.map(str::parse).collect::<Result<_, _>>().ok()? })
}

/// No access token of ours lives longer, whatever the configuration says (design: 60 minutes at most).
const MAX_LIFETIME: std::time::Duration = std::time::Duration::from_secs(3600);
/// Our own clock wrote `iat`; it may have been set back a little since.
const LEEWAY: std::time::Duration = std::time::Duration::from_secs(60);
/// How long a revocation is remembered behind the token's end: the clock may be set back.
const FORGET: std::time::Duration = std::time::Duration::from_secs(accredit_store::MARK_MARGIN.unsigned_abs());
const MOST_ORIGINS: usize = 65_536;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_core::model::Kind;

    use super::*;

    #[test]
    fn only_records_that_issued_a_token_are_origins() {
        let id = |kind| Id::new(kind, [7; 16]);
        let (provider, mapping) = (id(Kind::Provider), id(Kind::Mapping));
        let (account, api) = (id(Kind::ServiceAccount), id(Kind::Api));
        let ids = format!(
            r#""providerId":"{provider}","mappingId":"{mapping}","serviceAccountId":"{account}","apiId":"{api}""#
        );
        let first = DecisionId::new([1; 16]);
        let read = |text: String| super::read(text.as_bytes());
        let plain = read(format!(r#"{{"event":"exchange-allowed",{ids}}}"#)).unwrap();
        let issued = Issued { provider, mapping, mapping_revision: 0, account, api, limits_actors: false };
        assert_eq!(plain, Origin { issued, ancestors: vec![] });
        let third = read(format!(r#"{{"event":"exchange-allowed","mappingRevision":3,{ids}}}"#)).unwrap();
        assert_eq!(third.issued, Issued { mapping_revision: 3, ..issued });
        let narrowed = read(format!(r#"{{"event":"exchange-allowed","madeFrom":"{first} {first}",{ids}}}"#)).unwrap();
        assert_eq!(narrowed.ancestors, [first, first]);
        assert!(read(format!(r#"{{"event":"exchange-allowed","mayAct":1,{ids}}}"#)).unwrap().issued.limits_actors);
        for record in [
            format!(r#"{{"event":"exchange-denied",{ids}}}"#),
            format!(r#"{{"event":"exchange-allowed","madeFrom":"x",{ids}}}"#),
            r#"{"event":"exchange-allowed"}"#.to_owned(),
            "rubbish".to_owned(),
        ] {
            assert_eq!(read(record.clone()), None, "{record}");
        }
    }

    #[test]
    fn revocations_are_forgotten_behind_their_end() {
        let at = Timestamp::from_unix;
        let (one, two) = (DecisionId::new([1; 16]), DecisionId::new([2; 16]));
        let before = RevokedToken { decision: *one.bits(), expires_at: 1000 };
        let tokens = Tokens::revoked_before(&[before]);
        assert!(tokens.is_revoked(one) && !tokens.is_revoked(two));
        tokens.revoke(two, at(2000), at(1119));
        assert!(tokens.is_revoked(one) && tokens.is_revoked(two));
        tokens.revoke(two, at(2000), at(1120));
        assert!(!tokens.is_revoked(one) && tokens.is_revoked(two));
    }
}
