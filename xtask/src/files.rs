//! Files of the checkout: found in a fixed order, read with their name in the fault.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// Folders that hold what others wrote or what a build left behind.
const NOT_OURS: &[&str] = &["target", "node_modules", "__pycache__"];

/// Every file under `folder`, sorted by path, without hidden ones and [`NOT_OURS`]. No such folder: no files.
pub(crate) fn under(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&folder, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') || NOT_OURS.contains(&&*name) {
                continue;
            }
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a file; bytes that are not UTF-8 are replaced, for recorded input may hold any.
pub(crate) fn text(path: &Path) -> Result<String, Fault> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `path` as it is written in documents: relative to `root`, with `/`.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(format!("`{}` cannot be read: {error}", path.display()))
}
