//! Why a request was refused: stable codes, and the operator's text beside them.

use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;

use crate::expr::EvalFault;

/// A reason that policy has to refuse, in the order of the road. The code is public, documented and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The provider, or the project that owns it, is disabled.
    ProviderDisabled,
    /// The evidence is bound to a key (RFC 7800 `cnf`), and nothing proves that its presenter holds it.
    ProofMissing,
    /// The request's `client_id` is not who its assertion speaks for.
    ClientMismatch,
    /// The request names a mapping that does not exist for this provider.
    MappingUnknown,
    /// The request names a service account that does not exist.
    AccountUnknown,
    /// The service account, or its project, is disabled.
    AccountDisabled,
    /// No enabled mapping matches.
    NoMappingMatched,
    /// More than one enabled mapping matches.
    MappingsAmbiguous,
    /// A name that the mapping trusts has another permanent id than at its first use.
    PinMismatch,
    /// The mapping says that its tokens must be bound to a key, and the request proves none.
    BindingRequired,
    /// The actor's token does not hold, or nobody knows whose it is.
    ActorUnacceptable,
    /// The actor's token is past its time.
    ActorExpired,
    /// The actor's token is bound to a key, and nothing proves that its presenter holds it.
    ActorProofMissing,
    /// The subject's token says who may act for it (`may_act`), and it is not this actor.
    ActorMismatch,
    /// The actor is the subject itself, or acts in the chain already.
    ActorRepeated,
    /// So many actors stand in the token already that none is added.
    ChainTooLong,
    /// A token has an `act` of another issuer's, and an actor is to be added to it.
    ChainForeign,
    /// The mapping does not let this actor act for its subjects.
    ActorNotAllowed,
    /// The mapping's tokens are for actors alone, and the request shows none.
    ActorRequired,
    /// So many mappings could match that the request must say which account it wants.
    AccountRequired,
    /// The account may use no API at all, or nothing is left of it after the mapping.
    NothingGranted,
    /// The audience asked for is no API of the account.
    TargetUnknown,
    /// The account may use several APIs and the request names none.
    TargetRequired,
    /// The audience asked for is reserved for this server itself.
    TargetReserved,
    /// A permission asked for is not granted.
    ScopeNotGranted,
    /// The evidence ends too soon for a token to be of use.
    TooLittleTimeLeft,
    /// A one-time use was asked of a token that has no `jti`.
    TokenIdMissing,
    /// An access token of ours that was revoked, or of which nothing is known here.
    TokenInactive,
    /// The evidence was used already, and its mapping says once.
    TokenReplayed,
    /// The request's proof was shown before.
    ProofReplayed,
}

/// A refusal: its reason, and a sentence for the operator. It has no `Display`, so that the sentence cannot slip into an
/// answer to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// Seen and expected, for the operator alone.
    pub operator: String,
    /// At most one action.
    pub hint: Option<String>,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 30] = [
        Reason::ProviderDisabled,
        Reason::ProofMissing,
        Reason::ClientMismatch,
        Reason::MappingUnknown,
        Reason::AccountUnknown,
        Reason::AccountDisabled,
        Reason::NoMappingMatched,
        Reason::MappingsAmbiguous,
        Reason::PinMismatch,
        Reason::BindingRequired,
        Reason::ActorUnacceptable,
        Reason::ActorExpired,
        Reason::ActorProofMissing,
        Reason::ActorMismatch,
        Reason::ActorRepeated,
        Reason::ChainTooLong,
        Reason::ChainForeign,
        Reason::ActorNotAllowed,
        Reason::ActorRequired,
        Reason::AccountRequired,
        Reason::NothingGranted,
        Reason::TargetUnknown,
        Reason::TargetRequired,
        Reason::TargetReserved,
        Reason::ScopeNotGranted,
        Reason::TooLittleTimeLeft,
        Reason::TokenIdMissing,
        Reason::TokenInactive,
        Reason::TokenReplayed,
        Reason::ProofReplayed,
    ];

    /// The operator's code.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::ProviderDisabled => "provider-disabled",
            Reason::ProofMissing => "proof-missing",
            Reason::ClientMismatch => "client-mismatch",
            Reason::MappingUnknown => "mapping-unknown",
            Reason::AccountUnknown => "service-account-unknown",
            Reason::AccountDisabled => "service-account-disabled",
            Reason::NoMappingMatched => "no-mapping-matched",
            Reason::MappingsAmbiguous => "mappings-ambiguous",
            Reason::PinMismatch => "pin-mismatch",
            Reason::BindingRequired => "binding-required",
            Reason::ActorUnacceptable => "actor-unacceptable",
            Reason::ActorExpired => "actor-expired",
            Reason::ActorProofMissing => "actor-proof-missing",
            Reason::ActorMismatch => "may-act-mismatch",
            Reason::ActorRepeated => "actor-repeated",
            Reason::ChainTooLong => "act-too-deep",
            Reason::ChainForeign => "act-foreign",
            Reason::ActorNotAllowed => "actor-not-allowed",
            Reason::ActorRequired => "actor-required",
            Reason::AccountRequired => "service-account-required",
            Reason::NothingGranted => "nothing-granted",
            Reason::TargetUnknown => "target-unknown",
            Reason::TargetRequired => "target-required",
            Reason::TargetReserved => "target-reserved",
            Reason::ScopeNotGranted => "scope-not-granted",
            Reason::TooLittleTimeLeft => "too-little-time-left",
            Reason::TokenIdMissing => "jti-missing",
            Reason::TokenInactive => "token-inactive",
            Reason::TokenReplayed => "jti-reused",
            Reason::ProofReplayed => "proof-replayed",
        }
    }

    /// The caller's code. A caller does not learn which names exist: an account that is unknown, disabled or simply not
    /// his looks the same to him. Nor does whoever took over a name learn that it is trusted here.
    pub const fn caller_code(self) -> &'static str {
        match self {
            Reason::ProviderDisabled
            | Reason::MappingUnknown
            | Reason::AccountUnknown
            | Reason::AccountDisabled
            | Reason::PinMismatch
            | Reason::NoMappingMatched => Reason::NoMappingMatched.code(),
            Reason::ProofMissing
            | Reason::ClientMismatch
            | Reason::MappingsAmbiguous
            | Reason::BindingRequired
            | Reason::ActorUnacceptable
            | Reason::ActorExpired
            | Reason::ActorProofMissing
            | Reason::ActorMismatch
            | Reason::ActorRepeated
            | Reason::ChainTooLong
            | Reason::ChainForeign
            | Reason::ActorNotAllowed
            | Reason::ActorRequired
            | Reason::AccountRequired
            | Reason::NothingGranted
            | Reason::TargetUnknown
            | Reason::TargetRequired
            | Reason::TargetReserved
            | Reason::ScopeNotGranted
            | Reason::TooLittleTimeLeft
            | Reason::TokenIdMissing
            | Reason::TokenInactive
            | Reason::TokenReplayed
            | Reason::ProofReplayed => self.code(),
        }
    }

    /// What the caller is told, in the character set of RFC 6749 section 5.2.
    pub const fn caller_sentence(self) -> &'static str {
        match self {
            Reason::ProviderDisabled
            | Reason::MappingUnknown
            | Reason::AccountUnknown
            | Reason::AccountDisabled
            | Reason::PinMismatch
            | Reason::NoMappingMatched => "no mapping allows this token what was asked for",
            Reason::ProofMissing => "the subject token is bound to a key, and no proof of that key was shown",
            Reason::ClientMismatch => "client_id is not whom the assertion speaks for",
            Reason::MappingsAmbiguous => "more than one mapping matches this token",
            Reason::BindingRequired => {
                "the token must be bound to a key, and the request proves none of the right kind"
            }
            Reason::ActorUnacceptable => "the actor token is not acceptable",
            Reason::ActorExpired => "the actor token has expired",
            Reason::ActorProofMissing => "the actor token is bound to a key, and no proof of that key was shown",
            Reason::ActorMismatch => "the subject token lets somebody else act for it",
            Reason::ActorRepeated => "the actor is the subject itself, or acts for it already",
            Reason::ChainTooLong => "the token has as many actors as it may have",
            Reason::ChainForeign => "a token that is delegated elsewhere already is not delegated on here",
            Reason::ActorNotAllowed => "the actor may not act for this subject",
            Reason::ActorRequired => "the request must show an actor token",
            Reason::AccountRequired => "the request must name a service account",
            Reason::NothingGranted => "the service account has no permission on any API",
            Reason::TargetUnknown => "the audience asked for is not one that this token may reach",
            Reason::TargetRequired => "the request must name an audience: more than one is possible",
            Reason::TargetReserved => "the audience asked for is reserved",
            Reason::ScopeNotGranted => "a permission asked for is not granted",
            Reason::TooLittleTimeLeft => "the subject token ends too soon",
            Reason::TokenIdMissing => "the subject token has no jti, which its mapping requires",
            Reason::TokenInactive => "the subject token is not active any more",
            Reason::TokenReplayed => "the subject token was used already",
            Reason::ProofReplayed => "the DPoP proof was shown before",
        }
    }
}

impl Denial {
    pub(crate) fn new(reason: Reason, operator: impl Into<String>) -> Self {
        Self { reason, operator: operator.into(), hint: None }
    }

    /// The same with an action.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The refusal of a client whose assertion is not of the kind that it declares.
    pub fn client(operator: impl Into<String>) -> Self {
        Self::new(Reason::ClientMismatch, operator)
    }

    /// The refusal of a client that says that it is somebody else.
    pub fn client_id(seen: &str, expected: &str) -> Self {
        let (seen, expected) = (Shown::of(seen), Shown::of(expected));
        Self::client(format!("client_id is `{seen}`, expected `{expected}`")).hint("leave client_id out, or correct it")
    }

    /// The refusal of an access token of ours that is good for nothing any more.
    pub fn inactive(operator: impl Into<String>) -> Self {
        Self::new(Reason::TokenInactive, operator)
    }

    /// The refusal of an actor whose token does not hold.
    pub fn actor(reason: Reason, operator: impl Into<String>) -> Self {
        Self::new(reason, operator)
    }

    /// The refusal of a request whose proof was shown before.
    pub fn proof_replayed() -> Self {
        Self::new(
            Reason::ProofReplayed,
            "DPoP proof was shown before; whoever shows it again may have copied the request",
        )
        .hint("make a proof for each request, also for one that is sent again")
    }

    /// The refusal of a token that was used already, in this decision at this time, as far as they are known.
    pub fn replayed(first: Option<(&str, Option<Timestamp>)>) -> Self {
        let seen = match first {
            Some((decision, Some(at))) => format!("token was used already at {at} in {decision}"),
            Some((decision, None)) => format!("token was used already in {decision}"),
            None => "token may have been used already: what was used in its time is not known any more".to_owned(),
        };
        Self::new(Reason::TokenReplayed, seen)
            .hint("fetch another; providers whose platform caches use `replay: reuse`")
    }
}

/// The operator's words for a CEL fault.
pub(super) fn fault_text(fault: &EvalFault) -> String {
    fault.operator_text()
}
