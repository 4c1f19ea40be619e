//! The requests of a run: every byte made before the clock starts.

use std::cell::Cell;
use std::net::SocketAddr;

use crate::cast::{self, Cast};
use crate::documents::{provider_id, service_account_id};

/// Requests that are sent in turn, in an order that jumps about among the mappings, starting anew at the end.
pub(crate) struct Requests {
    bytes: Vec<Box<[u8]>>,
    next: Cell<usize>,
    step: usize,
}

// === impl Requests ===

impl Requests {
    /// One exchange (RFC 8693 section 2.1) for each token; `tokens` are those of [`crate::issuer::sign_tokens`].
    pub(crate) fn exchanges(cast: Cast, address: SocketAddr, tokens: &[String]) -> Self {
        let request = |(index, token): (usize, &String)| exchange(cast, address, index, token).into_bytes().into();
        Self::of(tokens.iter().enumerate().map(request).collect())
    }

    /// As many as there are proofs, each with its own, of these in turn.
    pub(crate) fn proved(&self, proofs: &[String]) -> Self {
        let request = |proof: &String| {
            let request = self.next();
            let line = request.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            [&request[..line], b"dpop: ", proof.as_bytes(), b"\r\n", &request[line..]].concat().into()
        };
        Self::of(proofs.iter().map(request).collect())
    }

    /// These requests.
    pub(crate) fn of(bytes: Vec<Box<[u8]>>) -> Self {
        let step = step(bytes.len());
        Self { bytes, next: Cell::new(0), step }
    }

    /// The next request to send. Over as many calls as there are requests, each comes once.
    pub(crate) fn next(&self) -> &[u8] {
        let index = self.next.get();
        self.next.set((index + self.step) % self.bytes.len());
        &self.bytes[index]
    }
}

fn exchange(cast: Cast, address: SocketAddr, index: usize, token: &str) -> String {
    let mapping = index % cast.mappings;
    let provider = provider_id(cast.provider_of(mapping));
    let account = service_account_id(cast.account_of(mapping));
    let audience = cast::API_AUDIENCE.replace(':', "%3A").replace('/', "%2F");
    let body = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
         &subject_token={token}\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt\
         &identity_provider_id={provider}\
         &service_account_id={account}\
         &audience={audience}"
    );
    post(address, "/oauth/token", None, &body)
}

/// A form, posted to a token endpoint (RFC 6749 section 3.2), with `client_id:client_secret` in base64 where the client
/// authenticates.
pub(crate) fn post(address: SocketAddr, path: &str, client: Option<&str>, body: &str) -> String {
    let authorization = client.map_or(String::new(), |client| format!("authorization: Basic {client}\r\n"));
    format!(
        "POST {path} HTTP/1.1\r\n\
         host: {address}\r\n\
         user-agent: accredit-bench\r\n\
         accept: application/json\r\n\
         {authorization}\
         content-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\
         \r\n\
         {body}",
        body.len()
    )
}

/// JSON, posted.
pub(crate) fn post_json(address: SocketAddr, path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\n\
         host: {address}\r\n\
         user-agent: accredit-bench\r\n\
         accept: application/json\r\n\
         content-type: application/json\r\n\
         content-length: {}\r\n\
         \r\n\
         {body}",
        body.len()
    )
}

/// A stride near the golden section of `count`, without a common divisor, so that every index comes up before one returns.
fn step(count: usize) -> usize {
    let golden = (count as f64 * 0.618) as usize;
    (golden.max(1)..).find(|&step| greatest_common_divisor(step, count) == 1).unwrap_or(1)
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What has every provider met before the clock starts.
    #[test]
    fn twice_as_many_requests_as_there_are_providers_meet_each() {
        let cast = crate::cast::Cast::plain(100_000, 1_000);
        let bytes = (0..cast.mappings).map(|index| index.to_string().into_bytes().into()).collect();
        let requests = Requests { bytes, next: Cell::new(0), step: step(cast.mappings) };
        let number = |bytes: &[u8]| String::from_utf8_lossy(bytes).parse::<usize>().unwrap_or(usize::MAX);
        let met: BTreeSet<_> = (0..2_000).map(|_| cast.provider_of(number(requests.next()))).collect();
        assert_eq!(met.len(), 1_000);
    }

    #[test]
    fn each_request_comes_once_before_one_returns() {
        for count in [1_usize, 2, 3, 10, 997, 20_000] {
            let bytes = (0..count).map(|index| index.to_string().into_bytes().into()).collect();
            let requests = Requests { bytes, next: Cell::new(0), step: step(count) };
            let seen: BTreeSet<_> = (0..count).map(|_| requests.next().to_vec()).collect();
            assert_eq!(seen.len(), count);
            assert_eq!(requests.next(), b"0");
        }
    }
}
