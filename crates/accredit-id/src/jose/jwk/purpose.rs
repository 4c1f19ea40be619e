//! What keys are for.

/// What a set's keys are to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Tokens of an OpenID Connect or OAuth issuer: keys whose `use` is absent or `sig`.
    Signature,
    /// JWT-SVIDs: keys of a SPIFFE bundle whose `use` is `jwt-svid`, and keys of an issuer's plain set, whose `use`
    /// is absent or `sig`. Keys for `x509-svid` never verify a token (SPIFFE bundle specification section 4.2).
    JwtSvid,
}
