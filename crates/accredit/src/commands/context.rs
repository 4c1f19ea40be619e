//! `accredit context`: the servers that one administers.

use accredit_client::inert::Inert;
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use crate::cli::Common;
use crate::contexts::{Context, Contexts, LOCAL};
use crate::exit::{Exit, Failure};
use crate::render::explanation::labelled;
use crate::render::table;
use crate::terminal::Terminal;

/// The servers that you administer, and which of them the verbs speak to
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// List contexts, the one in use marked
    List,
    /// Speak to this one from now on
    Use(Named),
    /// Forget one, its login and its key
    Delete(Named),
    /// Print one; nothing secret of it
    Show(Perhaps),
}

/// Which context.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// Its name; `local` is the socket of a server on this machine
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// Which context.
#[derive(Debug, clap::Args)]
pub(crate) struct Perhaps {
    /// Its name; the one in use when absent
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Does what the verb says.
pub(crate) fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let contexts = Contexts::of_user()?;
    match verb {
        Verb::List => list(common, &contexts, terminal),
        Verb::Use(Named { name }) => {
            if name != LOCAL {
                contexts.read(name)?;
            }
            contexts.set_current(name)?;
            terminal.say(&format!("using `{name}`\n"));
            Ok(Exit::Done)
        }
        Verb::Delete(Named { name }) => {
            contexts.delete(name)?;
            terminal.say(&format!("deleted `{name}`\n"));
            Ok(Exit::Done)
        }
        Verb::Show(Perhaps { name }) => show(common, &contexts, name.as_deref(), terminal),
    }
}

fn list(common: &Common, contexts: &Contexts, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let current = contexts.current()?.unwrap_or_else(|| LOCAL.to_owned());
    let socket = common.socket().map(|socket| socket.display().to_string()).unwrap_or_default();
    let mut told = vec![json!({"name": LOCAL, "url": socket, "login": "", "current": current == LOCAL})];
    for name in contexts.names()? {
        // One that cannot be read is listed all the same, so that it can be mended or deleted.
        let described = match contexts.read(&name) {
            Ok(context) => described(&name, &context, &current),
            Err(failure) => json!({
                "name": name, "url": "", "login": failure.text().lines().next().unwrap_or_default(),
                "current": name == current,
            }),
        };
        told.push(described);
    }
    if let Some(text) = common.output().structured(&told)? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let row = |value: &Value| {
        let mark = if value.get("current") == Some(&Value::Bool(true)) { "*" } else { "" };
        let login = match value.get("expiresAt").and_then(Value::as_str) {
            Some(_) => text(value, "login"),
            None if text(value, "name") == LOCAL => "socket".to_owned(),
            None if text(value, "login").starts_with("error:") => text(value, "login"),
            None => "logged out".to_owned(),
        };
        vec![mark.to_owned(), text(value, "name"), text(value, "url"), login]
    };
    let rows: Vec<_> = told.iter().map(row).collect();
    terminal.show(&table::table(&["", "NAME", "SERVER", "LOGIN"], &rows))?;
    Ok(Exit::Done)
}

fn show(
    common: &Common,
    contexts: &Contexts,
    name: Option<&str>,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let current = contexts.current()?.unwrap_or_else(|| LOCAL.to_owned());
    let name = name.map_or_else(|| common.context.clone().unwrap_or_else(|| current.clone()), str::to_owned);
    let described = match name.as_str() {
        LOCAL => json!({"name": LOCAL, "url": common.socket()?.display().to_string(), "current": current == LOCAL}),
        _ => described(&name, &contexts.read(&name)?, &current),
    };
    if let Some(text) = common.output().structured(&described)? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for (label, member) in
        [("name", "name"), ("server", "url"), ("ca", "ca"), ("login", "login"), ("token", "expiresAt")]
    {
        if let Some(value) = described.get(member).and_then(Value::as_str).filter(|value| !value.is_empty()) {
            let until = if member == "expiresAt" { "until " } else { "" };
            text.push_str(&labelled(label, &format!("{until}{}", Inert(value))));
        }
    }
    terminal.show(&text)?;
    Ok(Exit::Done)
}

/// Everything of a context but its secrets.
fn described(name: &str, context: &Context, current: &str) -> Value {
    let Context { url, ca, login, session } = context;
    json!({
        "name": name,
        "url": url,
        "ca": ca,
        "login": login,
        "current": name == current,
        "expiresAt": session.as_ref().map(|session| Timestamp::from_unix(session.expires_at()).to_string()),
    })
}
