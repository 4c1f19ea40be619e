//! `accredit audit heads`: what proves a log, kept where whoever rewrites the log cannot write.
//!
//! A line a head: chain, number of its last batch, hash, when it was signed, key, signature; hexadecimal, with blanks between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use accredit_api::admin::{AuditHead, AuditHeadList};
use accredit_server::{SignedHead, signed_head};

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::count;
use crate::terminal::Terminal;

/// Prints them, or appends those that are new.
pub(super) async fn run(common: &Common, append: Option<&Path>, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Some(file) = append else {
        let list = AuditHeadList { heads: from(common, i64::MIN).await? };
        match common.output().structured(&list)? {
            Some(text) => terminal.show(&text)?,
            None => terminal.show(&list.heads.iter().map(|head| line(head) + "\n").collect::<String>())?,
        }
        return Ok(Exit::Done);
    };
    let cannot =
        |error: std::io::Error| Failure::failed(format!("file `{}` cannot be written: {error}", file.display()));
    let known: BTreeSet<String> = match fs::read_to_string(file) {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
        Err(error) => return Err(cannot(error)),
    };
    let newest = known.iter().filter_map(|line| Some(parse(line)?.signed_at)).max();
    let heads = from(common, newest.unwrap_or(i64::MIN)).await?;
    let new: Vec<String> = heads.iter().map(line).filter(|line| !known.contains(line)).collect();
    let mut to = fs::OpenOptions::new().create(true).append(true).open(file).map_err(cannot)?;
    let text: String = new.iter().map(|line| format!("{line}\n")).collect();
    to.write_all(text.as_bytes()).and_then(|()| to.sync_all()).map_err(cannot)?;
    terminal.say(&format!("{} added to `{}`\n", count(new.len(), "head"), file.display()));
    Ok(Exit::Done)
}

/// Everything that was signed then or later.
async fn from(common: &Common, mut from: i64) -> Result<Vec<AuditHead>, Failure> {
    let admin = common.admin()?;
    let mut all: Vec<AuditHead> = Vec::new();
    loop {
        let page = admin.audit_heads(from).await?.heads;
        let before = all.len();
        // Those of the second in which the last page ended come again.
        let known: BTreeSet<String> = all.iter().rev().take_while(|head| head.signed_at >= from).map(line).collect();
        all.extend(page.into_iter().filter(|head| !known.contains(&line(head))));
        match all.last() {
            Some(last) if all.len() > before && last.signed_at > from => from = last.signed_at,
            _ => return Ok(all),
        }
    }
}

/// Reads the heads of a file, to be sent to a server: of each chain the newest one of each day. It proves all before it, and one
/// a minute would outgrow a request within half a year.
pub(super) fn wire(file: &Path) -> Result<Vec<AuditHead>, Failure> {
    all(file).map(newest_of_each_day)
}

fn newest_of_each_day(heads: Vec<AuditHead>) -> Vec<AuditHead> {
    let mut newest = BTreeMap::<_, AuditHead>::new();
    for head in heads {
        let day = head.signed_at.div_euclid(SECONDS_OF_A_DAY);
        let is_older = |kept: &AuditHead| (kept.batch, kept.signed_at) < (head.batch, head.signed_at);
        if newest.get(&(day, head.chain.clone())).is_none_or(is_older) {
            newest.insert((day, head.chain.clone()), head);
        }
    }
    newest.into_values().collect()
}

fn all(file: &Path) -> Result<Vec<AuditHead>, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("file `{}` cannot be read: {error}", file.display())))?;
    let mut heads = Vec::new();
    for (number, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let bad = || {
            let place = format!("{}:{}", file.display(), number + 1);
            Failure::failed(format!("`{place}` is no audit head")).hint("`accredit audit heads` prints them")
        };
        heads.push(parse(text).ok_or_else(bad)?);
    }
    Ok(heads)
}

/// Reads the heads of a file, to be compared here.
pub(crate) fn read(file: &Path) -> Result<Vec<SignedHead>, Failure> {
    let bad = || Failure::failed(format!("file `{}` holds no audit heads", file.display()));
    all(file)?.iter().map(|head| signed_head(head).ok_or_else(bad)).collect()
}

fn line(head: &AuditHead) -> String {
    let AuditHead { chain, batch, hash, signed_at, key, signature } = head;
    format!("{chain} {batch} {hash} {signed_at} {key} {signature}")
}

fn parse(text: &str) -> Option<AuditHead> {
    let mut words = text.split(' ').map(str::to_owned);
    let head = AuditHead {
        chain: words.next()?,
        batch: words.next()?.parse().ok()?,
        hash: words.next()?,
        signed_at: words.next()?.parse().ok()?,
        key: words.next()?,
        signature: words.next()?,
    };
    words.next().is_none().then_some(head).filter(|head| signed_head(head).is_some())
}

const SECONDS_OF_A_DAY: i64 = 86_400;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// A year of them, one a minute and some of a second chain, fits into a request.
    #[test]
    fn the_newest_head_of_each_day_is_sent() {
        let head = |chain: &str, batch: i64, signed_at: i64| AuditHead {
            chain: chain.repeat(16),
            batch,
            hash: "0c".repeat(32),
            signed_at,
            key: "kid".to_owned(),
            signature: "ff".repeat(64),
        };
        let minutes = 365 * 24 * 60;
        let mut heads: Vec<_> = (0..minutes).map(|minute| head("ab", minute + 1, 60 * minute)).collect();
        heads.insert(0, head("cd", 9, 86_400 + 7));
        heads.push(head("cd", 8, 86_400 + 9));
        let sent = newest_of_each_day(heads);
        assert_eq!(sent.len(), 366);
        assert_eq!((sent[0].batch, sent[364].batch, sent[365].batch), (1440, 364 * 1440, minutes));
        assert!(sent.contains(&head("cd", 9, 86_400 + 7)));
    }

    #[test]
    fn lines_are_read_back() {
        let text = format!("{} 7 {} 1800000000 kid {}", "ab".repeat(16), "0c".repeat(32), "ff".repeat(64));
        let head = parse(&text).unwrap();
        assert_eq!(line(&head), text);
        assert_eq!(signed_head(&head).unwrap().head.number, 7);
        for bad in [
            "",
            "ab 7 cd 1 kid ef",
            &text.replace(" 7 ", " x "),
            &format!("{text} more"),
            &text.replace("abab", "ab"),
            &text.replace("abab", "ABAB"),
            &text.replace("0c0c", "0\u{e9}c"),
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
