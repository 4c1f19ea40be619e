//! What the project does to itself: `cargo xtask` without arguments prints the commands.
//!
//! Law: the standard library and serde_json, nothing of the house, so that a fresh machine has the tool within
//! seconds and a broken crate cannot keep it from saying so.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its standard streams")]

mod bench;
mod catalogue;
mod checkout;
mod endurance;
mod fault;
mod files;
mod fuzz;
mod generate;
mod house;
mod metadata;
mod run;
mod rust_files;
mod source;
mod test;

use std::env;
use std::process::ExitCode;

use checkout::Checkout;
use fault::Fault;

/// One thing that can be asked for.
struct Command {
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    /// A command that failed and said why already returns the code; a fault is still to be told.
    run: fn(&Checkout, &[String]) -> Result<ExitCode, Fault>,
}

/// Every command. What is not in the list does not exist.
const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        arguments: "[lint] [unit] [e2e] [fuzz] [interop]",
        help: "run every check and test, or the named parts; ends with one line of counts",
        run: test::command,
    },
    Command {
        name: "house",
        arguments: "",
        help: "check the dependency law and the hygiene of the house",
        run: house::command,
    },
    Command {
        name: "gen",
        arguments: "[--check]",
        help: "write every generated file, or fail when one is stale",
        run: generate::command,
    },
    Command {
        name: "interop",
        arguments: "",
        help: "run the clients that others wrote (the same as `test interop`)",
        run: |checkout, _| test::command(checkout, &["interop".to_owned()]),
    },
    Command {
        name: "fuzz",
        arguments: "[TARGET]... [--seconds N]",
        help: "look further for input that parsers should not take; 60 s a target",
        run: fuzz::command,
    },
    Command {
        name: "bench",
        arguments: "exchange|attack|peers|issue ...",
        help: "measure against the bare ceiling, under a flood, beside others, and of SVIDs; in the profile that is shipped",
        run: bench::command,
    },
    Command {
        name: "chaos",
        arguments: "[sqlite|postgres] [--seconds N] [--seed S]",
        help: "kill, pause and cut off servers under load, give them bad disks and clocks, and judge what they said",
        run: endurance::chaos,
    },
    Command {
        name: "soak",
        arguments: "[--minutes N]",
        help: "ask a server everything for long, and watch its memory",
        run: endurance::soak,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", table());
        return ExitCode::SUCCESS;
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: no command `{name}`\n\n{}", table());
        return ExitCode::from(2);
    };
    match Checkout::find().and_then(|checkout| (command.run)(&checkout, rest)) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> String {
    let line = |command: &Command| {
        let call = format!("{} {}", command.name, command.arguments);
        format!("  {call:<36} {}\n", command.help)
    };
    format!("cargo xtask COMMAND\n\n{}", COMMANDS.iter().map(line).collect::<String>())
}
