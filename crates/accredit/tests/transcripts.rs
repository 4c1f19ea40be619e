//! The command line as it is met: every transcript in `tests/transcripts/`, against the real binary, without a server
//! (`alone`) and with one (`served`).
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod harness;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use harness::Stage;

#[test]
fn every_transcript_without_a_server_comes_out_as_written() {
    play("alone", 40, |transcript| {
        let home = tempfile::tempdir().unwrap();
        stage(home.path()).play(transcript)
    });
}

#[test]
fn every_transcript_with_a_server_comes_out_as_written() {
    play("served", 40, |transcript| {
        let home = tempfile::tempdir().unwrap();
        let _server = Server::start(home.path())?;
        stage(home.path()).play(transcript)
    });
}

fn play(folder: &str, at_least: usize, one: impl Fn(&Path) -> Result<usize, String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(folder);
    let mut transcripts: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    transcripts.sort();
    let (played, differences): (Vec<_>, Vec<_>) =
        transcripts.iter().map(|transcript| one(transcript)).partition(Result::is_ok);
    let differences: Vec<String> = differences.into_iter().filter_map(Result::err).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    let played: usize = played.into_iter().flatten().sum();
    assert!(played >= at_least, "only {played} steps were played");
}

/// A folder of its own is also the home; a server started there listens where every verb looks.
fn stage(home: &Path) -> Stage {
    Stage {
        binary: env!("CARGO_BIN_EXE_accredit").into(),
        folder: home.to_owned(),
        environment: vec![("HOME".to_owned(), home.display().to_string())],
    }
}

/// The real server without configuration, on any free port.
struct Server(Child);

impl Server {
    fn start(home: &Path) -> Result<Self, String> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_accredit"))
            .args(["server", "--listen", "127.0.0.1:0"])
            .env_clear()
            .env("HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let log = child.stderr.take().ok_or("the server has no stderr")?;
        let server = Self(child);
        let mut lines = BufReader::new(log).lines();
        let mut said = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            said.push_str(&line);
            said.push('\n');
            if line.contains("server ready") {
                // Its log is read to the end, or it would stop at a full pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(server);
            }
        }
        Err(format!("the server did not become ready:\n{said}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
