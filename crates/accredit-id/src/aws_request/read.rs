//! Reading a signed request: from the parts that a client sends, from a whole request.

use super::{ACTION, AwsRequest, Host, MAX_BYTES, Placement, Region, SignedHeader};
use crate::digest::sha256;
use crate::hex;
use crate::time::Timestamp;

/// A whole request, as somebody would send it.
#[derive(Clone, Copy)]
pub struct Sent<'s> {
    /// The method.
    pub method: &'s str,
    /// The URL.
    pub url: &'s str,
    /// The headers, in their order.
    pub headers: &'s [(&'s str, &'s str)],
    /// The body.
    pub body: &'s str,
}

/// The parts that are not clear from the rest, for a request whose action stands in the body and whose host is the
/// regional one of its scope.
#[derive(Clone, Copy)]
pub struct Parts<'s> {
    /// `Authorization`.
    pub authorization: &'s str,
    /// `X-Amz-Date`.
    pub date: &'s str,
    /// `X-Amz-Content-Sha256`, where it was sent.
    pub content_sha256: Option<&'s str>,
    /// `X-Amz-Security-Token`.
    pub security_token: Option<&'s str>,
    /// `Content-Type`.
    pub content_type: &'s str,
}

/// Why a text is no signed request that is understood here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsRequestFault {
    /// Another action, or something beside it, in the query or the body.
    Action,
    /// `Authorization` is missing or not Signature Version 4 as AWS writes it.
    Authorization,
    /// A header that must be what follows from the rest is not.
    Content,
    /// `X-Amz-Date` is missing, malformed, not signed, or of another day than the credential scope.
    Date,
    /// No header beside AWS' own is signed: nothing says who the request is meant for.
    DomainUnsigned,
    /// A header stands twice, in whatever case.
    HeaderDuplicate,
    /// A header, or a name in `SignedHeaders`, is malformed.
    HeaderMalformed,
    /// More than one header beside AWS' own is signed.
    HeaderNotAllowed,
    /// The host is none of AWS' token services, not the one of the scope's region, or not signed.
    Host,
    /// The key is a long-lived one.
    LongLivedKey,
    /// Another method than POST.
    Method,
    /// The scope is of another service.
    Scope,
    /// The session token is missing or not signed.
    SessionTokenMissing,
    /// More than [`MAX_BYTES`].
    TooLarge,
}

// === impl AwsRequest ===

impl AwsRequest {
    /// Reads a whole request. Headers that are not signed are left out: they are nobody's word.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub fn read(sent: Sent<'_>) -> Result<Self, AwsRequestFault> {
        let Sent { method, url, headers, body } = sent;
        let size = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + url.len() + body.len();
        if size > MAX_BYTES || headers.len() > MAX_HEADERS {
            return Err(AwsRequestFault::TooLarge);
        }
        if method != "POST" {
            return Err(AwsRequestFault::Method);
        }
        let (host, query) = place(url)?;
        let placement = match (query, body) {
            (None, ACTION) => Placement::Body,
            (Some(ACTION), "") => Placement::Query,
            _ => return Err(AwsRequestFault::Action),
        };
        let headers = unique(headers)?;
        let find = |name: &str| headers.iter().find(|(other, _)| other == name).map(|(_, value)| *value);
        let authorization = Authorization::read(find("authorization").ok_or(AwsRequestFault::Authorization)?)?;
        if find("host").is_some_and(|named| named != host) {
            return Err(AwsRequestFault::Host);
        }
        Self::assemble(&authorization, host, placement, &find)
    }

    /// Reads the parts. The receiver's domain is not among them: whoever checks the request knows it.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub fn of_parts(parts: Parts<'_>) -> Result<Self, AwsRequestFault> {
        let Parts { authorization, date, content_sha256, security_token, content_type } = parts;
        let size = authorization.len() + date.len() + security_token.map_or(0, str::len);
        if size > MAX_BYTES {
            return Err(AwsRequestFault::TooLarge);
        }
        let authorization = Authorization::read(authorization)?;
        let host = authorization.region.sts_host();
        let find = |name: &str| match name {
            "content-type" => Some(content_type),
            "x-amz-content-sha256" => content_sha256,
            "x-amz-date" => Some(date),
            "x-amz-security-token" => security_token,
            _ => None,
        };
        Self::assemble(&authorization, &host, Placement::Body, &find)
    }

    fn assemble<'v>(
        authorization: &Authorization<'_>,
        host: &str,
        placement: Placement,
        find: &dyn Fn(&str) -> Option<&'v str>,
    ) -> Result<Self, AwsRequestFault> {
        let Authorization { access_key_id, day, region, signed_headers, signature } = authorization;
        let host = match host {
            "sts.amazonaws.com" if region.as_str() == "us-east-1" => Host::Global,
            other => Host::Regional(region.endpoint(other).ok_or(AwsRequestFault::Host)?),
        };
        let is_signed = |name: &str| signed_headers.contains(&name);
        if !is_signed("host") {
            return Err(AwsRequestFault::Host);
        }
        let date = find("x-amz-date").filter(|_| is_signed("x-amz-date")).ok_or(AwsRequestFault::Date)?;
        let signed_at = moment(date).filter(|_| date.starts_with(day)).ok_or(AwsRequestFault::Date)?;
        let mut others = signed_headers.iter().enumerate().filter(|(_, name)| !AWS_OWN.contains(name));
        let domain_header = match (others.next(), others.next()) {
            (None, _) => return Err(AwsRequestFault::DomainUnsigned),
            (Some((place, _)), None) => place,
            (Some(_), Some(_)) => return Err(AwsRequestFault::HeaderNotAllowed),
        };
        if !is_signed("x-amz-security-token") || find("x-amz-security-token").is_none_or(str::is_empty) {
            return Err(match access_key_id.starts_with("AKIA") {
                true => AwsRequestFault::LongLivedKey,
                false => AwsRequestFault::SessionTokenMissing,
            });
        }
        let mut signed = Vec::with_capacity(signed_headers.len());
        for (place, name) in signed_headers.iter().enumerate() {
            let value = find(name);
            if let Some(value) = value {
                check_value(name, value, placement)?;
            } else if place != domain_header && *name != "host" {
                return Err(AwsRequestFault::HeaderMalformed);
            }
            signed.push(SignedHeader { name: (*name).to_owned(), value: value.map(str::to_owned) });
        }
        Ok(Self {
            region: region.clone(),
            host,
            placement,
            access_key_id: (*access_key_id).to_owned(),
            signed_at,
            date: date.to_owned(),
            signed,
            domain_header,
            signature: (*signature).to_owned(),
        })
    }
}

/// `Authorization` of Signature Version 4.
struct Authorization<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: Region,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn read(text: &'a str) -> Result<Self, AwsRequestFault> {
        const FAULT: AwsRequestFault = AwsRequestFault::Authorization;
        let rest = text.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(FAULT)?;
        let mut members = rest.split(',').map(|member| member.strip_prefix(' ').unwrap_or(member));
        let mut member = |name: &str| members.next().and_then(|member| member.strip_prefix(name)).ok_or(FAULT);
        let (scope, names, signature) = (member("Credential=")?, member("SignedHeaders=")?, member("Signature=")?);
        if members.next().is_some() {
            return Err(FAULT);
        }
        let mut parts = scope.split('/');
        let mut part = || parts.next().ok_or(FAULT);
        let (access_key_id, day, region, service, end) = (part()?, part()?, part()?, part()?, part()?);
        let is_key = (16..=128).contains(&access_key_id.len())
            && access_key_id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        if parts.next().is_some() || !is_key || !is_day || end != "aws4_request" {
            return Err(FAULT);
        }
        if service != "sts" {
            return Err(AwsRequestFault::Scope);
        }
        let is_signature = signature.len() == 64 && signature.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_signature {
            return Err(FAULT);
        }
        let signed_headers: Vec<&str> = names.split(';').collect();
        if signed_headers.len() > MAX_HEADERS || !signed_headers.iter().all(|name| is_name(name)) {
            return Err(AwsRequestFault::HeaderMalformed);
        }
        // Signature Version 4 has them sorted; a name that stands twice is not.
        if !signed_headers.is_sorted_by(|one, two| one < two) {
            return Err(AwsRequestFault::HeaderDuplicate);
        }
        let region = region.parse().map_err(|_| AwsRequestFault::Host)?;
        Ok(Self { access_key_id, day, region, signed_headers, signature })
    }
}

// === impl AwsRequestFault ===

impl AwsRequestFault {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Action => "aws-action",
            Self::Authorization => "aws-authorization",
            Self::Content => "aws-content",
            Self::Date => "aws-date",
            Self::DomainUnsigned => "aws-domain-unsigned",
            Self::HeaderDuplicate => "aws-header-duplicate",
            Self::HeaderMalformed => "aws-header-malformed",
            Self::HeaderNotAllowed => "aws-header-not-allowed",
            Self::Host => "aws-host",
            Self::LongLivedKey => "aws-long-lived-key",
            Self::Method => "aws-method",
            Self::Scope => "aws-scope",
            Self::SessionTokenMissing => "aws-session-token-missing",
            Self::TooLarge => "aws-request-too-large",
        }
    }

    /// What the sender is told: it concerns his own request and repeats nothing of it.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Action => "the signed request is not GetCallerIdentity of version 2011-06-15 and nothing else",
            Self::Authorization => "the signed request has no Authorization of Signature Version 4 (AWS4-HMAC-SHA256)",
            Self::Content => "a header of the signed request contradicts its body",
            Self::Date => "X-Amz-Date is missing, not signed, malformed, or of another day than the credential scope",
            Self::DomainUnsigned => {
                "no header of the signed request names who it is for: sign one with this server's host in it, such as X-Accredit-Domain"
            }
            Self::HeaderDuplicate => "a header of the signed request stands twice, or SignedHeaders is not sorted",
            Self::HeaderMalformed => "a header of the signed request is missing or malformed",
            Self::HeaderNotAllowed => "more than one header beside those of AWS itself is signed",
            Self::Host => {
                "the host of the signed request is not the token service of the region in its credential scope"
            }
            Self::LongLivedKey => {
                "the request is signed with a long-lived key: use temporary credentials, as a role has"
            }
            Self::Method => "the method of the signed request is not POST",
            Self::Scope => "the credential scope of the signed request is not for sts",
            Self::SessionTokenMissing => "X-Amz-Security-Token is missing or not signed",
            Self::TooLarge => "the signed request has more than 16 KiB or more than 24 headers",
        }
    }
}

/// Host and query of `https://HOST[/][?QUERY]`.
fn place(url: &str) -> Result<(&str, Option<&str>), AwsRequestFault> {
    let rest = url.strip_prefix("https://").ok_or(AwsRequestFault::Host)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    match target.strip_prefix('/').unwrap_or(target) {
        "" => Ok((host, None)),
        target => target.strip_prefix('?').map(|query| (host, Some(query))).ok_or(AwsRequestFault::Action),
    }
}

/// Headers by their lower-case names; two that differ in case alone are the same one.
fn unique<'h>(headers: &[(&str, &'h str)]) -> Result<Vec<(String, &'h str)>, AwsRequestFault> {
    let mut read: Vec<(String, &str)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if !is_name(&name) {
            return Err(AwsRequestFault::HeaderMalformed);
        }
        if read.iter().any(|(other, _)| *other == name) {
            return Err(AwsRequestFault::HeaderDuplicate);
        }
        read.push((name, value));
    }
    Ok(read)
}

/// A value goes into a request of ours, so it can neither end its line nor be read in two ways.
fn check_value(name: &str, value: &str, placement: Placement) -> Result<(), AwsRequestFault> {
    let is_plain = !value.is_empty()
        && value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
        && value.trim() == value
        && !value.contains("  ");
    if !is_plain {
        return Err(AwsRequestFault::HeaderMalformed);
    }
    let body = if placement == Placement::Body { ACTION } else { "" };
    let holds = match name {
        "content-length" => value == body.len().to_string(),
        "content-type" => {
            let lower = value.to_ascii_lowercase().replace("; ", ";");
            matches!(
                lower.as_str(),
                "application/x-www-form-urlencoded" | "application/x-www-form-urlencoded;charset=utf-8"
            )
        }
        "x-amz-content-sha256" => value == hex::encode(&sha256(body.as_bytes())),
        "x-amz-security-token" => !value.contains(' '),
        _ => true,
    };
    if holds { Ok(()) } else { Err(AwsRequestFault::Content) }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// `YYYYMMDDTHHMMSSZ`, and a moment that there is.
fn moment(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    if text.len() != 16 || text.get(8..9)? != "T" || text.get(15..)? != "Z" {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let (hour, minute, second) = (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    // Years are counted from March, so that the leap day is the last one.
    let (year_from_march, month_from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year_from_march / 4 - year_from_march / 100 + year_from_march / 400;
    let days = year_from_march * 365 + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - 719_468;
    let read = Timestamp::from_unix(((days * 24 + hour) * 60 + minute) * 60 + second);
    // A thirtieth of February comes out as another day.
    let written = read.to_string().replace(['-', ':'], "");
    (written == text).then_some(read)
}

/// Headers that AWS' own signers sign. The list is closed: a header that AWS gives a meaning to must not be chosen by a caller.
const AWS_OWN: &[&str] =
    &["content-length", "content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
const MAX_HEADERS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_that_there_are() {
        for (text, unix) in [
            ("20261121T100543Z", Some(1_795_255_543)),
            ("20000229T000000Z", Some(951_782_400)),
            ("19700101T000000Z", Some(0)),
            ("20260229T000000Z", None),
            ("20261301T000000Z", None),
            ("20261121T240000Z", None),
            ("20261121T100560Z", None),
            ("20261121 100543Z", None),
            ("20261121T100543z", None),
            ("20261121T100543", None),
            ("2026112\u{e4}T10054Z", None),
            ("+0261121T100543Z", None),
        ] {
            assert_eq!(moment(text).map(Timestamp::unix), unix, "{text}");
        }
    }
}
