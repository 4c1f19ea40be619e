//! Keys: which ones a request proves to hold, which ones its evidence asks for, and which ones its token is bound to.
//!
//! A proof that is shown always binds: what comes of the request is worth nothing without that key. So nobody loses a binding
//! on the way, whatever he exchanges for what (I10).

use accredit_id::json::Object;
use accredit_id::shown::Shown;

use super::{Denial, Reason};
use crate::model::{Bound, Resource};

/// The keys that a request has proved to hold. They were checked where the request came in; here they are believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held<'h> {
    /// The thumbprint of the key that made its DPoP proof (RFC 9449 section 6.1).
    pub proof_key: Option<&'h str>,
    /// The SHA-256 of the certificate that its connection showed, base64url (RFC 8705 section 3.1).
    pub certificate: Option<&'h str>,
}

/// What a token is bound to: `cnf` (RFC 7800). Whoever shows the token proves all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// `jkt`: a key, by its thumbprint (RFC 9449 section 6.1).
    pub proof_key: Option<Box<str>>,
    /// `x5t#S256`: a certificate, by its hash (RFC 8705 section 3.1).
    pub certificate: Option<Box<str>>,
}

// === impl Held ===

impl Held<'_> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.proof_key.is_none() && self.certificate.is_none()
    }

    /// What a token that is made for this request is bound to: every key that was proved.
    pub(super) fn confirmation(&self) -> Option<Box<Confirmation>> {
        let own = |text: Option<&str>| text.map(Into::into);
        let bound = || Confirmation { proof_key: own(self.proof_key), certificate: own(self.certificate) };
        (!self.is_empty()).then(|| Box::new(bound()))
    }

    fn meets(&self, bound: Bound) -> bool {
        match bound {
            Bound::Dpop => self.proof_key.is_some(),
            Bound::Mtls => self.certificate.is_some(),
            Bound::Any => !self.is_empty(),
        }
    }
}

// === impl Confirmation ===

impl Confirmation {
    /// Reads a token's `cnf`; `None` where it has none.
    ///
    /// # Errors
    /// What stands in it cannot be checked here: nobody may take the token for an unbound one.
    pub fn read(claims: &Object<'_>) -> Result<Option<Self>, String> {
        let Some(claim) = claims.get("cnf") else { return Ok(None) };
        let malformed = || "`cnf` is no object with `jkt` or `x5t#S256`".to_owned();
        let members = claim.as_object().ok_or_else(malformed)?;
        let mut read = Self::default();
        for (name, value) in members.iter() {
            let place = match name {
                "jkt" => &mut read.proof_key,
                "x5t#S256" => &mut read.certificate,
                other => return Err(format!("`cnf` names a key by `{}`, which is not checked here", Shown::of(other))),
            };
            *place = Some(value.as_str().ok_or_else(malformed)?.into());
        }
        match read {
            Self { proof_key: None, certificate: None } => Err(malformed()),
            read => Ok(Some(read)),
        }
    }

    /// What of it was not proved, for the operator.
    pub fn lacking(&self, held: Held<'_>) -> Option<String> {
        let differs = |asked: &Option<Box<str>>, shown: Option<&str>, what: &str, none: &str| {
            let asked = asked.as_deref().filter(|asked| Some(*asked) != shown)?;
            let seen =
                shown.map_or_else(|| none.to_owned(), |shown| format!("that of the request is `{}`", Shown::of(shown)));
            Some(format!("it is bound to {what} `{}`, {seen}", Shown::of(asked)))
        };
        differs(&self.proof_key, held.proof_key, "key", "the request has no DPoP proof").or_else(|| {
            differs(&self.certificate, held.certificate, "certificate", "the connection has no client certificate")
        })
    }
}

/// Evidence that is bound to a key counts only with a proof of that key: whoever copied it must not be able to shed its
/// binding here (H09).
pub(super) fn proved(claims: &Object<'_>, held: Held<'_>, whose: &str) -> Result<(), Denial> {
    if claims.get("cnf").is_none() {
        return Ok(());
    }
    let denial = |operator| Err(Denial::new(Reason::ProofMissing, operator).hint(PROVE));
    if held.is_empty() {
        return denial(format!("{whose} has `cnf`: it is bound to a key, and the request shows no proof of it"));
    }
    match Confirmation::read(claims) {
        Ok(None) => Ok(()),
        Ok(Some(bound)) => match bound.lacking(held) {
            None => Ok(()),
            Some(lacking) => denial(format!("{whose} has `cnf`: {lacking}")),
        },
        Err(unknown) => denial(format!("{whose}'s {unknown}")),
    }
}

/// A mapping may say that what it allows must be bound.
pub(super) fn required(mapping: &Resource, bound: Option<Bound>, held: Held<'_>) -> Result<(), Denial> {
    let Some(bound) = bound.filter(|bound| !held.meets(*bound)) else { return Ok(()) };
    let (lacks, hint) = match bound {
        Bound::Dpop => ("has no DPoP proof", "have the workload send a DPoP proof with its request (RFC 9449)"),
        Bound::Mtls => {
            ("came without a client certificate", "have the workload connect with a client certificate (RFC 8705)")
        }
        Bound::Any => (
            "has neither a DPoP proof nor a client certificate",
            "have the workload send a DPoP proof with its request, or connect with a client certificate",
        ),
    };
    let bound = bound.as_str();
    let operator = format!("mapping `{}` says `bound: {bound}`, and the request {lacks}", mapping.name);
    Err(Denial::new(Reason::BindingRequired, operator).hint(hint))
}

const PROVE: &str =
    "prove its key, by a DPoP proof or the connection's certificate, or fetch a token that is not bound to one";
