//! What a use of evidence spends.

use std::time::Duration;

use accredit_core::model::Id;
use accredit_id::act::Actor;
use accredit_id::digest::sha256;
use accredit_id::time::Timestamp;
use accredit_store::Mark;

/// One use of evidence that counts once.
#[derive(Clone, Copy)]
pub(crate) struct Spending<'s> {
    /// Whose evidence it is: two providers may use the same names.
    pub(crate) provider: Id,
    /// The evidence's own name (`jti`), byte for byte.
    pub(crate) name: &'s str,
    /// When it was issued, where it says so.
    pub(crate) issued_at: Option<Timestamp>,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
    /// How long evidence of the provider lives at most.
    pub(crate) longest: Duration,
    /// The thumbprint of the key that the presenter proved to hold; `None` for a bearer, whose second use is a replay
    /// whatever it is for.
    pub(crate) holder: Option<&'s str>,
    /// Whom the token speaks for that is made of it.
    pub(crate) account: Id,
    /// Whom that token is for.
    pub(crate) api: Id,
    /// Who acts in it.
    pub(crate) actors: &'s [Actor],
}

// === impl Spending ===

impl Spending<'_> {
    /// The mark that it leaves.
    pub(crate) fn mark(&self) -> Mark {
        // Evidence without `iat` is accepted for as long as its kind may live, and was not acceptable before.
        let issued_at = self.issued_at.unwrap_or_else(|| self.expires_at.minus(self.longest));
        Mark {
            provider: self.provider.to_string(),
            token: sha256(self.name.as_bytes()),
            issued_at: issued_at.unix(),
            expires_at: self.expires_at.unix(),
            same: self.holder.map(|holder| self.same_use(holder)),
        }
    }

    /// What is equal for two uses by one holder for one purpose, and for no others.
    fn same_use(&self, holder: &str) -> [u8; 32] {
        let mut purpose = format!("{} {} {holder}", self.account, self.api);
        for Actor { issuer, subject } in self.actors {
            purpose.push_str(&format!(" {}:{issuer} {}:{subject}", issuer.len(), subject.len()));
        }
        sha256(purpose.as_bytes())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn spending() -> Spending<'static> {
        Spending {
            provider: "idp_00000000000000000000000001".parse().unwrap(),
            name: "one",
            issued_at: None,
            expires_at: Timestamp::from_unix(10_000),
            longest: Duration::from_secs(3600),
            holder: Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
            account: "sa_00000000000000000000000001".parse().unwrap(),
            api: "api_00000000000000000000000001".parse().unwrap(),
            actors: &[],
        }
    }

    /// I03: names are told apart byte for byte, and by provider.
    #[test]
    fn evidence_is_told_apart_by_its_bytes() {
        let named = |name: &'static str| Spending { name, ..spending() }.mark();
        let huge: &'static str = Box::leak("x".repeat(2048).into_boxed_str());
        let names = ["one", "One", " one", "one ", "o\u{301}", "\u{f3}", "", huge, &huge[1..]];
        for (place, name) in names.iter().enumerate() {
            for other in &names[place + 1..] {
                assert_ne!(named(name).token, named(other).token, "{name:?} {other:?}");
            }
        }
        let other = Spending { provider: "idp_00000000000000000000000002".parse().unwrap(), ..spending() };
        assert_ne!(other.mark().provider, spending().mark().provider);
        assert_eq!(other.mark().token, spending().mark().token);
    }

    /// A holder may use evidence again for what he used it for, and for nothing else.
    #[test]
    fn a_holder_repeats_one_use() {
        let same = |change: fn(&mut Spending<'static>)| {
            let mut other = spending();
            change(&mut other);
            other.mark().same
        };
        let first = spending().mark().same;
        assert!(first.is_some());
        assert_eq!(same(|_| ()), first);
        assert_ne!(same(|other| other.holder = Some("another")), first);
        assert_ne!(same(|other| other.api = "api_00000000000000000000000002".parse().unwrap()), first);
        assert_ne!(same(|other| other.account = "sa_00000000000000000000000002".parse().unwrap()), first);
        assert_eq!(same(|other| other.holder = None), None);
        let agent = Actor { issuer: "https://a".into(), subject: "agent".into() };
        let acted = Spending { actors: std::slice::from_ref(&agent), ..spending() };
        assert_ne!(acted.mark().same, first, "with another actor it is another use");
    }

    #[test]
    fn evidence_that_does_not_say_is_taken_for_as_old_as_it_can_be() {
        assert_eq!(spending().mark().issued_at, 6400);
        let told = Spending { issued_at: Some(Timestamp::from_unix(9000)), ..spending() };
        assert_eq!((told.mark().issued_at, told.mark().expires_at), (9000, 10_000));
    }
}
