//! The page of everyday failures, from the file that the end-to-end tests hold the product against.

use std::fmt::Write as _;

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::files;

const SOURCE: &str = "vectors/failures/everyday.txt";

const HEAD: &str = "\
<!-- Written by `cargo xtask gen` from vectors/failures/everyday.txt; do not edit. -->

# Everyday failures

What goes wrong for everybody once. Each line and hint below is what Accredit prints: tests provoke every failure with the
real binary and compare it with this page. Whoever is refused hears a code, one sentence and a decision id; whoever
operates the server reads the whole truth:

```
accredit decision dec_...
```

In what is quoted, `N` stands for a number, `TIME` for a time, `DEC` for a decision's id, `KEY` for a key's, `HEX` for the beginning of a digest.
";

/// One failure.
#[derive(Debug, Default, PartialEq, Eq)]
struct Failure<'t> {
    name: &'t str,
    title: &'t str,
    seen: &'t str,
    line: &'t str,
    hint: &'t str,
    text: Vec<&'t str>,
    later: &'t str,
}

/// The text of `docs/guides/troubleshooting.md`.
pub(super) fn text(checkout: &Checkout) -> Result<String, Fault> {
    let source = files::text(&checkout.root().join(SOURCE))?;
    let failures = read(&source)?;
    let mut page = HEAD.to_owned();
    for failure in failures.iter().filter(|failure| failure.later.is_empty()) {
        page.push_str(&section(failure));
    }
    page.push_str("\n## Not possible yet\n\nThese join the page together with what they are about.\n\n| failure | comes with |\n|---|---|\n");
    for Failure { title, later, .. } in failures.iter().filter(|failure| !failure.later.is_empty()) {
        let _ = writeln!(page, "| {title} | {later} |");
    }
    Ok(page)
}

fn section(failure: &Failure<'_>) -> String {
    let Failure { name: _, title, seen, line, hint, text, later: _ } = failure;
    let told = match *seen {
        "decision" => {
            let hint = if hint.is_empty() { String::new() } else { format!("         hint: {hint}\n") };
            format!("$ accredit decision dec_...\n         {line}\n{hint}")
        }
        verb => {
            let typed = if *seen == "apply" { "apply -f web.yaml" } else { verb };
            let hint = if hint.is_empty() { String::new() } else { format!("hint: {hint}\n") };
            format!("$ accredit {typed}\nerror: {line}\n{hint}")
        }
    };
    let shown =
        ["N", "DEC", "KEY", "TIME", "HEX"].iter().fold(told, |told, hole| told.replace(&format!("[{hole}]"), hole));
    format!("\n## {title}\n\n```\n{shown}```\n\n{}\n", text.join("\n"))
}

fn read(source: &str) -> Result<Vec<Failure<'_>>, Fault> {
    let mut failures: Vec<Failure<'_>> = Vec::new();
    for (number, line) in source.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let misplaced = || Fault::new(format!("{SOURCE}:{} is not `NAME  VALUE` of a failure", number + 1));
        let (member, value) = line.split_once(' ').ok_or_else(misplaced)?;
        let value = value.trim();
        if member == "=" {
            failures.push(Failure { name: value, ..Failure::default() });
            continue;
        }
        let failure = failures.last_mut().ok_or_else(misplaced)?;
        match member {
            "title" => failure.title = value,
            "seen" => failure.seen = value,
            "line" => failure.line = value,
            "hint" => failure.hint = value,
            "text" => failure.text.push(value),
            "later" => failure.later = value,
            _ => return Err(misplaced()),
        }
    }
    let is_whole = |failure: &Failure<'_>| {
        let told = !failure.seen.is_empty() && !failure.line.is_empty() && !failure.text.is_empty();
        !failure.title.is_empty() && told == failure.later.is_empty()
    };
    match failures.iter().find(|failure| !is_whole(failure)) {
        Some(failure) => Err(Fault::new(format!("{SOURCE}: `{}` is neither told nor later", failure.name))),
        None if failures.is_empty() => Err(Fault::new(format!("{SOURCE} has no failure"))),
        None => Ok(failures),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_or_comes_later() {
        let read_one = "# about\n\n= a\ntitle  A b\nseen   apply\nline   x [N]\nhint   y\ntext   Do z.\n\n= b\ntitle  B\nlater  c\n";
        let failures = read(read_one).unwrap();
        assert_eq!((failures.len(), failures[0].line, failures[1].later), (2, "x [N]", "c"));
        assert_eq!(
            section(&failures[0]),
            "\n## A b\n\n```\n$ accredit apply -f web.yaml\nerror: x N\nhint: y\n```\n\nDo z.\n"
        );
        for wrong in
            ["", "= a\ntitle b\n", "title a\n", "= a\ntitle b\nseen x\nline y\nlater z\ntext t\n", "= a\nx y\n"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
