//! Checking a signed AWS request, and what AWS says about it.
//!
//! The signature is AWS' to verify. What is checked here is everything that AWS does not care about: that the request is
//! meant for this server, that it is fresh, that it goes to one of AWS' own hosts; and afterwards that what AWS
//! answers hangs together. The request that is sent is written anew ([`ToSend`]), so that nothing a caller wrote can change
//! what is asked or in which form it is answered (CVE-2020-16250).

use std::borrow::Cow;
use std::time::Duration;

use accredit_id::aws_request::{ACTION, AwsRequest, Partition, Placement};
use accredit_id::base64url;
use accredit_id::digest::sha256;
use accredit_id::json::{Json, Number, Object};
use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;

use crate::model::SignedRequests;

/// A request that this server may send: meant for it, fresh, for a host of AWS'. Only [`check`] makes one.
pub struct Checked {
    to_send: ToSend,
    partition: Partition,
    access_key_id: String,
    region: String,
    signed_at: Timestamp,
    expires_at: Timestamp,
    token_id: String,
}

/// The request as it is sent. `Debug` is not derived: it holds the session token and the signature.
pub struct ToSend {
    /// The host, one of AWS' own.
    pub host: String,
    /// Path and query.
    pub target: &'static str,
    /// The signed headers with their values, and `authorization`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: &'static str,
}

/// What AWS answers, as it was read; nothing of it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `Account`.
    pub account: String,
    /// `Arn`.
    pub arn: String,
    /// `UserId`.
    pub user_id: String,
}

/// The identity that AWS names for a request. Only [`Checked::caller`] makes one.
pub struct Caller {
    claims: Object<'static>,
    issuer: &'static str,
    access_key_id: String,
    signed_at: Timestamp,
    expires_at: Timestamp,
    token_id: String,
}

/// Why a request, or the answer to it, does not count. The text is for the operator alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer contradicts itself or the request.
    Answer(&'static str),
    /// It is meant for somebody else.
    Domain {
        /// The header.
        header: String,
        /// Its value.
        seen: Shown,
        /// This server's.
        expected: String,
    },
    /// Another header than the provider's names who it is meant for.
    DomainHeader {
        /// The one that is signed.
        seen: Shown,
        /// The provider's.
        expected: String,
    },
    /// It was signed too long ago.
    Expired {
        /// Seconds since it was signed.
        age: i64,
        /// At most.
        most: u64,
    },
    /// It is dated in the future.
    InFuture {
        /// Seconds until then.
        ahead: i64,
    },
    /// The provider does not accept that region.
    Region {
        /// The one of the request.
        seen: String,
    },
}

/// Checks a request against what a provider accepts.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn check(request: &AwsRequest, accepted: &SignedRequests, now: Timestamp) -> Result<Checked, Fault> {
    let region = request.region();
    let is_listed = accepted.regions.is_empty() || accepted.regions.iter().any(|listed| listed == region);
    if region.partition() != accepted.partition || !is_listed {
        return Err(Fault::Region { seen: region.to_string() });
    }
    let (header, domain) = request.domain();
    if header != accepted.domain_header {
        return Err(Fault::DomainHeader { seen: Shown::of(header), expected: accepted.domain_header.clone() });
    }
    if let Some(seen) = domain.filter(|domain| *domain != accepted.domain) {
        return Err(Fault::Domain {
            header: header.to_owned(),
            seen: Shown::of(seen),
            expected: accepted.domain.clone(),
        });
    }
    let age = now.seconds_since(request.signed_at());
    let most = accepted.max_age.duration();
    let expires_at = request.signed_at().plus(most);
    if expires_at <= now {
        return Err(Fault::Expired { age, most: most.as_secs() });
    }
    if request.signed_at() > now.plus(LEEWAY) {
        return Err(Fault::InFuture { ahead: -age });
    }
    Ok(Checked {
        to_send: to_send(request, accepted),
        partition: accepted.partition,
        access_key_id: request.access_key_id().to_owned(),
        region: region.to_string(),
        signed_at: request.signed_at(),
        expires_at,
        token_id: base64url::encode(&sha256(request.signature().as_bytes())),
    })
}

fn to_send(request: &AwsRequest, accepted: &SignedRequests) -> ToSend {
    let host = request.host();
    let (domain_header, _) = request.domain();
    let value = |name: &str, sent: &Option<String>| match name {
        "host" => host.clone(),
        name if name == domain_header => accepted.domain.clone(),
        _ => sent.clone().unwrap_or_default(),
    };
    let mut headers: Vec<_> =
        request.signed().iter().map(|header| (header.name.clone(), value(&header.name, &header.value))).collect();
    headers.push(("authorization".to_owned(), request.authorization()));
    let (target, body) = match request.placement() {
        Placement::Body => ("/", ACTION),
        Placement::Query => (QUERY_TARGET, ""),
    };
    ToSend { host, target, headers, body }
}

// === impl Checked ===

impl Checked {
    /// What is to be sent to AWS.
    pub fn to_send(&self) -> &ToSend {
        &self.to_send
    }

    /// The hash by which the signature is remembered.
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// The identity that AWS named in its answer to [`Checked::to_send`].
    ///
    /// # Errors
    /// The answer contradicts itself: partition, account, role and session are each named more than once, and must agree.
    pub fn caller(self, answer: &Answer) -> Result<Caller, Fault> {
        let principal = Principal::read(answer, self.partition)?;
        let mut claims = Object::new();
        let mut text = |name: &'static str, value: &str| {
            claims.insert(Cow::Borrowed(name), Json::String(Cow::Owned(value.to_owned())));
        };
        text("account_id", &answer.account);
        text("arn", &answer.arn);
        text("iss", self.partition.name());
        text("jti", &self.token_id);
        text("region", &self.region);
        if let Principal::Role { id, name, session } = principal {
            text("role_id", id);
            text("role_name", name);
            text("session_name", session);
        }
        text("user_id", &answer.user_id);
        for (name, moment) in [("exp", self.expires_at), ("iat", self.signed_at)] {
            claims.insert(Cow::Borrowed(name), Json::Number(Number::Int(moment.unix())));
        }
        let Checked { partition, access_key_id, signed_at, expires_at, token_id, .. } = self;
        Ok(Caller { claims, issuer: partition.name(), access_key_id, signed_at, expires_at, token_id })
    }
}

/// Who called.
enum Principal<'a> {
    /// A session of a role.
    Role { id: &'a str, name: &'a str, session: &'a str },
    /// A user, the account's root, a federated user: known by ARN and id alone.
    Other,
}

impl<'a> Principal<'a> {
    fn read(answer: &'a Answer, partition: Partition) -> Result<Self, Fault> {
        let Answer { account, arn, user_id } = answer;
        let fault = |why| Err(Fault::Answer(why));
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return fault("`Account` is not twelve digits");
        }
        if arn.len() > 2048 || !arn.bytes().chain(user_id.bytes()).all(|byte| (0x21..=0x7e).contains(&byte)) {
            return fault("`Arn` or `UserId` holds something else than visible ASCII");
        }
        let mut parts = arn.splitn(6, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (scheme, of, service, region, owner, resource) = (part(), part(), part(), part(), part(), part());
        if scheme != "arn" || of != partition.name() || !region.is_empty() || owner != account {
            return fault("`Arn` is of another partition or account");
        }
        match (service, resource.split_once('/')) {
            ("sts", Some(("assumed-role", rest))) => {
                let (name, session) = rest.split_once('/').unwrap_or((rest, ""));
                let (id, of_id) = user_id.split_once(':').unwrap_or((user_id, ""));
                if !is_word(name) || !is_word(session) || of_id != session {
                    return fault("`Arn` and `UserId` do not name one role session");
                }
                if !id.starts_with("AROA") || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return fault("`UserId` has no id of a role");
                }
                Ok(Principal::Role { id, name, session })
            }
            ("sts", Some(("federated-user", _))) | ("iam", _) => Ok(Principal::Other),
            _ => fault("`Arn` names no principal"),
        }
    }
}

/// IAM's `[\w+=,.@-]`, which has no slash: a path cannot hide in a name.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-'))
}

// === impl Caller ===

impl Caller {
    /// The facts: `account_id`, `arn`, `user_id`, `region`, and of a role's session `role_id`, `role_name`, `session_name`; with
    /// `iss` (the partition), `jti` (a hash of the signature), `iat` and `exp`.
    pub fn claims(&self) -> &Object<'static> {
        &self.claims
    }

    /// The partition: on whose word the facts rest.
    pub fn issuer(&self) -> &'static str {
        self.issuer
    }

    /// Which key signed; an id, no secret.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// When the request was signed.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// When the request was signed, and the provider's longest age after it.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A hash of the signature.
    pub fn token_id(&self) -> &str {
        &self.token_id
    }
}

// === impl Fault ===

impl Fault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Fault::Answer(_) => "aws-answer",
            Fault::Domain { .. } => "aws-domain-mismatch",
            Fault::DomainHeader { .. } => "aws-domain-header-mismatch",
            Fault::Expired { .. } => "aws-request-expired",
            Fault::InFuture { .. } => "aws-request-in-future",
            Fault::Region { .. } => "aws-region-not-accepted",
        }
    }

    /// Seen and expected.
    pub fn operator_text(&self) -> String {
        match self {
            Fault::Answer(why) => format!("answer of AWS is not used: {why}"),
            Fault::Domain { header, seen, expected } => {
                format!("signed AWS request has `{header}: {seen}`, expected `{expected}`")
            }
            Fault::DomainHeader { seen, expected } => {
                format!("signed AWS request has the domain in `{seen}`, expected `{expected}`")
            }
            Fault::Expired { age, most } => {
                format!("AWS request was signed {age} s ago, at most {most} s are accepted")
            }
            Fault::InFuture { ahead } => format!("AWS request is dated {ahead} s in the future"),
            Fault::Region { seen } => format!("AWS request is for region `{seen}`, which the provider does not accept"),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Fault::Answer(_) => None,
            Fault::Domain { .. } => {
                Some("it is meant for another server; if that is this one, correct `signedRequests.domain`".to_owned())
            }
            Fault::DomainHeader { .. } => Some("correct `signedRequests.domainHeader`, or the client".to_owned()),
            Fault::Expired { .. } => Some("sign a fresh one for each exchange".to_owned()),
            Fault::InFuture { .. } => Some("set the clock of the machine that signs".to_owned()),
            Fault::Region { seen } => Some(format!("add `{seen}` to `signedRequests.regions`")),
        }
    }
}

/// How far ahead of ours the signer's clock may be. INVARIANT: below every `max_age`, so that evidence never lives longer
/// than twice that.
const LEEWAY: Duration = Duration::from_secs(30);
/// [`ACTION`] as a query. INVARIANT: the same text, byte for byte; the signature covers it.
const QUERY_TARGET: &str = "/?Action=GetCallerIdentity&Version=2011-06-15";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn answer(account: &str, arn: &str, user_id: &str) -> Answer {
        Answer { account: account.into(), arn: arn.into(), user_id: user_id.into() }
    }

    #[test]
    fn the_query_is_the_action() {
        assert_eq!(QUERY_TARGET.strip_prefix("/?"), Some(ACTION));
    }

    /// F20: an answer counts when its parts agree, and a role's names have no path in them.
    #[test]
    fn f20_an_arn_is_read_exactly() {
        let role = "arn:aws:sts::123456789012:assumed-role/web/i-0abc";
        for (account, arn, user_id, is_role) in [
            ("123456789012", role, "AROAEXAMPLE:i-0abc", true),
            ("123456789012", "arn:aws:iam::123456789012:root", "123456789012", false),
            ("123456789012", "arn:aws:iam::123456789012:user/path/ada", "AIDAEXAMPLE", false),
            ("123456789012", "arn:aws:sts::123456789012:federated-user/ada", "123456789012:ada", false),
        ] {
            let answer = answer(account, arn, user_id);
            let principal = Principal::read(&answer, Partition::Aws).ok();
            assert_eq!(principal.map(|found| matches!(found, Principal::Role { .. })), Some(is_role), "{arn}");
        }
        for (account, arn, user_id) in [
            ("12345678901", role, "AROAEXAMPLE:i-0abc"),
            ("210987654321", role, "AROAEXAMPLE:i-0abc"),
            ("123456789012", "arn:aws-cn:sts::123456789012:assumed-role/web/i-0abc", "AROAEXAMPLE:i-0abc"),
            ("123456789012", "arn:aws:sts:us-east-1:123456789012:assumed-role/web/i-0abc", "AROAEXAMPLE:i-0abc"),
            ("123456789012", "arn:aws:sts::123456789012:assumed-role/path/web/i-0abc", "AROAEXAMPLE:i-0abc"),
            ("123456789012", "arn:aws:sts::123456789012:assumed-role/web", "AROAEXAMPLE:i-0abc"),
            ("123456789012", "arn:aws:sts::123456789012:assumed-role//i-0abc", "AROAEXAMPLE:i-0abc"),
            ("123456789012", role, "AROAEXAMPLE:another"),
            ("123456789012", role, "AROAEXAMPLE"),
            ("123456789012", role, "AIDAEXAMPLE:i-0abc"),
            ("123456789012", "arn:aws:s3:::bucket", "AROAEXAMPLE:i-0abc"),
            ("123456789012", "arn:aws:sts::123456789012:assumed-role/w\u{e4}b/i", "AROAEXAMPLE:i"),
            ("123456789012", "", ""),
        ] {
            assert!(Principal::read(&answer(account, arn, user_id), Partition::Aws).is_err(), "{arn} {user_id}");
        }
    }

    #[test]
    fn every_fault_has_words() {
        let fault = Fault::Expired { age: 400, most: 300 };
        assert_eq!(fault.operator_text(), "AWS request was signed 400 s ago, at most 300 s are accepted");
        assert!(fault.hint().unwrap().contains("fresh"));
    }
}
