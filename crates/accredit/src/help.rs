//! The help page: the verbs in groups, each with its sentence, and what a newcomer types first.

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// The command line with its help page.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let page = page(&command);
    command.help_template(page)
}

struct Group {
    heading: &'static str,
    verbs: &'static [&'static str],
    /// What follows the group's verbs.
    note: &'static str,
}

const GROUPS: &[Group] = &[
    Group { heading: "Run", verbs: &["server", "demo", "backup", "store"], note: "" },
    Group { heading: "Sets of resources", verbs: &["init", "apply", "diff", "export", "lint"], note: "" },
    Group { heading: "Ask", verbs: &["explain", "decision", "audit", "alarm", "key", "status"], note: "" },
    Group { heading: "Use", verbs: &["svid"], note: "" },
    Group { heading: "Servers elsewhere", verbs: &["login", "logout", "whoami", "context", "token"], note: "" },
    Group {
        heading: "Single resources",
        verbs: &[
            "project",
            "provider",
            "service-account",
            "api",
            "role",
            "grant",
            "mapping",
            "administrator",
            "trust-domain",
            "federation",
            "cluster",
            "config",
            "ci-cd",
        ],
        note: "    each with   list | get NAME | create NAME FIELD=VALUE ... | update NAME FIELD=VALUE ...
                delete NAME | enable NAME | disable NAME
    or verb first: accredit list mapping, accredit get mapping ci/web-main\n
  What the server owns is called NAME, what a project owns PROJECT/NAME; ids work wherever names do.
",
    },
];

/// Verbs that stand in a group's note or explain themselves.
#[cfg(test)]
const UNLISTED: &[&str] =
    &["list", "get", "create", "update", "delete", "enable", "disable", "help", "openapi", "metrics-reference"];

const FIRST_STEPS: &str = "\
First steps
  accredit demo
  accredit server
  accredit init github --repository OWNER/REPO --ref main --api URL --permission NAME > web.yaml
  accredit apply -f web.yaml --dry-run
  accredit explain --token FILE --service-account ci/REPO

Exit codes
  0 done   1 failed   2 misused   3 denied   4 unavailable, try again
";

fn page(command: &Command) -> String {
    let mut groups = String::new();
    for Group { heading, verbs, note } in GROUPS {
        let lines: Vec<String> = verbs.iter().filter_map(|verb| line(command, verb)).collect();
        if !lines.is_empty() {
            groups.push_str(&format!("{heading}\n{}{note}\n", lines.concat()));
        }
    }
    format!(
        "{{about}}\n\nUsage: accredit VERB [OPTIONS]\n\n{groups}{FIRST_STEPS}\nOptions of every verb\n{{options}}\n"
    )
}

fn line(command: &Command, verb: &str) -> Option<String> {
    let about = command.find_subcommand(verb)?.get_about().map(ToString::to_string).unwrap_or_default();
    Some(format!("  {verb:<17} {about}\n"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_place_and_sentence() {
        let command = command();
        command.clone().debug_assert();
        for verb in command.get_subcommands() {
            let name = verb.get_name();
            let listed = GROUPS.iter().any(|group| group.verbs.contains(&name)) || UNLISTED.contains(&name);
            assert!(listed, "`{name}` is in no group of the help page");
            assert!(verb.get_about().is_some(), "`{name}` has no sentence");
        }
    }

    #[test]
    fn the_page_fits_a_terminal() {
        let page = command().render_help().to_string();
        for line in page.lines() {
            assert!(line.chars().count() <= 110, "{line}");
        }
        assert!(page.lines().count() <= 72, "{page}");
        assert!(page.lines().any(|line| line.starts_with("  apply")));
        let noun = command().find_subcommand("mapping").unwrap().clone().render_help().to_string();
        assert!(noun.contains("disable"), "{noun}");
    }
}
