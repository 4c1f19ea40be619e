//! PostgreSQL's own programs, and who may run them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};

/// Where the programs are, and as whom they run: PostgreSQL refuses to run as root.
#[derive(Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    owner: Option<(u32, u32)>,
}

// === impl Programs ===

impl Programs {
    /// Finds the newest PostgreSQL of the machine. `None`, and said so, where there is none.
    pub(crate) fn find() -> Option<Self> {
        let newest = || {
            let versions = fs::read_dir(INSTALLED).ok()?.filter_map(Result::ok);
            let folders = versions.filter_map(|version| {
                let number: u32 = version.file_name().to_str()?.parse().ok()?;
                Some((number, version.path().join("bin")))
            });
            folders.filter(|(_, folder)| folder.join("initdb").exists()).max().map(|(_, folder)| folder)
        };
        let Some(folder) = newest() else {
            let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!in_ci, "there is no PostgreSQL under `{INSTALLED}`");
            eprintln!("skipped: there is no PostgreSQL under `{INSTALLED}`; install package `postgresql`");
            return None;
        };
        let owner = geteuid().is_root().then(|| {
            let user = ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten());
            let user = user.expect("a user other than root, to run PostgreSQL");
            (user.uid.as_raw(), user.gid.as_raw())
        });
        Some(Self { folder, owner })
    }

    /// A new folder for a server.
    pub(crate) fn folder(&self) -> PathBuf {
        let folder = tempfile::Builder::new().prefix("accredit-pg-").tempdir().unwrap().keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        self.own(&folder);
        folder
    }

    /// Gives a file to whoever runs the server.
    pub(crate) fn own(&self, path: &Path) {
        if let Some((user, group)) = self.owner {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// A program that runs as the server does.
    pub(crate) fn as_owner(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").current_dir("/");
        command
    }

    /// Runs one to its end; gives what it wrote.
    pub(crate) fn run<'a>(&self, program: &str, arguments: impl Iterator<Item = &'a str>) -> String {
        let ran = self.as_owner(self.path(program)).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "`{program}` failed: {said}{}", String::from_utf8_lossy(&ran.stderr));
        said
    }
}

const INSTALLED: &str = "/usr/lib/postgresql";
