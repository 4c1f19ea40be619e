//! The starters on the pages of the providers: whoever types what a page says gets what the page shows.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::Path;
use std::process::Command;

use accredit_core::providers::KINDS;

#[test]
fn every_starter_prints_what_its_page_shows() {
    let mut failures = Vec::new();
    let mut played = 0;
    for kind in KINDS.iter().map(|kind| kind.name) {
        let page = std::fs::read_to_string(repository(&format!("docs/providers/{kind}.md"))).unwrap();
        let starters = starters(&page);
        if !starters.iter().any(|(typed, _)| typed.starts_with(&format!("accredit init {kind} "))) {
            failures.push(format!("docs/providers/{kind}.md: shows no `accredit init {kind}` with what it prints"));
        }
        for (typed, shown) in starters {
            played += 1;
            failures.extend(play(&typed, &shown).err().map(|seen| format!("docs/providers/{kind}.md: {seen}")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(played >= KINDS.len());
}

/// Each `accredit init` of a page with the block that follows it.
fn starters(page: &str) -> Vec<(String, String)> {
    let blocks: Vec<(&str, &str)> = page
        .split("\n```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap_or_else(|| panic!("a block that does not begin: {block}")))
        .collect();
    let pairs = blocks.windows(2).filter_map(|pair| match pair {
        [("sh", typed), ("yaml", shown)] => Some(((*typed).to_owned(), format!("{shown}\n"))),
        _ => None,
    });
    pairs.filter(|(typed, _)| typed.starts_with("accredit init ")).collect()
}

/// Types it into a shell, a cluster's key set standing in for what `kubectl` would print.
fn play(typed: &str, shown: &str) -> Result<(), String> {
    let keys = repository("vectors/providers/kubernetes/jwks/cluster.json");
    let typed = typed.replace("<(kubectl get --raw /openid/v1/jwks)", &keys);
    let folder = Path::new(env!("CARGO_BIN_EXE_accredit")).parent().unwrap();
    let output = Command::new("/bin/sh").arg("-c").arg(&typed).env_clear().env("PATH", folder).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    match output.status.success() && stdout == shown {
        true => Ok(()),
        false => Err(format!("{typed}\nprints\n{stdout}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn repository(path: &str) -> String {
    format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))
}
