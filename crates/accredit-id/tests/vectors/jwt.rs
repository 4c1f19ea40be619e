//! `vectors/jwt`: tokens that must verify, and tokens that must not.

use std::collections::BTreeSet;

use accredit_id::verify::{Buffer, Rejected, TokenFault, Verified, read, verify};

use crate::jwt_vector::{File, Vector};

#[test]
fn good_tokens_verify() {
    crate::all(load("jwt/accept"), |vector| judge(vector, |outcome| check_accepted(vector, outcome)));
}

#[test]
fn bad_tokens_are_refused_by_name() {
    crate::all(load("jwt/reject"), |vector| judge(vector, |outcome| check_refused(vector, outcome)));
}

/// A code that no vector shows might as well not exist.
#[test]
fn every_fault_has_a_vector() {
    let shown: BTreeSet<String> = load("jwt/reject").into_iter().map(|vector| vector.expect).collect();
    let missing: Vec<_> = TokenFault::CODES.into_iter().filter(|code| !shown.contains(*code)).collect();
    assert!(missing.is_empty(), "no vector in vectors/jwt/reject expects {missing:?}");
}

/// A05, A06, B01: of all texts that differ from a good token in one place, none is a good token.
#[test]
fn no_neighbour_of_a_good_token_verifies() {
    let vectors = load("jwt/accept");
    for name in ["usual token", "ES256", "EdDSA"] {
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let (token, setting) = (vector.token(), vector.setting());
        let verifies = |token: &str| {
            let mut buffer = Buffer::new();
            let read = read(token, &mut buffer).ok();
            read.is_some_and(|read| verify(read, &vector.expectations(&setting), &setting.keys, setting.now).is_ok())
        };
        assert!(verifies(&token), "{name}");
        for at in 0..token.len() {
            let (before, seen, after) = (&token[..at], &token[at..=at], &token[at + 1..]);
            for other in ["", "A", "B", "_", "=", ".", "\n", "\u{e9}"].into_iter().filter(|other| *other != seen) {
                assert!(!verifies(&format!("{before}{other}{after}")), "{name}: {seen:?} at {at} became {other:?}");
            }
        }
    }
}

enum Outcome<'b> {
    Verified(Verified<'b>),
    Rejected(Rejected<'b>),
    Unreadable(TokenFault),
}

fn judge(vector: &Vector, check: impl FnOnce(Outcome<'_>) -> Result<(), String>) -> Result<(), String> {
    let token = vector.token();
    let setting = vector.setting();
    let mut buffer = Buffer::new();
    let outcome = match read(&token, &mut buffer) {
        Err(fault) => Outcome::Unreadable(fault),
        Ok(unverified) => match verify(unverified, &vector.expectations(&setting), &setting.keys, setting.now) {
            Ok(verified) => Outcome::Verified(verified),
            Err(rejected) => Outcome::Rejected(rejected),
        },
    };
    check(outcome).map_err(|problem| format!("{}: {problem}", vector.title()))
}

fn check_accepted(vector: &Vector, outcome: Outcome<'_>) -> Result<(), String> {
    let verified = match outcome {
        Outcome::Verified(verified) => verified,
        Outcome::Rejected(Rejected { fault, .. }) | Outcome::Unreadable(fault) => return Err(fault.operator_text()),
    };
    if vector.expect != "verified" {
        return Err(format!("expects `{}` among the good tokens", vector.expect));
    }
    for (what, seen, expected) in [
        ("issuer", verified.issuer(), &vector.issuer),
        ("subject", verified.subject(), &vector.subject),
        ("audience", verified.audience(), &vector.audience),
    ] {
        if expected.as_ref().is_some_and(|expected| expected != seen) || seen.is_empty() {
            return Err(format!("{what} is `{seen}`, expected {expected:?}"));
        }
    }
    match vector.expires_at {
        Some(expected) if expected != verified.expires_at().unix() => {
            Err(format!("expires at {}", verified.expires_at().unix()))
        }
        _ => Ok(()),
    }
}

fn check_refused(vector: &Vector, outcome: Outcome<'_>) -> Result<(), String> {
    let (fault, signature_verified) = match outcome {
        Outcome::Verified(_) => return Err("was accepted".to_owned()),
        Outcome::Unreadable(fault) => (fault, false),
        Outcome::Rejected(rejected) => {
            if rejected.claims().is_some() != rejected.signature_verified {
                return Err("lends claims that no signature covers".to_owned());
            }
            (rejected.fault, rejected.signature_verified)
        }
    };
    let (operator, hint) = (fault.operator_text(), fault.hint().unwrap_or_default());
    if BEHIND_THE_SIGNATURE.contains(&fault.code()) && !signature_verified {
        return Err("judges a claim before the signature".to_owned());
    }
    if fault.code() != vector.expect {
        return Err(format!("is `{}` ({operator}), expected `{}`", fault.code(), vector.expect));
    }
    if operator.len() > 8_000 || operator.chars().chain(hint.chars()).any(char::is_control) {
        return Err(format!("does not tell the operator safely: {operator:?} {hint:?}"));
    }
    for (told, expected) in [(operator, &vector.operator), (hint, &vector.hint)] {
        if let Some(expected) = expected.as_deref().filter(|expected| !told.contains(expected)) {
            return Err(format!("tells `{told}`, expected `{expected}` in it"));
        }
    }
    Ok(())
}

pub(crate) fn load(folder: &str) -> Vec<Vector> {
    let read =
        |path| toml::from_str::<File>(&crate::text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    crate::files(folder).iter().flat_map(|path| read(path).vector).collect()
}

/// Faults of claims that nobody may believe, nor be told of, before the signature holds.
const BEHIND_THE_SIGNATURE: [&str; 9] = [
    "audience-missing",
    "audience-mismatch",
    "audience-not-single",
    "expired",
    "not-yet-valid",
    "issued-in-future",
    "lifetime-too-long",
    "too-old",
    "times-inconsistent",
];
