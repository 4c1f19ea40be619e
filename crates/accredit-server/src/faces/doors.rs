//! Bodies of token requests, read a second time by others' parsers.

use serde_json::Value;
use url::form_urlencoded;

use super::spiral::{SPIRAL, SPIRAL_AWS};
use super::{FACES, Media, Params, Proof, RequestFault, aws4};

/// A form: whatever is accepted, everybody else's parser reads the same pairs, and none twice (H01).
pub fn form_body(body: &[u8]) {
    let Ok(params) = Params::read(Media::Form, body) else { return };
    let seen: Vec<_> = params.pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let others: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
    assert_eq!(seen, others, "another parser reads another form");
    read(Media::Form, &params, body);
}

/// JSON: whatever is accepted, the usual parser reads the same members, and none twice.
pub fn json_body(body: &[u8]) {
    let Ok(params) = Params::read(Media::Json, body) else { return };
    let others: Value = serde_json::from_slice(body).unwrap_or_default();
    let others = others.as_object();
    let texts = others.map_or(0, |members| members.values().filter(|value| value.is_string()).count());
    assert_eq!(params.pairs.len(), texts, "a member stands twice, or was dropped");
    for (name, value) in &params.pairs {
        let other = others.and_then(|members| members.get(&**name)).and_then(Value::as_str);
        assert_eq!(other, Some(&**value), "another parser reads another member");
    }
    read(Media::Json, &params, body);
}

/// The signed AWS request that some SDKs send as a token: what is taken over was sent, and no more.
pub fn aws4_request(subject_token: &str) {
    let Ok(Proof::AwsRequest(request)) = aws4::proof(subject_token) else { return };
    let host = request.host();
    assert!(AWS.iter().any(|domain| host.ends_with(domain)), "`{host}` would be asked");
    assert_eq!(request.signature().len(), 64);
    assert!(!format!("{request:?}").contains(request.signature()), "the signature shows");
    let rewritten = request.authorization();
    assert!(!rewritten.contains(['\r', '\n', '\0']), "a header could be split");
}

fn read(media: Media, params: &Params<'_>, body: &[u8]) {
    for (place, (name, _)) in params.pairs.iter().enumerate() {
        let is_twice = params.pairs[..place].iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        assert!(!is_twice || matches!(&**name, "audience" | "resource"), "`{name}` counts twice");
    }
    let faces = FACES.iter().copied().chain([&SPIRAL, &SPIRAL_AWS]);
    for face in faces.filter(|face| face.media == media && (face.recognise)(params)) {
        match (face.parse)(params) {
            Err(fault) => told(&fault, (face.error)(fault.cause).status),
            Ok(request) => {
                if let Proof::Jwt(token) | Proof::AccessToken(token) = &request.proof {
                    assert!(token.0.len() <= body.len());
                    assert!(token.0.len() < 32 || !format!("{:?}", request.proof).contains(token.0), "a token shows");
                }
            }
        }
    }
}

/// H11: what is told is of the characters of RFC 6749 section 5.2, and is an error.
fn told(fault: &RequestFault, status: u16) {
    let is_plain = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(fault.sentence.bytes().all(is_plain), "{}", fault.sentence);
    assert!((400..600).contains(&status));
}

/// Every domain of AWS, whatever the partition.
const AWS: &[&str] = &[
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".api.amazonwebservices.eu",
    ".ic.gov",
    ".sgov.gov",
    ".scloud",
    ".adc-e.uk",
];
