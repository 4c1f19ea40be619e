//! What is written about a login: who was let in as what, by which key, or why not. Never a token.

use std::net::IpAddr;

use accredit_core::decide::login::LetIn;
use accredit_core::model::{Provider, Resource};
use accredit_core::world::World;
use accredit_id::json::Object;
use accredit_id::time::Timestamp;
use accredit_id::verify::Verified;
use accredit_store::audit::{Content, Erasable};
use serde_json::Value;

use super::encode::{Line, claims};
use crate::chance;

/// Somebody was let in.
pub(crate) struct LoggedIn<'a> {
    pub(crate) provider: &'a Resource,
    pub(crate) known: &'a Provider,
    pub(crate) token: &'a Verified<'a>,
    pub(crate) token_hash: [u8; 32],
    /// What the log calls him from now on.
    pub(crate) name: &'a str,
    pub(crate) let_in: &'a LetIn,
    /// The thumbprint of his key.
    pub(crate) key: &'a str,
    pub(crate) source: Option<IpAddr>,
    pub(crate) at: Timestamp,
    pub(crate) world: &'a World,
}

/// Somebody was not let in, whose token his issuer has signed.
pub(crate) struct NotLoggedIn<'a> {
    pub(crate) provider: &'a Resource,
    pub(crate) known: &'a Provider,
    pub(crate) claims: &'a Object<'a>,
    pub(crate) token_hash: [u8; 32],
    pub(crate) reason: &'static str,
    pub(crate) source: Option<IpAddr>,
    pub(crate) at: Timestamp,
    pub(crate) sequence: i64,
    pub(crate) explanation: Value,
}

/// Writes a login down, with every administrator whose rights it has.
pub(crate) fn logged_in(login: &LoggedIn<'_>) -> Content {
    let LoggedIn { provider, known, token, token_hash, name, let_in, key, source, at, world } = login;
    let mut record = Line::new("login-allowed", *at, "admin", world.sequence);
    record.named("provider", provider).text("issuer", token.issuer()).text("kid", token.key_id());
    record.text("tokenHash", &accredit_id::base64url::encode(&token_hash[..16])).text("key", key).text("actor", name);
    let called = |id| world.by_id(id).map_or_else(String::new, |resource| resource.name.to_string());
    let (mut names, mut ids) = (Vec::new(), Vec::new());
    for (id, _) in &let_in.administrators {
        names.push(called(*id));
        ids.push(id.to_string());
    }
    record.text("administrators", &names.join(" ")).text("administratorIds", &ids.join(" "));
    record.number("expiresAt", let_in.expires_at.unix());
    if let Some(source) = source {
        record.text("source", &source.to_string());
    }
    let erasable = Erasable { salt: chance::bits(), bytes: claims(known, token.claims(), None) };
    Content { bytes: record.end(), erasable: Some(erasable) }
}

/// Writes a refused login down, with its explanation.
pub(crate) fn not_logged_in(refused: &NotLoggedIn<'_>) -> Content {
    let NotLoggedIn { provider, known, claims: seen, token_hash, reason, source, at, sequence, explanation } = refused;
    let mut record = Line::new("login-denied", *at, "admin", *sequence);
    record
        .named("provider", provider)
        .text("reason", reason)
        .text("tokenHash", &accredit_id::base64url::encode(&token_hash[..16]));
    if let Some(source) = source {
        record.text("source", &source.to_string());
    }
    let erasable = Erasable { salt: chance::bits(), bytes: claims(known, seen, Some(explanation)) };
    Content { bytes: record.end(), erasable: Some(erasable) }
}
