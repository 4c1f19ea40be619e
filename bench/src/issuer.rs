//! The issuers of a world: their key pairs, their published key sets, and the tokens that they sign.

use std::fmt::Write as _;
use std::thread;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::cast::{self, Cast};
use crate::fault::{Because as _, Fault};

/// The algorithm of a subject token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits: what nearly all issuers use.
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
}

/// One issuer: a key pair of each algorithm.
pub(crate) struct Issuer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

// === impl Algorithm ===

impl Algorithm {
    /// Both, in the order of measuring.
    pub(crate) const ALL: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

    /// Its name (RFC 7518 section 3.1).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Es256 => "ES256",
        }
    }

    fn key_id(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "0f8e1c6a5b7d4e39a2c4d6f80b1e3577",
            Algorithm::Es256 => "9d2b7a41c3e54f6088f1e2d3c4b5a697",
        }
    }
}

// === impl Issuer ===

impl Issuer {
    /// Makes `count` issuers with keys of their own, on as many threads as there are cores. An RSA key takes about a tenth of
    /// a second.
    pub(crate) fn generate(count: usize, cores: &[usize]) -> Result<Vec<Issuer>, Fault> {
        on_cores(cores, count, |_| Issuer::new())
    }

    /// What it publishes: a JWK set (RFC 7517 section 5) of its two keys.
    pub(crate) fn key_set(&self) -> Result<serde_json::Value, Fault> {
        let (modulus, exponent) = rsa_numbers(self.rsa.public_key().as_ref())
            .ok_or_else(|| Fault::new("rsa public key: not in the form of RFC 8017 appendix A.1.1"))?;
        let point = self.ec.public_key().as_ref();
        let (x, y) = (point.get(1..33).unwrap_or_default(), point.get(33..).unwrap_or_default());
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Ok(serde_json::json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": Algorithm::Rs256.key_id(), "n": encode(modulus), "e": encode(exponent)},
            {"kty": "EC", "use": "sig", "alg": "ES256", "kid": Algorithm::Es256.key_id(), "crv": "P-256", "x": encode(x), "y": encode(y)},
        ]}))
    }

    /// A private key of 2048 bits for RS256 as a JWK (RFC 7518 section 6.3.2), for servers that usually sign with longer ones.
    pub(crate) fn private_key() -> Result<serde_json::Value, Fault> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).because(|| "rsa key".to_owned())?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).because(|| "rsa key".to_owned())?;
        let numbers = rsa_private_numbers(der.as_ref()).ok_or_else(|| Fault::new("rsa private key: not in PKCS #8"))?;
        let mut key = serde_json::json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "bench"});
        for (name, number) in ["n", "e", "d", "p", "q", "dp", "dq", "qi"].into_iter().zip(numbers) {
            key[name] = URL_SAFE_NO_PAD.encode(number).into();
        }
        Ok(key)
    }

    /// Processor time that one signature takes here, in microseconds: the least that anybody pays who signs so.
    pub(crate) fn signature_us(&self, algorithm: Algorithm) -> Result<f64, Fault> {
        const TIMES: u32 = 200;
        let random = SystemRandom::new();
        let begun = crate::measure::own_cpu_time()?;
        for _ in 0..TIMES {
            self.sign(algorithm, "header.claims", &random)?;
        }
        Ok((crate::measure::own_cpu_time()? - begun).as_secs_f64() * 1e6 / f64::from(TIMES))
    }

    fn new() -> Result<Issuer, Fault> {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).because(|| "rsa key".to_owned())?;
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).because(|| "ec key".to_owned())?;
        Ok(Issuer { rsa, ec })
    }

    fn sign(&self, algorithm: Algorithm, message: &str, random: &SystemRandom) -> Result<Vec<u8>, Fault> {
        let signed = match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, random, message.as_bytes(), &mut signature).map(|()| signature)
            }
            Algorithm::Es256 => self.ec.sign(random, message.as_bytes()).map(|signature| signature.as_ref().to_vec()),
        };
        signed.because(|| "subject token's signature".to_owned())
    }
}

/// Signs `count` tokens, the first for mapping 0, each with a `jti` of its own, all valid from `now` (Unix seconds) for
/// [`TOKEN_SECONDS`]. The claims are those of a GitHub Actions job, 24 of them.
pub(crate) fn sign_tokens(
    cast: Cast,
    issuers: &[Issuer],
    algorithm: Algorithm,
    count: usize,
    now: u64,
    cores: &[usize],
) -> Result<Vec<String>, Fault> {
    on_cores(cores, count, |index| {
        let mapping = index % cast.mappings;
        let provider = cast.provider_of(mapping);
        let random = SystemRandom::new();
        let header = format!(r#"{{"typ":"JWT","alg":"{}","kid":"{}"}}"#, algorithm.name(), algorithm.key_id());
        let claims = claims(cast, mapping, now, &random)?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = issuers[provider].sign(algorithm, &token, &random)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    })
}

/// How long a subject token lives: less than the hour that is allowed, more than a run takes.
pub(crate) const TOKEN_SECONDS: u64 = 55 * 60;

fn claims(cast: Cast, mapping: usize, now: u64, random: &SystemRandom) -> Result<String, Fault> {
    let repository = cast::repository(mapping);
    let workflow = format!("{repository}/.github/workflows/release.yml@refs/heads/main");
    let claims = serde_json::json!({
        "jti": token_id(random)?,
        "sub": cast::subject(mapping),
        "aud": cast::SUBJECT_AUDIENCE,
        "ref": "refs/heads/main",
        "sha": "8f14e45fceea167a5a36dedd4bea2543b1d5e2c7",
        "repository": repository,
        "repository_owner": "example-org",
        "repository_owner_id": cast::OWNER_ID,
        "run_id": (9_000_000_000 + mapping).to_string(),
        "run_number": "412",
        "run_attempt": "1",
        "repository_visibility": "private",
        "repository_id": cast::repository_id(mapping),
        "actor_id": "1183",
        "actor": "mona-release",
        "workflow": "release",
        "event_name": "push",
        "ref_type": "branch",
        "job_workflow_ref": workflow,
        "runner_environment": "github-hosted",
        "iss": cast.issuer(cast.provider_of(mapping)),
        "nbf": now - 600,
        "exp": now + TOKEN_SECONDS,
        "iat": now,
    });
    Ok(claims.to_string())
}

/// 128 random bits in the form of a UUID, as GitHub writes its `jti`.
fn token_id(random: &SystemRandom) -> Result<String, Fault> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).because(|| "random bytes".to_owned())?;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").because(|| "token id".to_owned())?;
    }
    Ok(text)
}

/// Modulus and exponent, big-endian without leading zeros, of a DER `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = der_value(der, 0x30)?;
    let (modulus, rest) = der_number(sequence)?;
    let (exponent, _) = der_number(rest)?;
    Some((modulus, exponent))
}

/// The eight numbers of a PKCS #8 private key (RFC 5208 section 5, RFC 8017 appendix A.1.2), from the modulus on.
fn rsa_private_numbers(der: &[u8]) -> Option<Vec<&[u8]>> {
    let (info, _) = der_value(der, 0x30)?;
    let (_, info) = der_number(info)?;
    let (_, info) = der_value(info, 0x30)?;
    let (key, _) = der_value(info, 0x04)?;
    let (key, _) = der_value(key, 0x30)?;
    let (_, mut rest) = der_number(key)?;
    let mut numbers = Vec::with_capacity(8);
    for _ in 0..8 {
        let (number, others) = der_number(rest)?;
        numbers.push(number);
        rest = others;
    }
    Some(numbers)
}

/// The first DER integer, which is positive, and what follows it.
fn der_number(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (number, rest) = der_value(der, 0x02)?;
    // A leading zero only keeps a DER integer from being negative; a JWK has none (RFC 7518 section 6.3.1.1).
    Some((number.strip_prefix(&[0]).unwrap_or(number), rest))
}

/// The content of the first DER value, which must bear `tag`, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        _ => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().try_fold(0_usize, |sum, &byte| Some(sum.checked_mul(256)? + usize::from(byte)))?, rest)
        }
    };
    rest.split_at_checked(length)
}

/// Computes `make(0..count)` in order, shared out over one pinned thread a core.
pub(crate) fn on_cores<T: Send>(
    cores: &[usize],
    count: usize,
    make: impl Fn(usize) -> Result<T, Fault> + Sync,
) -> Result<Vec<T>, Fault> {
    let make = &make;
    let share = count.div_ceil(cores.len().max(1));
    thread::scope(|scope| {
        let threads: Vec<_> = cores
            .iter()
            .enumerate()
            .map(|(place, &core)| {
                scope.spawn(move || {
                    crate::measure::pin(core)?;
                    (place * share..count.min((place + 1) * share)).map(make).collect::<Result<Vec<T>, Fault>>()
                })
            })
            .collect();
        let mut made = Vec::with_capacity(count);
        for thread in threads {
            made.append(&mut thread.join().map_err(|_| Fault::new("thread: panicked"))??);
        }
        Ok(made)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use accredit_id::jose::jwk::{KeySet, Purpose, Source};
    use accredit_id::time::Timestamp;
    use accredit_id::verify::{self, Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule};

    use super::*;

    const NOW: u64 = 1_795_255_543;

    #[test]
    fn tokens_verify_under_their_own_issuers_key_set_alone() {
        let cast = Cast::plain(4, 2);
        let cores = crate::measure::cores().unwrap();
        let issuers = Issuer::generate(2, &cores).unwrap();
        let key_sets: Vec<_> = issuers.iter().map(key_set).collect();
        for algorithm in Algorithm::ALL {
            let tokens = sign_tokens(cast, &issuers, algorithm, 6, NOW, &cores).unwrap();
            let mut ids = BTreeSet::new();
            for (index, token) in tokens.iter().enumerate() {
                let own = cast.provider_of(index % 4);
                assert_eq!(token_id_of(token, &cast.issuer(own), &key_sets[1 - own]), None, "a foreign key verified");
                ids.insert(token_id_of(token, &cast.issuer(own), &key_sets[own]).unwrap());
                assert!((900..1_700).contains(&token.len()), "{} bytes", token.len());
            }
            assert_eq!(ids.len(), tokens.len(), "two tokens of one jti");
        }
    }

    #[test]
    fn tokens_have_24_claims_and_github_s_size() {
        let claims = claims(Cast::plain(1, 1), 0, NOW, &SystemRandom::new()).unwrap();
        let object: serde_json::Map<_, _> = serde_json::from_str(&claims).unwrap();
        assert_eq!(object.len(), 24);
        assert!((700..1_000).contains(&claims.len()), "{} bytes", claims.len());
    }

    #[test]
    fn a_private_key_has_all_its_numbers() {
        let key = Issuer::private_key().unwrap();
        for (name, bytes) in [("n", 256), ("p", 128), ("q", 128)] {
            assert_eq!(URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap().len(), bytes, "{name}");
        }
        assert_eq!(key["e"], "AQAB");
        assert!(["d", "dp", "dq", "qi"].iter().all(|name| key[name].as_str().is_some_and(|text| text.len() > 100)));
    }

    #[test]
    fn only_the_form_of_an_rsa_public_key_is_read() {
        assert_eq!(rsa_numbers(&[0x30, 7, 2, 2, 0, 0x81, 2, 1, 3]), Some((&[0x81][..], &[3][..])));
        for der in [&[][..], &[0x30], &[0x31, 0], &[0x30, 3, 2, 1, 1], &[0x30, 9, 2, 1, 1, 2, 1, 3], &[0x30, 0x82, 1]] {
            assert_eq!(rsa_numbers(der), None, "{der:?}");
        }
    }

    fn key_set(issuer: &Issuer) -> KeySet {
        let document = issuer.key_set().unwrap().to_string();
        KeySet::parse(document.as_bytes(), Source::Uploaded, Purpose::Signature).unwrap()
    }

    fn token_id_of(token: &str, issuer: &str, keys: &KeySet) -> Option<String> {
        let audiences = [cast::SUBJECT_AUDIENCE.to_owned()];
        let expected = Expectations {
            token_type: ExpectedType::Subject,
            issuer: ExpectedIssuer::Exact(issuer),
            audiences: &audiences,
            single_audience: true,
            algorithms: [accredit_id::jose::Algorithm::Rs256, accredit_id::jose::Algorithm::Es256]
                .into_iter()
                .collect(),
            max_lifetime: Duration::from_secs(3600),
            max_age: None,
            leeway: Duration::ZERO,
            key_id: KeyIdRule::Required,
            issued_at: IssuedAtRule::Required,
        };
        let mut buffer = Buffer::default();
        let unverified = verify::read(token, &mut buffer).ok()?;
        let verified = verify::verify(unverified, &expected, keys, Timestamp::from_unix(NOW as i64)).ok()?;
        verified.token_id().map(str::to_owned)
    }
}
