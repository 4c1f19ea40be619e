//! The `accredit` command. It holds no logic of its own: it reads arguments, asks the other crates, writes text.

mod cli;
mod commands;
mod contexts;
mod documents;
mod exit;
mod help;
mod misuse;
mod moment;
mod paths;
mod render;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (mut out, mut err, mut input) = (std::io::stdout(), std::io::stderr(), std::io::stdin());
    let mut terminal = Terminal::new(&mut out, &mut err, &mut input, terminal::columns());
    ExitCode::from(run(std::env::args_os(), &mut terminal) as u8)
}

/// One command from its arguments to its exit code.
fn run(arguments: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> Exit {
    // Every TLS connection of this process uses this provider; a second one in the build would make rustls panic.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = match parse(arguments) {
        Ok(cli) => commands::run(cli, terminal),
        Err(error) => usage(&error, terminal),
    };
    match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            terminal.say(&failure.text());
            failure.exit()
        }
    }
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = help::command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// Help and version are results where they were asked for; anything else that the parser says is a misuse.
fn usage(error: &clap::Error, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    // Plain, without colour: what reads well without it reads well everywhere.
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            terminal.show(&text)?;
            Ok(Exit::Done)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            terminal.say(&text);
            Ok(Exit::Misused)
        }
        _ => Err(misuse::failure(error)),
    }
}
