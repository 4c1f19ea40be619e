//! Where the engine begins: what `vectors/` holds, cut into inputs. What no vector holds yet stands here.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Every value of these fields in the TOML files of a folder of vectors.
pub(crate) fn fields(folder: &str, names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for table in tables(folder) {
        every_table(&table, &mut |table| {
            for value in names.iter().filter_map(|name| table.get(*name)) {
                match value {
                    Value::String(text) => found.push(expanded(text)),
                    Value::Array(items) => found.extend(items.iter().filter_map(Value::as_str).map(expanded)),
                    _ => {}
                }
            }
        });
    }
    found
}

/// Two fields of one vector as a line and the rest; the second may be absent.
pub(crate) fn pairs(folder: &str, one: &str, two: &str, absent: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for table in tables(folder) {
        every_table(&table, &mut |table| {
            if let Some(one) = table.get(one).and_then(Value::as_str) {
                let two = table.get(two).and_then(Value::as_str).unwrap_or(absent);
                found.push(format!("{}\n{}", expanded(one).replace('\n', " "), expanded(two)).into_bytes());
            }
        });
    }
    found
}

/// The lines of a file that are no comments.
pub(crate) fn lines(file: &str) -> Vec<String> {
    let text = fs::read_to_string(vectors().join(file)).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(expanded).collect()
}

/// The files of these folders.
pub(crate) fn files(folders: &[&str], extension: &str) -> Vec<Vec<u8>> {
    let paths = folders.iter().flat_map(|folder| under(&vectors().join(folder), extension));
    paths.filter_map(|path| fs::read(path).ok()).collect()
}

pub(crate) fn urls() -> Vec<Vec<u8>> {
    let known = [
        "https://token.actions.githubusercontent.com",
        "https://a.example.org/td/x?y#z",
        "HTTPS://A.Example.org:443/%7euser/../b",
        "http://169.254.169.254/latest",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f.1/",
        "https://user:pass@idp.example.org/",
        "https://b\u{fc}cher.example/",
    ];
    known.iter().map(|url| url.as_bytes().to_vec()).collect()
}

pub(crate) fn aws_parts() -> Vec<Vec<u8>> {
    let authorization = "AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20261121/eu-central-1/sts/aws4_request, \
        SignedHeaders=content-type;host;x-accredit-domain;x-amz-date;x-amz-security-token, \
        Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    let rest =
        ["20261121T100543Z\nIQoJb3JpZ2luX2VjEXAMPLE+/==\n\n", "20261121T100543Z\n\n\n", "20261122T000000Z\nx\n", ""];
    let longer = authorization.replace("eu-central-1", "us-gov-west-1");
    let texts = rest.iter().flat_map(|rest| [format!("{authorization}\n{rest}"), format!("{longer}\n{rest}")]);
    texts.map(String::into_bytes).collect()
}

#[cfg(feature = "engine")]
pub(crate) use of_doors::*;

#[cfg(feature = "engine")]
mod of_doors {
    use super::*;

    /// Bodies of recorded requests.
    pub(crate) fn forms() -> Vec<Vec<u8>> {
        requests().into_iter().map(|(_, body)| body).filter(|body| !body.starts_with(b"{")).collect()
    }

    pub(crate) fn json_bodies() -> Vec<Vec<u8>> {
        requests().into_iter().map(|(_, body)| body).filter(|body| body.starts_with(b"{")).collect()
    }

    /// Heads of recorded requests.
    pub(crate) fn heads() -> Vec<Vec<u8>> {
        let known = [
            "Host: a\nAuthorization: Bearer x\nContent-Type: application/json; charset=utf-8",
            "X-Forwarded-For: 203.0.113.9, 198.51.100.7:4711, [2001:db8::7]:1\nForwarded: for=1.2.3.4",
            "DPoP: eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.AA\nIdempotency-Key: \"8e03978e-40d5\"\nIf-Match: \"3\", \"x\"",
            "X-Client-Cert: MIIB\nX-Forwarded-Client-Cert: Hash=00\nClient-Cert: :MIIB:\nIf-None-Match: *",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        let recorded = requests().into_iter().map(|(head, _)| head);
        recorded.chain(known.iter().map(|head| head.as_bytes().to_vec())).collect()
    }

    pub(crate) fn fetch_headers() -> Vec<Vec<u8>> {
        let known = [
            "cache-control: public, max-age=300\nage: 20",
            "date: Sat, 21 Nov 2026 12:00:00 GMT\nexpires: Sat, 21 Nov 2026 12:10:00 GMT",
            "retry-after: 17",
            "date: Sat, 21 Nov 2026 12:00:00 GMT\nretry-after: Sat, 21 Nov 2026 12:01:30 GMT",
            "cache-control: max-age=99999999999999999999, max-age=\"1\"\nage: 18446744073709551615",
        ];
        known.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    pub(crate) fn aws_requests() -> Vec<Vec<u8>> {
        let headers = r#"[{"key":"Authorization","value":"AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20261121/eu-central-1/sts/aws4_request, SignedHeaders=host;x-accredit-domain;x-amz-date;x-amz-security-token, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},{"key":"Host","value":"sts.eu-central-1.amazonaws.com"},{"key":"X-Accredit-Domain","value":"accredit.example.org"},{"key":"X-Amz-Date","value":"20261121T100543Z"},{"key":"X-Amz-Security-Token","value":"IQoJ+/=="}]"#;
        let urls = [
            "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
            "https://sts.eu-central-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
            "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
            "https://evil.example/?x=https://sts.eu-central-1.amazonaws.com/",
        ];
        let texts = urls.iter().map(|url| format!(r#"{{"url":"{url}","method":"POST","headers":{headers}}}"#));
        texts.map(String::into_bytes).collect()
    }

    pub(crate) fn aws_answers() -> Vec<Vec<u8>> {
        let good = "<?xml version=\"1.0\"?><GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
            <GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/web/s</Arn><UserId>AROA:s</UserId>\
            <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        let texts = [
            good.to_owned(),
            good.replace("<Account>", "<Account><!-- -->"),
            good.replace("123456789012</A", "<![CDATA[1]]></A"),
            good.replace("<Account>", "<Account>&#49;"),
            "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>a &amp; b</Message></Error></ErrorResponse>"
                .to_owned(),
        ];
        texts.map(String::into_bytes).to_vec()
    }

    pub(crate) fn discovery() -> Vec<Vec<u8>> {
        let issuers = ["https://issuer.example", "https://issuer.example/"];
        let keys =
            ["https://keys.example/jwks", "http://issuer.example/jwks", "https://127.0.0.1/", "file:///etc/passwd"];
        let texts = issuers.iter().flat_map(|issuer| {
            keys.iter().map(move |keys| {
                format!(
                    r#"{{"issuer":"{issuer}","jwks_uri":"{keys}","id_token_signing_alg_values_supported":["none"]}}"#
                )
            })
        });
        texts.map(String::into_bytes).collect()
    }

    pub(crate) fn networks() -> Vec<Vec<u8>> {
        let known =
            ["10.0.0.0/8", "127.0.0.1", "::1/128", "fd00::/8", "::ffff:10.0.0.0/104", "169.254.0.0/16", "10.0.0.1/8"];
        known.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    pub(crate) fn admin_bodies() -> Vec<Vec<u8>> {
        let known = [
            r#"{"resources":[{"kind":"Mapping","name":"ci/web","spec":{"provider":"github","match":{"a.b":[1]}}}],"dryRun":true,"prune":false,"project":"ci"}"#,
            r#"{"name":"ci/web","spec":{"provider":"github"},"enabled":false}"#,
            r#"{"kind":"provider","name":"github","revision":3}"#,
            r#"{"token":"eyJ","provider":"github","claims":{"sub":"web"}}"#,
            r#"{"claims":{"sub":"web"},"provider":"github","scope":"a b"}"#,
            r#"{"project":"ci","lifetime":900}"#,
            r#"{"dryRun":false,"purpose":"access"}"#,
            r#"{"mapping":"ci/web","claim":"repository"}"#,
            r#"{"change":{"apply":{"resources":[]}},"period":"7d","top":10}"#,
        ];
        known.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    pub(crate) fn admin_queries() -> Vec<Vec<u8>> {
        let known = [
            "event=exchange-denied&from=1800000000&page_size=10",
            "page_token=1.2.3&reason=no-mapping-matched",
            "1.2.3",
            "bWFwcGluZyAgY2kvd2Vi",
            "bWFwcGluZyBjaSBjaS93ZWI",
            "limit=1&before=4294967295.0.0&mapping=ci%2Fweb",
        ];
        known.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    pub(crate) fn configs() -> Vec<Vec<u8>> {
        let least = "public_url = \"https://accredit.example.org\"\n[public]\nlisten = \"127.0.0.1:7070\"\n[admin]\nsocket = \"a.sock\"\n\
            [store]\nurl = \"sqlite:accredit.db\"\n[keys]\nfile = \"kek\"\n";
        let more = [
            "[limits]\nmax_token_seconds = 600\nsource = { burst = 10, per_second = 1 }\n",
            "[fetch]\nallow = [\"10.0.0.0/8\"]\nproxy = { url = \"http://p:3128\", except = [\"10.1.0.0/16\"] }\n",
            "[metrics]\nlisten = \"127.0.0.1:9090\"\n[drain]\ndelay_seconds = 3\n",
            "",
        ];
        let texts = more.iter().map(|more| format!("{least}{more}"));
        let pages = fs::read_to_string(vectors().join("../docs/reference/config.md")).unwrap_or_default();
        let blocks = pages.split("```toml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()));
        texts.chain(blocks).map(String::into_bytes).collect()
    }

    pub(crate) fn pems() -> Vec<Vec<u8>> {
        let known = [
            "-----BEGIN CERTIFICATE-----\nMIIBAA==\n-----END CERTIFICATE-----\n",
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n",
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
            "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n-----BEGIN X\n",
        ];
        known.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    /// Head and body of each request of the transcripts.
    fn requests() -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        for path in under(&vectors().join("faces"), "http") {
            let text = fs::read_to_string(path).unwrap_or_default();
            for exchange in text.split("\n\n") {
                let sent: Vec<&str> =
                    exchange.lines().filter_map(|line| line.strip_prefix('>')).map(str::trim_start).collect();
                let Some(end) = sent.iter().position(|line| line.is_empty()) else { continue };
                let head = sent.get(1..end).unwrap_or_default().join("\n");
                let body = sent.get(end + 1..).unwrap_or_default().join("\n");
                found.push((head.into_bytes(), expanded(&body).into_bytes()));
            }
        }
        found
    }
}

fn tables(folder: &str) -> Vec<Table> {
    let texts = under(&vectors().join(folder), "toml").into_iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.filter_map(|text| text.parse().ok()).collect()
}

fn every_table(table: &Table, take: &mut dyn FnMut(&Table)) {
    take(table);
    for value in table.values() {
        match value {
            Value::Table(inner) => every_table(inner, take),
            Value::Array(items) => items.iter().filter_map(Value::as_table).for_each(|inner| every_table(inner, take)),
            _ => {}
        }
    }
}

/// Every file under a folder with that extension, in a fixed order.
fn under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(under(&path, extension));
        } else if path.extension().is_some_and(|seen| seen == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `<<1000*x>>` in a vector stands for a thousand `x`.
fn expanded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, unit)) = rest.split_once("<<") {
        let repeated = unit.split_once(">>").and_then(|(unit, after)| {
            let (count, unit) = unit.split_once('*')?;
            let count: usize = count.parse().ok()?;
            Some((unit.repeat(count.min(MOST_REPEATED / unit.len().max(1))), after))
        });
        out.push_str(before);
        match repeated {
            Some((repeated, after)) => {
                out.push_str(&repeated);
                rest = after;
            }
            None => {
                out.push_str("<<");
                rest = unit;
            }
        }
    }
    out + rest
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

/// Bytes. What is longer is refused by its length, which vectors show.
const MOST_REPEATED: usize = 40 * 1024;
