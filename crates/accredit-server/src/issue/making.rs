//! Making SVIDs of what policy allows: mint, sign, and look at what came out as a stranger would.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use accredit_api::svid::{Issued, SvidResponse, SvidType};
use accredit_core::decide::issue::{Identity, SvidTerms};
use accredit_core::mint::{self, JwtSvid, Leaf};
use accredit_core::model::{DecisionId, Id, Signing};
use accredit_id::digest::sha256;
use accredit_id::jose::Algorithm;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::svid::csr::{Request, RequestFault};
use accredit_id::svid::jwt::{self, JwtSvidFault};
use accredit_id::svid::pem;
use accredit_id::svid::x509::{self, X509SvidFault};
use accredit_id::time::Timestamp;

use crate::app::App;
use crate::chance;
use crate::keys::{SigningFault, SigningKey, X509Authority};
use crate::record::IssuedSvid;
use crate::traces::Step;

/// SVIDs that may leave once they are recorded, in the order in which they were asked for.
pub(super) struct Made {
    pub(super) issued: Vec<Issued>,
    pub(super) records: Vec<IssuedSvid>,
    bundle: Option<Arc<str>>,
}

/// Why no SVID could be made of what policy allows. Nothing that the caller could help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakingFault {
    /// The trust domain has no key that signs now.
    #[error("trust domain has no key that signs now")]
    NoKey,
    /// The authority ends before an SVID of any use would.
    #[error("certificate authority of the trust domain ends at {0}")]
    AuthorityEnds(Timestamp),
    /// The key refuses.
    #[error("{0}")]
    Signing(#[from] SigningFault),
    /// A stranger would not take the token.
    #[error("JWT-SVID would not be taken: {0}")]
    Jwt(#[from] JwtSvidFault),
    /// A stranger would not take the certificate.
    #[error("X509-SVID would not be taken: {0}")]
    X509(#[from] X509SvidFault),
    /// What came out is not what was decided.
    #[error("SVID says something else than was decided")]
    Differs,
}

/// Which keys have been seen to make signatures that hold, and how many were made since.
#[derive(Default)]
pub(crate) struct Activated {
    seen: Mutex<HashSet<String>>,
    made: AtomicU64,
}

/// The first request for a certificate that asks for other names than policy gives.
pub(super) fn other_names<S>(identity: &Identity<S>, requests: &[Option<Request>]) -> Option<RequestFault> {
    identity.svids.iter().zip(requests).find_map(|(terms, request)| match (terms, request) {
        (SvidTerms::X509 { dns_names, .. }, Some(request)) => request.check_names(&identity.spiffe_id, dns_names).err(),
        _ => None,
    })
}

impl App {
    /// Makes every SVID of an identity, or none. Only what rests on proved facts comes here.
    pub(super) async fn make_svids(
        &self,
        domain: Id,
        identity: &Identity,
        requests: &[Option<Request>],
        now: Timestamp,
    ) -> Result<Made, MakingFault> {
        let has = |wanted: fn(&SvidTerms) -> bool| identity.svids.iter().any(wanted);
        let (has_tokens, has_certificates) =
            (has(|terms| matches!(terms, SvidTerms::Jwt { .. })), has(|terms| matches!(terms, SvidTerms::X509 { .. })));
        let signer = match has_tokens {
            true => Some(self.jwt_svid_signer(domain, now).await.ok_or(MakingFault::NoKey)?),
            false => None,
        };
        let authority = match has_certificates {
            true => Some(self.x509_authority(domain, now).await.ok_or(MakingFault::NoKey)?),
            false => None,
        };
        let bundle = if has_certificates { self.bundle_document(domain).await } else { None };
        let maker = Maker { app: self, domain, identity, now };
        let (mut issued, mut records) = (Vec::new(), Vec::new());
        for (terms, request) in identity.svids.iter().zip(requests) {
            let (svid, record) = match (terms, &signer, &authority, request) {
                (SvidTerms::Jwt { .. }, Some(signer), ..) => maker.token(terms, signer)?,
                (SvidTerms::X509 { .. }, _, Some(authority), Some(request)) => {
                    maker.certificate(terms, authority, request)?
                }
                _ => return Err(MakingFault::Differs),
            };
            issued.push(svid);
            records.push(record);
        }
        Ok(Made { issued, records, bundle })
    }
}

struct Maker<'m> {
    app: &'m App,
    domain: Id,
    identity: &'m Identity,
    now: Timestamp,
}

impl Maker<'_> {
    fn token(&self, terms: &SvidTerms, signer: &SigningKey) -> Result<(Issued, IssuedSvid), MakingFault> {
        let SvidTerms::Jwt { audiences, issued_at, expires_at, claims } = terms else {
            return Err(MakingFault::Differs);
        };
        let signing = match signer.slot().algorithm {
            Algorithm::Rs256 => Signing::Rs256,
            _ => Signing::Es256,
        };
        let url = self.app.jwt_svid_issuer(self.domain);
        let issuer = mint::Issuer { url: &url, key_id: signer.id() };
        let spiffe_id = &self.identity.spiffe_id;
        let (issued_at, expires_at, token_id) = (*issued_at, *expires_at, None);
        let svid = JwtSvid { spiffe_id, audiences, issued_at, expires_at, claims, token_id };
        let traces = &self.app.traces;
        let unsigned = traces.during(Step::Mint, || mint::jwt_svid(&svid, issuer, signing));
        let token = traces.during(Step::Sign, || signer.sign(unsigned.signing_input))?;
        self.check_token(&token, spiffe_id, audiences, expires_at, signer)?;
        let (audiences, key_id) = (audiences.clone(), signer.id().to_owned());
        let record = IssuedSvid::Jwt { audiences, expires_at, key_id, hash: sha256(token.as_bytes()) };
        Ok((Issued { kind: SvidType::Jwt, svid: token, expires_at: expires_at.unix() }, record))
    }

    /// Its claims each time; its signature when the key is new to us, and on a sample.
    fn check_token(
        &self,
        token: &str,
        id: &SpiffeId,
        audiences: &[String],
        expires_at: Timestamp,
        signer: &SigningKey,
    ) -> Result<(), MakingFault> {
        let audience = audiences.first().ok_or(MakingFault::Differs)?;
        let read = jwt::JwtSvid::read(token, id.trust_domain(), audience, self.now)?;
        if read.id != *id || read.audiences != audiences || read.expires_at != expires_at {
            return Err(MakingFault::Differs);
        }
        self.app.activated.on_occasion(signer.id(), || {
            // By what is published, not by what signed: a stranger has nothing else.
            read.verify(&self.app.jwt_svid_keys(self.domain)).map_err(MakingFault::Jwt)
        })
    }

    fn certificate(
        &self,
        terms: &SvidTerms,
        authority: &X509Authority,
        request: &Request,
    ) -> Result<(Issued, IssuedSvid), MakingFault> {
        let SvidTerms::X509 { not_before, expires_at, dns_names, subject } = terms else {
            return Err(MakingFault::Differs);
        };
        // Nothing outlives who vouches for it.
        let not_after = (*expires_at).min(authority.not_after());
        if not_after <= self.now {
            return Err(MakingFault::AuthorityEnds(authority.not_after()));
        }
        let spiffe_id = &self.identity.spiffe_id;
        let subject: Vec<(&str, &str)> = subject.iter().map(|part| (part.kind.name(), part.value.as_str())).collect();
        let leaf = Leaf {
            spiffe_id,
            public_key_spki: request.spki(),
            not_before: (*not_before).max(authority.not_before()),
            not_after,
            dns_names,
            subject: &subject,
        };
        let chain = self.app.traces.during(Step::Sign, || authority.issue(&leaf, chance::bits()))?;
        let first = chain.first().ok_or(MakingFault::Differs)?;
        let read = x509::Leaf::read(first)?;
        if read.id != *spiffe_id || read.not_after != not_after || read.spki != request.spki() {
            return Err(MakingFault::Differs);
        }
        self.app.activated.on_occasion(authority.id(), || {
            let anchors = [authority.chain().anchor().to_vec()];
            x509::verify(&chain, spiffe_id.trust_domain(), &anchors, self.now).map(drop).map_err(MakingFault::X509)
        })?;
        let mut svid = String::new();
        chain.iter().for_each(|der| pem::write(pem::CERTIFICATE, der, &mut svid));
        let record = IssuedSvid::X509 {
            dns_names: dns_names.clone(),
            expires_at: not_after,
            serial: read.serial,
            key: sha256(request.spki()),
        };
        Ok((Issued { kind: SvidType::X509, svid, expires_at: not_after.unix() }, record))
    }
}

// === impl Made ===

impl Made {
    /// How many tokens and how many certificates.
    pub(super) fn counts(&self) -> (u64, u64) {
        let tokens = self.issued.iter().filter(|issued| issued.kind == SvidType::Jwt).count() as u64;
        (tokens, self.issued.len() as u64 - tokens)
    }

    /// What goes out.
    pub(super) fn answer(self, identity: &Identity, decision: DecisionId) -> SvidResponse {
        SvidResponse {
            spiffe_id: identity.spiffe_id.to_string(),
            decision_id: decision.to_string(),
            svids: self.issued,
            bundle: self.bundle.and_then(|bundle| serde_json::from_str(&bundle).ok()),
        }
    }
}

// === impl Activated ===

impl Activated {
    /// Runs a check for a key that has not passed it yet, and for one signature in [`SAMPLE`].
    fn on_occasion(&self, key: &str, check: impl FnOnce() -> Result<(), MakingFault>) -> Result<(), MakingFault> {
        let is_sampled = self.made.fetch_add(1, Relaxed).is_multiple_of(SAMPLE);
        let is_known = self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(key);
        if is_known && !is_sampled {
            return Ok(());
        }
        check()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_KEYS {
            seen.clear();
        }
        seen.insert(key.to_owned());
        Ok(())
    }
}

// === impl MakingFault ===

impl MakingFault {
    /// A stable name.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "no-signing-key",
            Self::AuthorityEnds(_) => "authority-ends",
            Self::Signing(_) => "signing-failed",
            Self::Jwt(_) | Self::X509(_) | Self::Differs => "svid-faulty",
        }
    }
}

/// One signature of so many is verified before it leaves.
const SAMPLE: u64 = 1024;
/// More keys than servers have; beyond, they are looked at anew.
const MOST_KEYS: usize = 10_000;
