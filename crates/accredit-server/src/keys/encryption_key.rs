//! The key-encryption key, and the places it may come from.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use accredit_id::hex;
use accredit_id::secret::Secret;
use aws_lc_rs::aead::LessSafeKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize as _;

use super::sealing::random_key;

/// The key that our keys are sealed under ([`KeyEncryptionKey::seal`]). It never enters the store or its backup: whoever has
/// only those has no key at all.
///
/// It is 32 random bytes, written as base64 (RFC 4648 section 4) with or without a line end.
pub(crate) struct KeyEncryptionKey {
    /// Four hexadecimal digits that tell this key from others and nothing more.
    pub(crate) id: String,
    pub(super) key: LessSafeKey,
}

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncryptionKeyFault {
    /// The file is not there, and was not to be made.
    #[error("key-encryption key file `{}` does not exist", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read, or made.
    #[error("key-encryption key file `{}` cannot be {deed}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `made`.
        deed: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// Others than its owner may read or write the file.
    #[error("key-encryption key file `{}` has mode {mode:03o}, expected 600", .path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// What is there is no key.
    #[error("key-encryption key from {origin} is {seen}, expected 32 bytes as base64")]
    Content {
        /// Where it came from.
        origin: String,
        /// What was seen; nothing of the content itself.
        seen: String,
    },
    /// The service has no credentials, or the name is no name.
    #[error("credential `{name}` cannot be read: {problem}")]
    Credential {
        /// Its name.
        name: String,
        /// Why not.
        problem: &'static str,
    },
    /// The command gave nothing.
    #[error("key-encryption key command `{program}` {problem}")]
    Command {
        /// The program.
        program: String,
        /// What happened.
        problem: String,
    },
    /// The cryptographic library refused to work.
    #[error("key-encryption key cannot be used")]
    Library,
}

// === impl KeyEncryptionKey ===

impl KeyEncryptionKey {
    /// A random key for this process alone: what it seals is lost when the process ends.
    pub(crate) fn in_memory() -> Result<Self, EncryptionKeyFault> {
        Self::from_bytes(&random_key()).map_err(|_| EncryptionKeyFault::Library)
    }

    /// The key in a file that its owner alone can read. With `may_create` a missing one is made, mode 0600 (and its folder,
    /// 0700): at once and whole, so that two servers that start together end up with the same key.
    pub(crate) fn from_file(path: &Path, may_create: bool) -> Result<Self, EncryptionKeyFault> {
        let fault = |deed| move |error| EncryptionKeyFault::File { path: path.to_owned(), deed, error };
        let mut file = match open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
                create(path).map_err(fault("made"))?;
                open(path).map_err(fault("read"))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EncryptionKeyFault::Missing(path.to_owned()));
            }
            opened => opened.map_err(fault("read"))?,
        };
        let metadata = file.metadata().map_err(fault("read"))?;
        if metadata.mode() & 0o077 != 0 {
            return Err(EncryptionKeyFault::OpenToOthers { path: path.to_owned(), mode: metadata.mode() & 0o777 });
        }
        let text = read_text(&mut file).map_err(fault("read"))?;
        Self::from_text(&text, || format!("file `{}`", path.display()))
    }

    /// The key in the systemd credential `name`, which lies in `folder` (the service manager's `$CREDENTIALS_DIRECTORY`). That
    /// folder is the service's own, so the mode of the file is the service manager's business.
    pub(crate) fn from_credential(name: &str, folder: Option<&Path>) -> Result<Self, EncryptionKeyFault> {
        let fault = |problem| EncryptionKeyFault::Credential { name: name.to_owned(), problem };
        if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
            return Err(fault("its name is not a plain file name"));
        }
        let folder = folder.ok_or_else(|| fault("`CREDENTIALS_DIRECTORY` is not set"))?;
        let mut file = open(&folder.join(name)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => fault("the service has no such credential"),
            _ => fault("its file does not open"),
        })?;
        let text = read_text(&mut file).map_err(|_| fault("its file cannot be read"))?;
        Self::from_text(&text, || format!("credential `{name}`"))
    }

    /// The key that a command prints. It has [`COMMAND_PATIENCE`] to do so, no input, and our standard error for its complaints.
    pub(crate) fn from_command(argv: &[String]) -> Result<Self, EncryptionKeyFault> {
        let program = argv.first().cloned().unwrap_or_default();
        let fault = |problem: String| EncryptionKeyFault::Command { program: program.clone(), problem };
        let [name, arguments @ ..] = argv else { return Err(fault("is empty".to_owned())) };
        let mut child = Command::new(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| fault(format!("does not start: {error}")))?;
        let (sender, printed) = mpsc::channel();
        if let Some(mut stdout) = child.stdout.take() {
            // Ends with the pipe; its answer may come too late for anybody to want it.
            std::thread::spawn(move || drop(sender.send(read_text(&mut stdout))));
        }
        let status =
            wait(&mut child, COMMAND_PATIENCE).map_err(|error| fault(format!("cannot be waited for: {error}")))?;
        let Some(status) = status else {
            return Err(fault(format!("did not end within {} s", COMMAND_PATIENCE.as_secs())));
        };
        let printed = printed.recv_timeout(Duration::from_secs(1));
        // Whoever prints more is not heard to the end, and may fail for that alone.
        if matches!(&printed, Ok(Ok(text)) if text.reveal().len() > TEXT_LIMIT) {
            return Err(fault(format!("printed more than {TEXT_LIMIT} bytes, expected a key and nothing else")));
        }
        if !status.success() {
            return Err(fault(format!("failed with {status}")));
        }
        let text = match printed {
            Ok(read) => read.map_err(|error| fault(format!("cannot be read from: {error}")))?,
            Err(_) => return Err(fault("left its output to another process that holds it open".to_owned())),
        };
        Self::from_text(&text, || format!("command `{program}`"))
    }

    fn from_text(text: &Secret<Vec<u8>>, origin: impl Fn() -> String) -> Result<Self, EncryptionKeyFault> {
        let content = |seen| EncryptionKeyFault::Content { origin: origin(), seen };
        if text.reveal().len() > TEXT_LIMIT {
            return Err(content(format!("more than {TEXT_LIMIT} bytes")));
        }
        let text = text.reveal().trim_ascii();
        if text.is_empty() {
            return Err(content("empty".to_owned()));
        }
        let decoded = STANDARD.decode(text).map(Secret::new);
        let decoded = decoded.map_err(|_| content(format!("{} bytes that are not base64", text.len())))?;
        let mut bytes = <[u8; 32]>::try_from(decoded.reveal().as_slice())
            .map_err(|_| content(format!("{} bytes", decoded.reveal().len())))?;
        let key = Self::from_bytes(&Secret::new(bytes));
        bytes.zeroize();
        key.map_err(|_| EncryptionKeyFault::Library)
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey").field("id", &self.id).finish_non_exhaustive()
    }
}

// === impl EncryptionKeyFault ===

impl EncryptionKeyFault {
    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(path) => {
                let path = path.display();
                Some(format!("restore it, or for a new store: (umask 077; head -c 32 /dev/urandom | base64 > {path})"))
            }
            Self::OpenToOthers { path, .. } => Some(format!("chmod 600 {}", path.display())),
            Self::Credential { name, .. } => Some(format!("add LoadCredential={name}:PATH to the unit")),
            Self::File { .. } | Self::Content { .. } | Self::Command { .. } | Self::Library => None,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the room that owns the key-encryption key's file")]
fn open(path: &Path) -> io::Result<File> {
    // A named pipe in the file's place would hang the start.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)
}

/// Makes the file whole under another name and links it in place; a link, unlike a renaming, never replaces.
#[expect(clippy::disallowed_methods, reason = "the room that owns the key-encryption key's file")]
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = folder.join(format!(".kek-{}", hex::encode(&crate::chance::bits()[..4])));
    let text = Secret::new(STANDARD.encode(random_key().reveal()) + "\n");
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
        file.write_all(text.reveal().as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        // Another server was faster: its key is the key.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&draft);
    linked?;
    removed?;
    File::open(folder)?.sync_all()
}

/// Waits for a child's end; `None` when it did not come in time and was brought about.
fn wait(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Reads a little text, and one byte more than that from whatever holds more; a key has 44 characters.
fn read_text(from: &mut impl Read) -> io::Result<Secret<Vec<u8>>> {
    // Room first, so that growing leaves no copy behind.
    let mut text = Vec::with_capacity(TEXT_LIMIT + 32);
    let read = from.take(TEXT_LIMIT as u64 + 1).read_to_end(&mut text);
    let text = Secret::new(text);
    read.map(|_| text)
}

/// How long a command may take to print the key.
const COMMAND_PATIENCE: Duration = Duration::from_secs(30);

const TEXT_LIMIT: usize = 4096;

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and write files")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    fn write(folder: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn text(byte: u8) -> String {
        STANDARD.encode([byte; 32])
    }

    fn message(outcome: Result<KeyEncryptionKey, EncryptionKeyFault>, folder: &TempDir) -> String {
        outcome.unwrap_err().to_string().replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_missing_file_is_made_once_whole_and_private() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("deep/er/kek");
        let fault = KeyEncryptionKey::from_file(&path, false).unwrap_err();
        assert!(matches!(fault, EncryptionKeyFault::Missing(_)) && fault.hint().unwrap().contains("restore it"));
        let ids: Vec<_> = std::thread::scope(|scope| {
            let start = |_| scope.spawn(|| KeyEncryptionKey::from_file(&path, true).unwrap().id.to_owned());
            let servers: Vec<_> = (0..8).map(start).collect();
            servers.into_iter().map(|server| server.join().unwrap()).collect()
        });
        let again = KeyEncryptionKey::from_file(&path, false).unwrap();
        assert!(ids.iter().all(|id| *id == again.id));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.path().join("deep/er")).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = TempDir::new().unwrap();
        for mode in [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o777] {
            let path = write(&folder, "kek", &text(1), mode);
            let fault = KeyEncryptionKey::from_file(&path, true);
            assert_eq!(
                message(fault, &folder),
                format!("key-encryption key file `kek` has mode {mode:03o}, expected 600")
            );
        }
        for mode in [0o600, 0o400] {
            assert!(KeyEncryptionKey::from_file(&write(&folder, "kek", &text(1), mode), true).is_ok());
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let folder = TempDir::new().unwrap();
        let cases = [
            ("", "is empty"),
            (" \n", "is empty"),
            ("hunter2hunter2", "is 14 bytes that are not base64"),
            ("aHVudGVyMg==", "is 7 bytes, expected 32 bytes as base64"),
            ("passwordpasswordpasswordpassword", "is 24 bytes, expected"),
        ];
        for (content, expected) in cases {
            let fault = message(KeyEncryptionKey::from_file(&write(&folder, "kek", content, 0o600), true), &folder);
            assert!(fault.starts_with("key-encryption key from file `kek` ") && fault.contains(expected), "{fault}");
            assert!(content.trim().is_empty() || !fault.contains(content));
        }
        let long = write(&folder, "kek", &text(1).repeat(1000), 0o600);
        assert!(
            message(KeyEncryptionKey::from_file(&long, true), &folder).contains("is more than 4096 bytes, expected 32")
        );
        let fault = message(KeyEncryptionKey::from_file(folder.path(), true), &folder);
        assert!(fault.ends_with("cannot be read: it is not a regular file"), "{fault}");
    }

    #[test]
    fn every_place_gives_the_same_key() {
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "kek", &format!("{}\r\n", text(1)), 0o600);
        let command = |program: &[&str]| {
            KeyEncryptionKey::from_command(&program.iter().map(|&part| part.to_owned()).collect::<Vec<_>>())
        };
        let file = KeyEncryptionKey::from_file(&path, false).unwrap();
        let credential = KeyEncryptionKey::from_credential("kek", Some(folder.path())).unwrap();
        let printed = command(&["cat", path.to_str().unwrap()]).unwrap();
        assert_eq!([&credential.id, &printed.id], [&file.id; 2]);
        assert_ne!(KeyEncryptionKey::in_memory().unwrap().id, "");
        assert_eq!(format!("{file:?}"), format!("KeyEncryptionKey {{ id: {:?}, .. }}", file.id));
        for (program, expected) in [
            (&[][..], "key-encryption key command `` is empty"),
            (&["/no/such/program"], "command `/no/such/program` does not start: "),
            (&["false"], "command `false` failed with exit status: 1"),
            (&["true"], "key-encryption key from command `true` is empty"),
            (&["yes"], "command `yes` printed more than 4096 bytes, expected a key and nothing else"),
            (&["head", "-c", "5000", "/dev/zero"], "command `head` printed more than 4096 bytes"),
            (&["echo", "hunter2"], "key-encryption key from command `echo` is 7 bytes that are not base64"),
        ] {
            assert!(message(command(program), &folder).contains(expected), "{}", message(command(program), &folder));
        }
        for (name, here, expected) in [
            ("kek", None, "`CREDENTIALS_DIRECTORY` is not set"),
            ("other", Some(folder.path()), "the service has no such credential"),
            ("../kek", Some(folder.path()), "its name is not a plain file name"),
            ("", Some(folder.path()), "its name is not a plain file name"),
        ] {
            let fault = message(KeyEncryptionKey::from_credential(name, here), &folder);
            assert_eq!(fault, format!("credential `{name}` cannot be read: {expected}"));
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(wait(&mut child, Duration::from_millis(20)).unwrap().is_none());
        assert!(child.try_wait().unwrap().is_some());
    }
}
