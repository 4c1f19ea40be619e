//! The bench, built as it is shipped.

mod peers;

use std::process::ExitCode;

use crate::checkout::{self, Checkout};
use crate::fault::Fault;
use crate::run;

/// `cargo xtask bench ...`: hands its arguments to the bench, built with the `dist` profile. `--only` and `--alone` of races with
/// others are its own: who is left out is not installed either.
pub(crate) fn command(checkout: &Checkout, arguments: &[String]) -> Result<ExitCode, Fault> {
    let mut arguments = arguments.to_vec();
    if let Some(race) = arguments.first().cloned().filter(|name| name == "peers" || name == "issue") {
        let only = take_option(&mut arguments, "--only");
        if !take_flag(&mut arguments, "--alone") {
            arguments.extend(peers::install(checkout, &checkout::cache_folder()?, &race, only.as_deref())?);
        }
    }
    let mut server = checkout.cargo();
    server.args(["build", "--quiet", "--profile", "dist", "--package", "accredit"]);
    run::aloud(&mut server)?;
    let mut cargo = checkout.cargo();
    cargo.args(["run", "--quiet", "--profile", "dist", "--package", "accredit-bench", "--"]).args(arguments);
    run::aloud(&mut cargo).map(|()| ExitCode::SUCCESS)
}

/// Takes `NAME` out of the arguments; whether it was there.
fn take_flag(arguments: &mut Vec<String>, name: &str) -> bool {
    let before = arguments.len();
    arguments.retain(|argument| argument != name);
    arguments.len() < before
}

/// Takes `NAME VALUE` or `NAME=VALUE` out of the arguments.
fn take_option(arguments: &mut Vec<String>, name: &str) -> Option<String> {
    let place = arguments.iter().position(|argument| argument.split('=').next() == Some(name))?;
    let argument = arguments.remove(place);
    match argument.split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None if place < arguments.len() => Some(arguments.remove(place)),
        None => Some(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_taken_out_with_its_value() {
        for (line, value, rest) in [
            ("peers --only dex --quick", Some("dex"), "peers --quick"),
            ("peers --quick --only=dex,hydra", Some("dex,hydra"), "peers --quick"),
            ("peers --only", Some(""), "peers"),
            ("peers --quick", None, "peers --quick"),
        ] {
            let mut arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(take_option(&mut arguments, "--only").as_deref(), value, "{line}");
            assert_eq!(arguments.join(" "), rest, "{line}");
        }
    }
}
