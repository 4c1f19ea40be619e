//! What is written about an actor: whose he is for ever, what his token says where it can be erased.

use accredit_core::facts::{Acting, Facts, Proved};
use accredit_core::model::{Provider, Resource};
use accredit_id::act::Actor;
use accredit_id::digest::sha256;
use accredit_id::verify::Verified;
use serde_json::json;

use super::encode::{Line, claims};

/// Who acts by a decision.
#[derive(Clone, Copy)]
pub(crate) struct Acted<'a> {
    pub(crate) provider: &'a Resource,
    pub(crate) known: &'a Provider,
    pub(crate) verified: &'a Verified<'a>,
    /// His token as it was shown.
    pub(crate) token: &'a str,
}

impl<'a> Acted<'a> {
    /// What is decided on.
    pub(crate) fn acting(&self) -> Acting<'a, Proved> {
        Acting { provider: self.provider, facts: Facts::<Proved>::proved(self.known, self.verified) }
    }

    /// Into the part of a record that stays.
    pub(super) fn named(&self, record: &mut Line) {
        record.named("actorProvider", self.provider).text("actorKid", self.verified.key_id());
        record.text("actorKeyThumbprint", self.verified.key_thumbprint());
        let hash = sha256(self.token.as_bytes());
        record.text("actorTokenHash", &accredit_id::base64url::encode(&hash[..16]));
    }

    /// Into the part that can be erased, which is a JSON object.
    pub(super) fn beside(acted: Option<&Self>, actors: &[Actor], mut erasable: Vec<u8>) -> Vec<u8> {
        if acted.is_none() && actors.is_empty() {
            return erasable;
        }
        erasable.pop();
        let mut member = |name: &str, value: &[u8]| {
            let separator = if erasable.len() > 1 { "," } else { "" };
            erasable.extend_from_slice(format!("{separator}\"{name}\":").as_bytes());
            erasable.extend_from_slice(value);
        };
        if let Some(acted) = acted {
            member("actor", &claims(acted.known, acted.verified.claims(), None));
        }
        if !actors.is_empty() {
            let chain: Vec<_> = actors.iter().map(|actor| json!({"iss": actor.issuer, "sub": actor.subject})).collect();
            member("act", json!(chain).to_string().as_bytes());
        }
        erasable.push(b'}');
        erasable
    }
}
