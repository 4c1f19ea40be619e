//! The SDK of Accredit: what a program needs that gets, checks or administers access tokens.
//!
//! | who you are | what to use |
//! |---|---|
//! | a workload that holds its platform's token and wants one of ours | [`exchange`] |
//! | the owner of an API that receives our access tokens | [`verifier`] |
//! | a program that administers a server, on its machine or elsewhere | [`admin`] |
//! | whoever has to log in for that | [`login`] |
//! | a job that holds its platform's token and wants an SVID | [`svid`] |
//!
//! TLS is rustls. A program that has chosen no cryptography provider for it gets aws-lc-rs, for the whole process, when it
//! makes its first endpoint here.
//!
//! Law: nothing here decides. Whether a token is issued is the server's to say; whether one is genuine is
//! [`accredit_id::verify`]'s.

pub mod admin;
pub mod exchange;
pub mod inert;
pub mod login;
pub mod svid;
pub mod verifier;

mod chance;
mod clock;
mod form;
mod proving;
mod web;
