//! `accredit store`: what is done to a store while no server runs on it.

use accredit_server::Moved;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::count;
use crate::terminal::Terminal;

/// Move the store to another database
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// Copy a store into an empty one, and verify the audit log on both sides
    Copy(Copy),
}

/// From where to where.
#[derive(Debug, clap::Args)]
pub(crate) struct Copy {
    /// The store that is copied: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(value_name = "FROM")]
    from: String,
    /// The store that it is copied to, which must be empty
    #[arg(value_name = "TO")]
    to: String,
}

/// Copies. No server may run on either store.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Verb::Copy(Copy { from, to }) = verb;
    let moved = accredit_server::move_store(from, to).await.map_err(|fault| {
        let failure = Failure::named(&fault, Some(fault.code()));
        match fault.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    match common.output().structured(&told(&moved))? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&in_words(&moved))?,
    }
    Ok(Exit::Done)
}

fn told(moved: &Moved) -> Value {
    let tables: serde_json::Map<String, Value> =
        moved.copied.tables.iter().map(|(name, rows)| (name.clone(), json!(rows))).collect();
    let verified = &moved.verified;
    json!({
        "rows": tables,
        "audit": {
            "chains": verified.chains, "batches": verified.batches, "records": verified.records, "heads": verified.heads,
        },
    })
}

fn in_words(moved: &Moved) -> String {
    let rows: u64 = moved.copied.tables.iter().map(|(_, rows)| rows).sum();
    let verified = &moved.verified;
    let counted = |number: u64, what| count(usize::try_from(number).unwrap_or(usize::MAX), what);
    format!(
        "copied {}; the audit log is the same on both sides: {}, {}, {} verified\n",
        counted(rows, "row"),
        counted(verified.chains, "chain"),
        counted(verified.records, "record"),
        counted(verified.heads, "signed head"),
    )
}
