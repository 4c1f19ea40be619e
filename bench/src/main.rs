//! Speed, against the bare ceiling: how much an exchange costs beyond verifying one token and signing another.
//!
//! `README.md` beside this says how to run it and what each figure means.

mod answer;
mod arguments;
mod attack;
mod cast;
mod ceiling;
mod contest;
mod documents;
mod door;
mod fault;
mod generator;
mod histogram;
mod issue;
mod issuer;
mod measure;
mod open_loop;
mod peers;
mod process;
mod proofs;
mod publisher;
mod report;
mod request;
mod results;
mod targets;
mod world;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures accredit against the bare ceiling
#[derive(Parser)]
#[command(name = "accredit-bench")]
enum Command {
    /// Measure exchanges, memory and start
    Exchange(contest::Arguments),
    /// Flood the server with bad tokens and see what is left for good ones
    Attack(attack::Arguments),
    /// Race Dex, Hydra and Keycloak
    Peers(peers::Arguments),
    /// Issue SVIDs, beside bare signatures and SPIRE
    Issue(issue::Arguments),
    /// Serve as the ceiling: verify, sign, nothing else
    Ceiling(ceiling::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Exchange(arguments) => contest::run(&arguments),
        Command::Attack(arguments) => attack::run(&arguments),
        Command::Peers(arguments) => peers::run(&arguments),
        Command::Issue(arguments) => issue::run(&arguments),
        Command::Ceiling(arguments) => ceiling::serve(arguments).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|fault| {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(std::io::stderr(), "error: {fault}");
        ExitCode::FAILURE
    })
}
