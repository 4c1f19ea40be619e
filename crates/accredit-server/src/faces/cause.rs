//! Why a request is refused, as far as a face's table tells causes apart.

use accredit_core::decide::Reason;

/// A cause of refusal. Each face has one `match` from it to its wire, without a catch-all arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Client credentials were shown that cannot be checked.
    ClientAuthentication,
    /// A bug, or a store that is broken.
    Internal,
    /// The provider's keys cannot be had now.
    KeysUnavailable,
    /// The request is not well formed.
    MalformedRequest,
    /// Another method than POST.
    MethodNotAllowed,
    /// Another host than ours.
    MisdirectedRequest,
    /// The request's DPoP proof does not count.
    Proof,
    /// It needs our nonce.
    ProofNonce,
    /// Policy refuses.
    Policy(Reason),
    /// The body is too large.
    RequestTooLarge,
    /// The body took too long.
    RequestTimeout,
    /// The store cannot be written now, or no key may sign yet.
    StoreUnavailable,
    /// An `audience` or `resource` that cannot be one.
    Target,
    /// The source, subject or provider has spent its budget.
    Throttled,
    /// The subject token is not acceptable, or nobody knows whose it is.
    Token,
    /// A grant that this endpoint does not know.
    UnsupportedGrant,
    /// A media type or encoding that this endpoint does not take.
    UnsupportedMedia,
}

/// What goes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The OAuth error code.
    pub(crate) error: &'static str,
}

/// A request that is refused before anything of it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestFault {
    /// The cause.
    pub(crate) cause: Cause,
    /// Stable kebab-case code.
    pub(crate) code: &'static str,
    /// A sentence for the caller; it never repeats what he sent.
    pub(crate) sentence: &'static str,
}

impl RequestFault {
    pub(crate) const fn new(cause: Cause, code: &'static str, sentence: &'static str) -> Self {
        Self { cause, code, sentence }
    }

    pub(crate) const fn invalid(code: &'static str, sentence: &'static str) -> Self {
        Self::new(Cause::MalformedRequest, code, sentence)
    }
}

impl WireError {
    pub(crate) const fn new(status: u16, error: &'static str) -> Self {
        Self { status, error }
    }
}
