//! What the command line takes from the environment: where the admin socket is, and how wide a line may be.

use std::ffi::OsString;
use std::path::PathBuf;

/// Names the admin socket where `--socket` does not.
pub(crate) const SOCKET_VARIABLE: &str = "ACCREDIT_ADMIN_SOCKET";

/// Names the context where `--context` does not.
pub(crate) const CONTEXT_VARIABLE: &str = "ACCREDIT_CONTEXT";

/// Names the server's public URL where `--server` does not.
pub(crate) const SERVER_VARIABLE: &str = "ACCREDIT_SERVER";

/// Where a server without configuration puts its admin socket, and where every verb looks for it.
///
/// `$XDG_RUNTIME_DIR/accredit/admin.sock`, else `$HOME/.local/share/accredit/run/admin.sock`; `None` when neither
/// variable holds an absolute path.
pub(crate) fn default_socket() -> Option<PathBuf> {
    socket_below(std::env::var_os("XDG_RUNTIME_DIR"), std::env::var_os("HOME"))
}

/// Where a server without configuration keeps its store: `$XDG_DATA_HOME/accredit`, else `$HOME/.local/share/accredit`.
pub(crate) fn data_folder() -> Option<PathBuf> {
    folder_below(std::env::var_os("XDG_DATA_HOME"), ".local/share")
}

/// Where it keeps its key-encryption key, apart from what it encrypts: `$XDG_CONFIG_HOME/accredit`, else
/// `$HOME/.config/accredit`.
pub(crate) fn config_folder() -> Option<PathBuf> {
    folder_below(std::env::var_os("XDG_CONFIG_HOME"), ".config")
}

fn folder_below(named: Option<OsString>, usual: &str) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute(named).or_else(|| Some(absolute(std::env::var_os("HOME"))?.join(usual)));
    folder.map(|folder| folder.join("accredit"))
}

/// The socket that [`SOCKET_VARIABLE`] names. Empty counts as unset.
pub(crate) fn socket_variable() -> Option<PathBuf> {
    std::env::var_os(SOCKET_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The context that [`CONTEXT_VARIABLE`] names. Empty counts as unset.
pub(crate) fn context_variable() -> Option<String> {
    std::env::var(CONTEXT_VARIABLE).ok().filter(|name| !name.is_empty())
}

/// The public URL that [`SERVER_VARIABLE`] names. Empty counts as unset.
pub(crate) fn server_variable() -> Option<String> {
    std::env::var(SERVER_VARIABLE).ok().filter(|url| !url.is_empty())
}

/// The program that opens addresses, where `BROWSER` names one.
pub(crate) fn browser() -> Option<OsString> {
    std::env::var_os("BROWSER").filter(|program| !program.is_empty())
}

/// The columns that `COLUMNS` names.
pub(crate) fn columns() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}

/// A relative `XDG_RUNTIME_DIR` is to be ignored (XDG Base Directory Specification), and so is a relative home.
fn socket_below(runtime: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    match absolute(runtime) {
        Some(folder) => Some(folder.join("accredit/admin.sock")),
        None => Some(absolute(home)?.join(".local/share/accredit/run/admin.sock")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_folder_comes_first() {
        for (runtime, home, socket) in [
            (Some("/run/user/7"), Some("/home/ada"), Some("/run/user/7/accredit/admin.sock")),
            (None, Some("/home/ada"), Some("/home/ada/.local/share/accredit/run/admin.sock")),
            (Some(""), Some("/home/ada"), Some("/home/ada/.local/share/accredit/run/admin.sock")),
            (Some("run"), Some("/home/ada"), Some("/home/ada/.local/share/accredit/run/admin.sock")),
            (None, Some("home"), None),
            (None, None, None),
        ] {
            let found = socket_below(runtime.map(OsString::from), home.map(OsString::from));
            assert_eq!(found, socket.map(PathBuf::from), "{runtime:?} {home:?}");
        }
    }
}
