//! The weather of one server: what its disk and its clock do, laid under it by a library that it is started with.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// What the disk and the clock do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sky {
    /// Seconds by which the wall clock is ahead.
    pub(super) clock_ahead: i64,
    /// Milliseconds that each flush of the store takes longer.
    pub(super) flush_millis: i64,
    /// The error of every write to the store (`errno`), half of which may arrive.
    pub(super) write_fault: i64,
    /// The error of every flush of the store.
    pub(super) flush_fault: i64,
    /// The error of opening a file of the store to write.
    pub(super) open_fault: i64,
}

/// The library, and the file that tells it what the weather is.
pub(super) struct Weather {
    library: PathBuf,
    file: PathBuf,
    told: File,
    sky: Mutex<Sky>,
}

/// Too little room is left (`ENOSPC`).
pub(super) const FULL: i64 = 28;
/// The disk is broken (`EIO`).
pub(super) const BROKEN: i64 = 5;
/// The file system is read-only (`EROFS`).
pub(super) const READ_ONLY: i64 = 30;

// === impl Weather ===

impl Weather {
    /// Fine weather, with its files in `folder`.
    ///
    /// # Errors
    /// The library cannot be compiled here.
    ///
    /// # Panics
    /// The folder cannot be written.
    pub(super) fn fine(folder: &Path) -> Result<Self, String> {
        let (source, library, file) = (folder.join("weather.c"), folder.join("weather.so"), folder.join("weather"));
        fs::write(&source, include_str!("../../weather/weather.c")).unwrap();
        let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(&compiler);
        compile.args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
        let ran = compile.output().map_err(|fault| format!("`{}` cannot be started: {fault}", compiler.display()))?;
        if !ran.status.success() {
            return Err(format!("the weather cannot be compiled: {}", String::from_utf8_lossy(&ran.stderr)));
        }
        fs::write(&file, bytes(Sky::default())).unwrap();
        let told = File::options().write(true).open(&file).unwrap();
        Ok(Self { library, file, told, sky: Mutex::default() })
    }

    /// What a server is started with, to feel it.
    pub(super) fn environment(&self) -> [(&'static str, &str); 2] {
        [("LD_PRELOAD", self.library.to_str().unwrap()), ("ACCREDIT_WEATHER", self.file.to_str().unwrap())]
    }

    /// Changes the weather, at once.
    pub(super) fn turn(&self, change: impl FnOnce(&mut Sky)) {
        let mut sky = self.sky.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut sky);
        self.told.write_all_at(&bytes(*sky), 0).unwrap();
    }
}

/// INVARIANT: the order of the places in `weather/weather.c`.
fn bytes(sky: Sky) -> Vec<u8> {
    let Sky { clock_ahead, flush_millis, write_fault, flush_fault, open_fault } = sky;
    let places = [clock_ahead, flush_millis, write_fault, flush_fault, open_fault];
    places.iter().flat_map(|place| place.to_ne_bytes()).collect()
}
