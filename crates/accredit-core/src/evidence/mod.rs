//! Evidence: what is shown, once it has been checked. A file a kind of proof that is not simply a token.

pub mod aws_request;

use accredit_id::json::Object;
use accredit_id::time::Timestamp;
use accredit_id::verify::Verified;

/// Evidence that holds, and that somebody whom a provider stands for has vouched for.
///
/// Facts that can be minted from come from here alone.
#[derive(Clone, Copy)]
pub enum Evidence<'e> {
    /// A token whose signature and claims were verified.
    Token(&'e Verified<'e>),
    /// The identity that AWS names for a signed request.
    Caller(&'e aws_request::Caller),
}

impl<'e> From<&'e Verified<'e>> for Evidence<'e> {
    fn from(token: &'e Verified<'e>) -> Self {
        Evidence::Token(token)
    }
}

impl<'e> From<&'e aws_request::Caller> for Evidence<'e> {
    fn from(caller: &'e aws_request::Caller) -> Self {
        Evidence::Caller(caller)
    }
}

impl<'e> Evidence<'e> {
    /// What it says.
    pub fn claims(self) -> &'e Object<'e> {
        match self {
            Evidence::Token(token) => token.claims(),
            Evidence::Caller(caller) => caller.claims(),
        }
    }

    /// When it was made, where it says so.
    pub fn issued_at(self) -> Option<Timestamp> {
        match self {
            Evidence::Token(token) => token.issued_at(),
            Evidence::Caller(caller) => Some(caller.signed_at()),
        }
    }

    /// When it ends; nothing made from it lives longer, unless its mapping says so.
    pub fn expires_at(self) -> Timestamp {
        match self {
            Evidence::Token(token) => token.expires_at(),
            Evidence::Caller(caller) => caller.expires_at(),
        }
    }

    /// What tells it from others of its provider, for using it once.
    pub fn token_id(self) -> Option<&'e str> {
        match self {
            Evidence::Token(token) => token.token_id(),
            Evidence::Caller(caller) => Some(caller.token_id()),
        }
    }

    /// On whose word it rests.
    pub fn issuer(self) -> &'e str {
        match self {
            Evidence::Token(token) => token.issuer(),
            Evidence::Caller(caller) => caller.issuer(),
        }
    }

    /// By which key it is signed.
    pub fn key_id(self) -> &'e str {
        match self {
            Evidence::Token(token) => token.key_id(),
            Evidence::Caller(caller) => caller.access_key_id(),
        }
    }

    /// What that key is called by its own bytes (RFC 7638); `None` where nobody shows a public key.
    pub fn key_thumbprint(self) -> Option<&'e str> {
        match self {
            Evidence::Token(token) => Some(token.key_thumbprint()),
            Evidence::Caller(_) => None,
        }
    }

    /// How it is signed.
    pub fn algorithm(self) -> &'static str {
        match self {
            Evidence::Token(token) => token.algorithm().as_str(),
            Evidence::Caller(_) => "AWS4-HMAC-SHA256",
        }
    }
}
