//! The documents of `-f`: files, folders, stdin, and where in them each resource is written.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use accredit_api::admin::{ApplyRequest, Finding, Resource};
use accredit_api::problem::{Fault, Problem};
use accredit_core::model::Document;
use accredit_core::model::yaml::{self, Located};
use serde_json::Value;

use crate::exit::{Complaint, Exit, Failure};
use crate::render::problem;
use crate::terminal::Terminal;

/// Documents in the order in which they were read.
pub(crate) struct Documents {
    located: Vec<Located>,
    /// The files as options: ` -f web.yaml`.
    named: String,
    /// Places in `located` by kind and name.
    places: HashMap<(String, String), usize>,
}

/// Which documents.
#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    /// A YAML or JSON file, a folder of them, or `-` for stdin; may be repeated
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

// === impl Documents ===

impl Documents {
    /// Reads them all; a folder gives its `.yaml`, `.yml` and `.json` files and those of its folders, sorted by path.
    ///
    /// # Errors
    /// What cannot be read, and every document that is no document, with file and line.
    pub(crate) fn read(files: &Files, terminal: &mut Terminal<'_>) -> Result<Self, Failure> {
        let mut located = Vec::new();
        let mut complaints = Vec::new();
        for (name, text) in texts(&files.files, terminal)? {
            match yaml::parse(&name, &text) {
                Ok(documents) => located.extend(documents),
                Err(faults) => complaints
                    .extend(faults.into_iter().map(|fault| Complaint { message: fault.to_string(), hint: None })),
            }
        }
        match (complaints.is_empty(), located.is_empty()) {
            (false, _) => Err(Failure::many(Exit::Failed, complaints)),
            // Above all not with --prune, where an empty set would mean: delete everything.
            (true, true) => Err(Failure::failed("no document in the files given")),
            (true, false) => Ok(Self::of(located, files)),
        }
    }

    /// The request that brings them into force.
    pub(crate) fn request(&self, dry_run: bool, prune: bool, project: Option<&str>) -> ApplyRequest {
        let resource = |located: &Located| {
            let document = located.document.clone();
            Resource {
                kind: document.kind,
                name: document.name,
                id: document.id,
                enabled: document.enabled,
                revision: None,
                spec: document.spec,
            }
        };
        let resources = self.located.iter().map(resource).collect();
        ApplyRequest { resources, dry_run, prune, project: project.map(str::to_owned) }
    }

    /// The failure of a refused request, each fault at its file and line.
    pub(crate) fn refused(&self, problem: Problem) -> Failure {
        problem::refused(problem, |fault: &Fault| {
            let located = self.located.get(fault.document)?;
            Some(format!("{}:{}", located.file, located.line_of(&fault.field)))
        })
    }

    /// What prints all that the linter says of these documents: of those in force, or where they are not, of the files.
    pub(crate) fn lint_command(&self, dry_run: bool) -> String {
        match dry_run {
            true => format!("accredit lint{}", self.named),
            false => "accredit lint".to_owned(),
        }
    }

    /// Where the resource of a finding is written: `web.yaml:31`.
    pub(crate) fn place_of(&self, finding: &Finding) -> Option<String> {
        let located = self.find(&finding.kind, &finding.name)?;
        Some(format!("{}:{}", located.file, located.line_of("")))
    }

    /// Where the field of a finding is written, by file and line.
    pub(crate) fn field_of(&self, finding: &Finding) -> Option<(String, usize)> {
        let located = self.find(&finding.kind, &finding.name)?;
        Some((located.file.clone(), located.line_of(&finding.field)))
    }

    /// Every document, in the order in which they were read.
    pub(crate) fn each(&self) -> impl Iterator<Item = Document> {
        self.located.iter().map(|located| located.document.clone())
    }

    /// The spec of a resource as written.
    pub(crate) fn spec_of(&self, kind: &str, name: &str) -> Option<&Value> {
        Some(&self.find(kind, name)?.document.spec)
    }

    fn of(located: Vec<Located>, files: &Files) -> Self {
        let key = |located: &Located| (located.document.kind.clone(), located.document.name.clone());
        let places = located.iter().enumerate().map(|(place, located)| (key(located), place)).collect();
        let named = files.files.iter().map(|file| format!(" -f {}", file.display())).collect();
        Self { located, named, places }
    }

    fn find(&self, kind: &str, name: &str) -> Option<&Located> {
        let place = self.places.get(&(kind.to_owned(), name.to_owned()))?;
        self.located.get(*place)
    }
}

/// Reads one file, or stdin for `-`, at most `cap` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub(crate) fn read_file(path: &Path, cap: usize, terminal: &mut Terminal<'_>) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        return terminal.read(cap);
    }
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::failed(format!("file `{}` does not exist", path.display())),
        _ => Failure::failed(format!("file `{}` cannot be read: {error}", path.display())),
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    // Not by the length that the folder lists: a pipe (`<(command)`) has none.
    std::io::Read::read_to_end(&mut std::io::Read::take(file, limit), &mut bytes).map_err(unreadable)?;
    match bytes.len() > cap {
        true => Err(Failure::failed(format!("file `{}` holds more than {cap} bytes", path.display()))),
        false => Ok(bytes),
    }
}

/// Every text with its name, in order.
fn texts(files: &[PathBuf], terminal: &mut Terminal<'_>) -> Result<Vec<(String, String)>, Failure> {
    if files.iter().filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        return Err(Failure::misused("stdin is named twice"));
    }
    let mut paths = Vec::new();
    for path in files {
        match path.is_dir() {
            true => {
                let before = paths.len();
                walk(path, 0, &mut paths)?;
                if paths.len() == before {
                    let message = format!("folder `{}` holds no .yaml, .yml or .json file", path.display());
                    return Err(Failure::failed(message));
                }
            }
            false => paths.push(path.clone()),
        }
    }
    let mut texts = Vec::new();
    let mut left = CAP;
    for path in paths {
        let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
        let bytes = read_file(&path, left, terminal)?;
        left -= bytes.len();
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            Failure::failed(format!("{name}:{line} text is not UTF-8"))
        })?;
        texts.push((name, text));
    }
    Ok(texts)
}

/// Hidden entries are left alone (editors' backups, the inner folders of a mounted ConfigMap), linked folders too.
fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable =
        |error: std::io::Error| Failure::failed(format!("folder `{}` cannot be read: {error}", folder.display()));
    if depth > MAX_DEPTH {
        return Err(Failure::failed(format!("folder `{}` lies more than {MAX_DEPTH} deep", folder.display())));
    }
    let mut entries = fs::read_dir(folder).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&path, depth + 1, paths)?;
        } else if path.is_file() && is_document(&path) {
            paths.push(path);
        }
    }
    Ok(())
}

fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}

/// All files together; the server reads no more.
const CAP: usize = 64 * 1024 * 1024;
const MAX_DEPTH: usize = 16;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn names(files: &[&Path]) -> Result<Vec<String>, String> {
        let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), &b"stdin text"[..]);
        let mut terminal = Terminal::new(&mut out, &mut err, &mut input, 80);
        let files: Vec<PathBuf> = files.iter().map(|path| path.to_path_buf()).collect();
        let texts = texts(&files, &mut terminal).map_err(|failure| failure.text())?;
        Ok(texts.into_iter().map(|(name, text)| format!("{name}={text}")).collect())
    }

    #[test]
    fn folders_are_walked_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/deep")).unwrap();
        fs::create_dir_all(at(".hidden")).unwrap();
        for name in
            ["z.yaml", "a.yml", "b/deep/x.json", "b/a.yaml", ".a.yaml", ".hidden/b.yaml", "README.md", "c.yaml~"]
        {
            fs::write(at(name), name).unwrap();
        }
        std::os::unix::fs::symlink(at(".hidden/b.yaml"), at("linked.yaml")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("loop")).unwrap();
        let prefix = format!("{}/", folder.path().display());
        let found: Vec<_> = names(&[folder.path(), Path::new("-")]).unwrap();
        let found: Vec<_> = found.iter().map(|text| text.replace(&prefix, "")).collect();
        assert_eq!(
            found,
            [
                "a.yml=a.yml",
                "b/a.yaml=b/a.yaml",
                "b/deep/x.json=b/deep/x.json",
                "linked.yaml=.hidden/b.yaml",
                "z.yaml=z.yaml",
                "stdin=stdin text"
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(names(&[folder.path()]).unwrap_err().contains("holds no .yaml"));
        assert!(names(&[&at("none.yaml")]).unwrap_err().contains("does not exist"));
        fs::write(at("latin.yaml"), b"a: 1\nb: \xff\n").unwrap();
        assert!(names(&[&at("latin.yaml")]).unwrap_err().contains("latin.yaml:2 text is not UTF-8"));
        assert!(names(&[Path::new("-"), Path::new("-")]).unwrap_err().contains("stdin is named twice"));
    }
}
