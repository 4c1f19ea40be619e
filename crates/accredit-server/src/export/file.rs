//! A file of lines: appended to, synced, rotated by its size, and opened anew where somebody has renamed it.
//!
//! Only whole lines are in it. What a crash has left of a line is cut off before anything is written behind it: it was never
//! confirmed, and comes again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The file, open or not.
pub(super) struct LogFile {
    path: PathBuf,
    /// Begins a new file where the next lines would make it larger than so many bytes.
    largest: Option<u64>,
    /// How many old ones stay.
    keep: u32,
    open: Option<Open>,
}

struct Open {
    file: File,
    /// Whose name `path` was.
    device: u64,
    inode: u64,
    bytes: u64,
}

// === impl LogFile ===

impl LogFile {
    pub(super) fn new(path: PathBuf, largest: Option<u64>, keep: u32) -> Self {
        Self { path, largest, keep, open: None }
    }

    /// Appends lines; they are on the disk when it returns.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let done = self.try_to_append(lines);
        if done.is_err()
            && let Some(open) = self.open.take()
        {
            open.take_back();
        }
        done
    }

    /// Lets go of the file; the next lines open whatever bears its name by then.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    fn try_to_append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| !open.is_at(&self.path)) {
            self.open = None;
        }
        let bytes = match &self.open {
            Some(open) => open.bytes,
            None => self.open()?,
        };
        let is_full = self.largest.is_some_and(|largest| bytes > 0 && bytes + lines.len() as u64 > largest);
        if is_full {
            self.open = None;
            self.rotate()?;
            self.open()?;
        }
        let Some(open) = &mut self.open else { return Err(io::Error::other("file is not open")) };
        open.file.write_all(lines)?;
        open.file.sync_data()?;
        open.bytes += lines.len() as u64;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the room that owns this file")]
    fn open(&mut self) -> io::Result<u64> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&self.path)?;
        file.try_lock().map_err(|_| io::Error::other("another server writes this file"))?;
        let bytes = whole_lines(&mut file)?;
        let about = file.metadata()?;
        // A new name is on the disk once its folder is.
        if let Some(folder) = self.path.parent() {
            File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?.sync_all()?;
        }
        self.open = Some(Open { file, device: about.dev(), inode: about.ino(), bytes });
        Ok(bytes)
    }

    /// `audit.ndjson` becomes `audit.ndjson.1`, that `.2`, and so on.
    fn rotate(&self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..self.keep).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, numbered(1))
    }
}

// === impl Open ===

impl Open {
    /// Whether the name is still this file's.
    fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|about| (about.dev(), about.ino()) == (self.device, self.inode))
    }

    /// Cuts off what was not confirmed: whoever reads the file meanwhile, or renames it, should not have half a line. Where this
    /// fails as well, it is cut off when the file is opened again. A file that somebody else has cut is not made longer.
    fn take_back(self) {
        if self.file.metadata().is_ok_and(|about| about.len() > self.bytes) {
            let _ = self.file.set_len(self.bytes);
        }
    }
}

/// Cuts off what stands behind the last end of a line; gives the length.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut end = length;
    let mut chunk = vec![0; 64 * 1024];
    while end > 0 {
        let begin = end.saturating_sub(chunk.len() as u64);
        let part = &mut chunk[..(end - begin) as usize];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(part)?;
        if let Some(place) = part.iter().rposition(|byte| *byte == b'\n') {
            end = begin + place as u64 + 1;
            break;
        }
        end = begin;
    }
    if end < length {
        file.set_len(end)?;
        file.sync_data()?;
    }
    Ok(end)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and read files")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_renamed_file_is_left_and_a_new_one_begun() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("audit"), folder.path().join("old"));
        let mut file = LogFile::new(path.clone(), None, 10);
        file.append(b"one\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::rename(&path, &old).unwrap();
        file.append(b"two\n").unwrap();
        fs::remove_file(&path).unwrap();
        file.append(b"three\n").unwrap();
        file.close();
        file.append(b"four\n").unwrap();
        assert_eq!((text(&old).as_str(), text(&path).as_str()), ("one\n", "three\nfour\n"));
    }

    #[test]
    fn a_large_file_makes_way_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let mut file = LogFile::new(path.clone(), Some(8), 2);
        for line in ["aaaa\n", "bb\n", "cc\n", "dddddddddddddddd\n", "ee\n"] {
            file.append(line.as_bytes()).unwrap();
        }
        let numbered = |number: u32| text(&folder.path().join(format!("audit.{number}")));
        assert_eq!(
            (text(&path).as_str(), numbered(1).as_str(), numbered(2).as_str()),
            ("ee\n", "dddddddddddddddd\n", "cc\n")
        );
        assert!(!folder.path().join("audit.3").exists());
    }

    #[test]
    fn half_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        for (there, expected) in [("", ""), ("one\ntw", "one\n"), ("o", ""), ("one\n", "one\n")] {
            fs::write(&path, there).unwrap();
            LogFile::new(path.clone(), None, 10).append(b"two\n").unwrap();
            assert_eq!(text(&path), format!("{expected}two\n"), "{there:?}");
        }
        let long = format!("one\n{}", "x".repeat(200_000));
        fs::write(&path, long).unwrap();
        LogFile::new(path.clone(), None, 10).append(b"two\n").unwrap();
        assert_eq!(text(&path), "one\ntwo\n");
    }

    #[test]
    fn two_writers_are_one_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let (mut one, mut other) = (LogFile::new(path.clone(), None, 10), LogFile::new(path, None, 10));
        one.append(b"one\n").unwrap();
        assert!(other.append(b"two\n").unwrap_err().to_string().contains("another server writes this file"));
        one.close();
        other.append(b"two\n").unwrap();
    }
}
