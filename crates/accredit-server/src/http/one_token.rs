//! Requests about one token (RFC 7662 section 2.1, RFC 7009 section 2.1): a form with `token`. A hint of its type may come
//! along; there is one type here.

use hyper::Method;
use hyper::body::Incoming;
use hyper::http::request::Parts;

use super::body;
use super::token::{Credentials, check_head};
use crate::faces::{Cause, Media, Params, RequestFault};

/// What can be refused without reading the body.
pub(super) fn check(head: &Parts) -> Result<(), RequestFault> {
    match check_head(head, &Method::POST, Credentials::Read)? {
        Media::Form => Ok(()),
        Media::Json => Err(RequestFault::new(
            Cause::UnsupportedMedia,
            "content-type",
            "the content type is not application/x-www-form-urlencoded",
        )),
    }
}

/// Reads the token, white space around it trimmed.
pub(super) async fn read(body: Incoming) -> Result<String, RequestFault> {
    let bytes = body::read(body).await?;
    let params = Params::read(Media::Form, &bytes)?;
    let token = params.find("token").ok_or(RequestFault::invalid("param-token", "token is missing"))?;
    Ok(token.trim().to_owned())
}
