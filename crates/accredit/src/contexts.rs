//! Contexts: which servers one administers, and the logins there, in files that nobody else can read.
//!
//! A context is `contexts/NAME.json` (0600, in a folder of 0700) under the configuration folder; `current-context` beside it
//! names the one that verbs use by themselves. The name `local` always means the socket of a server on this machine.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use accredit_client::admin::AdminClient;
use accredit_client::login::{Keeping, Kept, Session};
use accredit_id::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::exit::{Complaint, Exit, Failure};
use crate::paths;
use crate::render::problem;

/// The name of the socket of a server on this machine.
pub(crate) const LOCAL: &str = "local";

/// The folder of contexts.
#[derive(Clone, Debug)]
pub(crate) struct Contexts {
    folder: PathBuf,
}

/// A server that one administers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Context {
    /// Its admin listener.
    pub(crate) url: String,
    /// PEM of certificates to trust beside the machine's own.
    #[serde(default)]
    pub(crate) ca: Option<PathBuf>,
    /// How one logs in there: `provider NAME`, `token file PATH`, `token`.
    pub(crate) login: String,
    /// The login; absent after `accredit logout`.
    #[serde(default)]
    pub(crate) session: Option<Kept>,
}

/// What is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'w> {
    url: &'w str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<&'w Path>,
    login: &'w str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'w Kept>,
}

/// Keeps the session of one context.
pub(crate) struct Keeper {
    pub(crate) contexts: Contexts,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) login: String,
}

// === impl Contexts ===

impl Contexts {
    /// The folder of the user who runs this.
    ///
    /// # Errors
    /// When the environment names no folder for configuration.
    pub(crate) fn of_user() -> Result<Self, Failure> {
        let folder = paths::config_folder().ok_or_else(|| {
            Failure::misused("configuration folder is not known: neither `XDG_CONFIG_HOME` nor `HOME` is set")
        })?;
        Ok(Self { folder })
    }

    /// Names of contexts, sorted, without `local`.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        let folder = self.folder.join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(unreadable("folder", &folder, &fault)),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".json").map(str::to_owned))
            .filter(|name| check_name(name).is_ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or others could read it too.
    pub(crate) fn read(&self, name: &str) -> Result<Context, Failure> {
        check_name(name)?;
        let path = self.path(name);
        let mut file = fs::File::open(&path).map_err(|fault| match fault.kind() {
            io::ErrorKind::NotFound => Failure::failed(format!("context `{name}` does not exist"))
                .hint("`accredit context list` lists them, `accredit login URL` makes one"),
            _ => unreadable("file", &path, &fault),
        })?;
        let mode = file.metadata().map_err(|fault| unreadable("file", &path, &fault))?.permissions().mode();
        if mode & 0o077 != 0 {
            let seen = mode & 0o777;
            let message = format!("file `{}` has mode {seen:o}, expected 600: others could be you", path.display());
            return Err(Failure::failed(message).hint(format!("chmod 600 {}", path.display())));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|fault| unreadable("file", &path, &fault))?;
        let text = Secret::new(text);
        serde_json::from_str(text.reveal()).map_err(|_| {
            Failure::failed(format!("file `{}` holds no context", path.display()))
                .hint(format!("accredit context delete {name}"))
        })
    }

    /// Forgets the login of one; the rest stays.
    ///
    /// # Errors
    /// As [`Contexts::read`], or when it cannot be written.
    pub(crate) fn log_out(&self, name: &str) -> Result<Context, Failure> {
        let context = self.read(name)?;
        let written = Written { url: &context.url, ca: context.ca.as_deref(), login: &context.login, session: None };
        self.write(name, &written).map_err(|fault| unwritable(&self.path(name), &fault))?;
        Ok(context)
    }

    /// Deletes one; if it was in use, none is.
    ///
    /// # Errors
    /// When there is none, or it cannot be deleted.
    pub(crate) fn delete(&self, name: &str) -> Result<(), Failure> {
        check_name(name)?;
        let path = self.path(name);
        fs::remove_file(&path).map_err(|fault| match fault.kind() {
            io::ErrorKind::NotFound => Failure::failed(format!("context `{name}` does not exist")),
            _ => unwritable(&path, &fault),
        })?;
        if self.current()?.as_deref() == Some(name) {
            self.set_current(LOCAL)?;
        }
        Ok(())
    }

    /// Which one verbs use by themselves, if it was said.
    ///
    /// # Errors
    /// When it was said and cannot be read.
    pub(crate) fn current(&self) -> Result<Option<String>, Failure> {
        let path = self.folder.join(CURRENT);
        match fs::read_to_string(&path) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty() && name != LOCAL)),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(unreadable("file", &path, &fault)),
        }
    }

    /// Says which one verbs use by themselves.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn set_current(&self, name: &str) -> Result<(), Failure> {
        let path = self.folder.join(CURRENT);
        self.replace(&path, format!("{name}\n").as_bytes()).map_err(|fault| unwritable(&path, &fault))
    }

    /// A client of the server of a context.
    ///
    /// # Errors
    /// As [`Contexts::read`], or when nobody is logged in.
    pub(crate) fn client(&self, name: &str) -> Result<AdminClient, Failure> {
        let Context { url, ca, login, session } = self.read(name)?;
        let session = session.ok_or_else(|| {
            let message = format!("context `{name}` is not logged in");
            let hint = Some(format!("accredit login {url} --context {name}"));
            Failure::many(Exit::Denied, vec![Complaint { message, hint }])
        })?;
        let roots = ca.as_deref().map(read_roots).transpose()?;
        let keeper = Keeper { contexts: self.clone(), name: name.to_owned(), url: url.clone(), ca, login };
        let session = Session::new(&url, roots.as_deref(), session, Box::new(keeper)).map_err(problem::login)?;
        Ok(AdminClient::remote(Arc::new(session)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(FOLDER).join(format!("{name}.json"))
    }

    fn write(&self, name: &str, written: &Written<'_>) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(written).map_err(io::Error::other)?;
        self.replace(&self.path(name), &text)
    }

    /// Whole or not at all, and never for a moment readable by others.
    fn replace(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

// === impl Keeper ===

impl Keeping for Keeper {
    fn keep(&self, kept: &Kept) -> io::Result<()> {
        let Self { contexts, name, url, ca, login } = self;
        contexts.write(name, &Written { url, ca: ca.as_deref(), login, session: Some(kept) })
    }

    fn platform_token(&self, path: &Path) -> io::Result<String> {
        let mut text = String::new();
        fs::File::open(path)?.take(TOKEN_CAP).read_to_string(&mut text)?;
        Ok(text)
    }
}

/// A context's name is a file's name: letters, digits, `-`, `_` and dots, beginning with a letter or digit.
///
/// # Errors
/// When it is none.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let begins = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    match begins && name.len() <= 100 && name.bytes().all(is_plain) && name != LOCAL {
        true => Ok(()),
        false if name == LOCAL => Err(Failure::misused("`local` is the socket of a server on this machine")),
        false => {
            Err(Failure::misused(format!("`{name}` is no context's name, expected letters, digits, `-`, `_` and dots")))
        }
    }
}

/// The certificates that a context trusts.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read_roots(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|fault| unreadable("file", path, &fault))
}

fn unreadable(what: &str, path: &Path, fault: &io::Error) -> Failure {
    Failure::failed(format!("{what} `{}` cannot be read: {fault}", path.display()))
}

fn unwritable(path: &Path, fault: &io::Error) -> Failure {
    Failure::failed(format!("file `{}` cannot be written: {fault}", path.display()))
}

const FOLDER: &str = "contexts";
const CURRENT: &str = "current-context";
/// Longer than any token that is accepted.
const TOKEN_CAP: u64 = 64 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use accredit_client::login::Evidence;

    fn keeper(folder: &Path, name: &str) -> Keeper {
        Keeper {
            contexts: Contexts { folder: folder.join("accredit") },
            name: name.to_owned(),
            url: "https://a.example.org:7443".to_owned(),
            ca: None,
            login: "token file /run/token".to_owned(),
        }
    }

    #[test]
    fn a_login_is_kept_where_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = keeper(folder.path(), "prod");
        let contexts = keeper.contexts.clone();
        assert_eq!(contexts.names().unwrap(), Vec::<String>::new());
        assert_eq!(contexts.current().unwrap(), None);
        let kept = Kept::of(Kept::new_seed().unwrap(), Evidence::File { path: "/run/token".into() });
        keeper.keep(&kept).unwrap();
        contexts.set_current("prod").unwrap();
        assert_eq!(
            (contexts.names().unwrap(), contexts.current().unwrap()),
            (vec!["prod".to_owned()], Some("prod".to_owned()))
        );
        let path = contexts.path("prod");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let read = contexts.read("prod").unwrap();
        assert!(read.session.is_some() && read.url == "https://a.example.org:7443");

        for open in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let failure = contexts.read("prod").err().unwrap().text();
            assert!(failure.contains("expected 600") && failure.contains("hint: chmod 600"), "{failure}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

        contexts.log_out("prod").unwrap();
        assert!(contexts.read("prod").unwrap().session.is_none());
        assert_eq!(contexts.client("prod").unwrap_err().exit(), Exit::Denied);
        contexts.delete("prod").unwrap();
        assert_eq!((contexts.names().unwrap(), contexts.current().unwrap()), (Vec::new(), None));
        assert!(contexts.read("prod").err().unwrap().text().contains("does not exist"));
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for good in ["prod", "a.example.org-7443", "A_1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "local", "../prod", "a/b", ".hidden", "-x", "a b", "a\n", "ü"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
