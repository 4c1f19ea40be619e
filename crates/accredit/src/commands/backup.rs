//! `accredit backup`: copies of the store, and stores made from them.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use accredit_client::inert::Inert;
use accredit_id::hex;
use accredit_id::time::Timestamp;
use accredit_server::{BackupFault, Inspected, Restored, restore_backup, verify_backup};
use serde_json::{Value, json};

use super::{audit, server};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{count, explanation::labelled};
use crate::terminal::Terminal;

/// Make backups of the store while it serves, look at them, and restore one
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// Write the running server's store into a file, as it is now; keys stay sealed, and what opens them is not in it
    Create(Create),
    /// Look whether a backup is whole, without any server: its digest, its audit log, every signed head
    Verify(Verify),
    /// Make a new store from a backup: keys and tokens of before count no more
    Restore(Restore),
}

/// Where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The file; it must not exist
    pub(crate) file: PathBuf,
}

/// What.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The backup
    pub(crate) file: PathBuf,
    /// Audit heads that were kept elsewhere (`accredit audit heads`)
    #[arg(long, value_name = "FILE")]
    pub(crate) heads: Option<PathBuf>,
    /// The server's configuration: its key-encryption key tells whether this server made the backup
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// From where, and to where.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// The server's configuration: it names the store, which must be empty, and the key-encryption key
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::Create(Create { file }) => create(common, file, terminal).await,
        Verb::Verify(Verify { file, heads, config }) => {
            verify(common, (file, heads.as_deref(), config.as_deref()), terminal)
        }
        Verb::Restore(Restore { file, config }) => restore(common, file, config.as_deref(), terminal).await,
    }
}

async fn create(common: &Common, file: &Path, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let admin = common.admin()?;
    let cannot = |error: &io::Error| Failure::failed(format!("file `{}` cannot be written: {error}", file.display()));
    if file.exists() {
        return Err(Failure::failed(format!("file `{}` exists", file.display())).hint("name another one"));
    }
    let mut draft = file.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let mut to = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let to = to.as_mut().map_err(|error| cannot(error))?;
    let taken = admin.backup(|piece| to.write_all(piece)).await;
    let whole = match taken {
        Ok(()) => to.sync_all().map_err(|error| cannot(&error)).and_then(|()| whole(&draft)),
        Err(fault) => Err(fault.into()),
    };
    let kept = whole.and_then(|backup| {
        // A link, unlike a renaming, never replaces.
        fs::hard_link(&draft, file).map_err(|error| cannot(&error))?;
        Ok(backup)
    });
    let _ = fs::remove_file(&draft);
    let backup = kept?;
    if let Some(folder) = file.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
    show(common, &backup, terminal)?;
    terminal
        .say("the key-encryption key is not in it: keep that key elsewhere, without it no backup can be restored\n");
    Ok(Exit::Done)
}

fn verify(
    common: &Common,
    (file, heads, config): (&Path, Option<&Path>, Option<&Path>),
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let heads = heads.map(audit::read_heads).transpose()?.unwrap_or_default();
    let config = config.map(|path| server::config_or_laptop(common, Some(path))).transpose()?;
    let backup = verify_backup(file, &heads, config.as_ref()).map_err(failure)?;
    show(common, &backup, terminal)?;
    let breaks = &backup.audit.breaks;
    for broken in breaks {
        terminal.say(&format!("broken   {}\n", Inert(&broken.to_string())));
    }
    match breaks.len() {
        0 => Ok(Exit::Done),
        places => Err(Failure::failed(format!(
            "audit log in the backup is not what was written, in {}",
            count(places, "place")
        ))),
    }
}

async fn restore(
    common: &Common,
    file: &Path,
    config: Option<&Path>,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let config = server::config_or_laptop(common, config)?;
    let restored = restore_backup(file, &config).await.map_err(failure)?;
    let Restored { backup, at, epoch } = &restored;
    let made_at = Timestamp::from_unix(backup.about.made_at).to_string();
    // Without who opens it and by which password: what is printed is kept, in a terminal's memory or a log.
    let told = json!({"restoredAt": at, "epoch": epoch, "store": config.store.shown(), "backup": described(backup)});
    match common.output().structured(&told)? {
        Some(text) => terminal.show(&text)?,
        None => {
            terminal.show(&rendered(backup))?;
            let store = config.store.shown();
            terminal.show(&labelled("store", &format!("{}   restored at {at}, epoch {epoch}", Inert(&store))))?;
        }
    }
    terminal.say(&format!(
        "\nwhat was done after {made_at} is not in this store:\n\
         \x20 resources that were disabled, deleted or narrowed since count again as they were\n\
         \x20 pins and audit records of that time are gone; heads that were kept elsewhere prove how many records\n\
         \x20 values that were erased since are there again: accredit audit erase\n\
         what was issued before {at} counts no more:\n\
         \x20 every signing key of the backup is out of use, new ones sign from now on\n\
         \x20 evidence that may be spent once is refused when it was issued before now\n\
         before clients come back: accredit diff -f FILES, accredit list mapping, accredit lint\n",
    ));
    Ok(Exit::Done)
}

fn whole(file: &Path) -> Result<Inspected, Failure> {
    verify_backup(file, &[], None).map_err(failure)
}

fn show(common: &Common, backup: &Inspected, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    match common.output().structured(&described(backup))? {
        Some(text) => terminal.show(&text),
        None => terminal.show(&rendered(backup)),
    }
}

fn described(backup: &Inspected) -> Value {
    let rows: serde_json::Map<_, _> =
        backup.rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
    let breaks: Vec<_> = backup.audit.breaks.iter().map(ToString::to_string).collect();
    json!({
        "madeAt": Timestamp::from_unix(backup.about.made_at).to_string(),
        "version": backup.about.version,
        "publicUrl": backup.about.public_url,
        "schema": backup.about.schema,
        "sequence": backup.about.sequence,
        "epoch": backup.epoch,
        "sha256": hex::encode(&backup.digest.sha256),
        "sealedBy": sealed_by(backup),
        "rows": rows,
        "audit": {
            "chains": backup.audit.chains, "batches": backup.audit.batches, "records": backup.audit.records,
            "heads": backup.audit.heads, "uncovered": backup.audit.uncovered, "erased": backup.audit.erased,
            "removed": backup.audit.removed, "breaks": breaks,
        },
    })
}

fn rendered(backup: &Inspected) -> String {
    let Inspected { about, digest, audit, .. } = backup;
    let made_at = Timestamp::from_unix(about.made_at);
    let rows = |name: &str| backup.rows.iter().find(|(table, _)| *table == name).map_or(0, |(_, rows)| *rows);
    let resources = usize::try_from(rows("resource")).unwrap_or(usize::MAX);
    let verdict = if audit.is_intact() { "whole" } else { "broken" };
    // Taken away by rule, and told apart from what is missing.
    let gone: String = [(audit.erased, "without its value"), (audit.removed, "removed")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!(", {count} {what}"))
        .collect();
    let log = format!(
        "{verdict}   {} in {}, {} by signed heads, {} behind the last one{gone}",
        count(usize::try_from(audit.records).unwrap_or(usize::MAX), "record"),
        count(usize::try_from(audit.chains).unwrap_or(usize::MAX), "chain"),
        count(usize::try_from(audit.heads).unwrap_or(usize::MAX), "place"),
        audit.uncovered,
    );
    [
        labelled(
            "backup",
            &format!("{}   made at {made_at} by version {}", Inert(&about.public_url), Inert(&about.version)),
        ),
        labelled("store", &format!("sequence {}   {}", about.sequence, count(resources, "resource"))),
        labelled("audit", &log),
        labelled("keys", &format!("sealed under {}, which is not in the backup", sealed_by(backup).join(", "))),
        labelled("sha256", &hex::encode(&digest.sha256)),
    ]
    .concat()
}

/// The ids of the key-encryption keys that a restore needs.
fn sealed_by(backup: &Inspected) -> Vec<String> {
    let mut ids: Vec<_> = backup.keys.iter().map(|key| key.kek_id.clone()).filter(|id| !id.is_empty()).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn failure(fault: BackupFault) -> Failure {
    let failure = Failure::named(&fault, fault.code());
    match fault.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
