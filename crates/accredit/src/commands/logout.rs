//! `accredit logout`: forgets a login, its key first of all.

use crate::cli::{Common, Place};
use crate::contexts::Contexts;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// Forgets the login of the context in use. The token that is out ends within 15 minutes, and is worth nothing without the
/// key that is gone.
pub(crate) fn run(common: &Common, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Place::Context(name) = common.place()? else {
        return Err(Failure::misused("no context is in use: nobody is logged in at a server elsewhere"));
    };
    let context = Contexts::of_user()?.log_out(&name)?;
    match context.session {
        Some(_) => terminal.say(&format!("logged out of `{name}`\n")),
        None => terminal.say(&format!("`{name}` was not logged in\n")),
    }
    Ok(Exit::Done)
}
