//! `cargo xtask fuzz`: the engine on every parser that meets the network.
//!
//! The targets are one binary (`fuzz/`), built by the toolchain that builds the product: only our own crates are compiled
//! again, with LLVM's coverage pass (`fuzz/instrument.sh`), into a folder beside what is there already. What the engine found
//! worth keeping lies in the cache folder and is where the next run begins; the vectors are where the first one did.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use crate::checkout::{self, Checkout};
use crate::fault::Fault;
use crate::metadata::Metadata;
use crate::run;

/// A built set of targets.
pub(crate) struct Targets {
    binary: PathBuf,
    /// Beside it: seeds, and what made a target fail.
    scratch: PathBuf,
    /// What earlier runs found.
    corpus: PathBuf,
    pub(crate) names: Vec<String>,
}

/// How long a target is run.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// So many seconds, from where the last run ended: finds what is new.
    Seconds(u64),
    /// So many inputs, always the same ones: what held once holds until somebody changes something.
    Inputs(u64),
}

/// How a target's run ended.
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) inputs: u64,
    /// What the engine said, if something did not hold.
    pub(crate) failure: Option<String>,
}

/// `cargo xtask fuzz [TARGET]... [--seconds N]`: the named targets, or all of them, each for so long.
pub(crate) fn command(checkout: &Checkout, arguments: &[String]) -> Result<ExitCode, Fault> {
    let mut seconds = LONG;
    let mut wanted = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let number = words.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
                seconds = number.ok_or_else(|| Fault::new("`--seconds` wants a number above 0"))?;
            }
            name => wanted.push(name.to_owned()),
        }
    }
    let mut targets = Targets::build(checkout)?;
    if let Some(unknown) = wanted.iter().find(|name| !targets.names.contains(name)) {
        return Err(Fault::new(format!("no fuzz target `{unknown}`"))
            .hint(&format!("targets are {}", targets.names.join(", "))));
    }
    if !wanted.is_empty() {
        targets.names = wanted;
    }
    let ended = targets.run(Run::Seconds(seconds))?;
    let failed = ended.iter().filter(|ended| ended.failure.is_some()).count();
    for Ended { name, inputs, failure } in &ended {
        let told = failure.as_deref().unwrap_or("holds");
        println!("{name:<18} {inputs:>10} inputs  {told}");
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

// === impl Targets ===

impl Targets {
    /// Whether this machine can build the engine.
    pub(crate) fn can_be_built() -> bool {
        let compiler = Command::new("c++").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        compiler.is_ok_and(|status| status.success())
    }

    /// Builds them and writes their seeds.
    pub(crate) fn build(checkout: &Checkout) -> Result<Self, Fault> {
        let metadata = Metadata::read(checkout)?;
        let mut cargo = checkout.cargo();
        // The same selection and profile as the tests' own build, so that what others wrote is not compiled a second time.
        cargo.args(["build", "--workspace", "--example", "doors", "--features", "accredit-fuzz/engine"]);
        run::aloud(cargo.env("RUSTC_WORKSPACE_WRAPPER", checkout.root().join("fuzz/instrument.sh")))?;
        let scratch = metadata.target.join("xtask/fuzz");
        let mut targets = Self {
            binary: metadata.target.join("debug/examples/doors"),
            corpus: checkout::cache_folder()?.join("fuzz"),
            names: Vec::new(),
            scratch,
        };
        let seeds = targets.scratch.join("seeds");
        let _ = fs::remove_dir_all(&seeds);
        let written = Command::new(&targets.binary)
            .env("ACCREDIT_FUZZ_SEEDS", &seeds)
            .arg("-runs=0")
            .stderr(Stdio::null())
            .status();
        if !written.is_ok_and(|status| status.success()) {
            return Err(Fault::new(format!("`{}` writes no seeds", targets.binary.display())));
        }
        let folders = fs::read_dir(&seeds).into_iter().flatten().flatten();
        targets.names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        targets.names.sort();
        if targets.names.is_empty() {
            return Err(Fault::new("no fuzz target has a seed"));
        }
        Ok(targets)
    }

    /// Runs each target, as many at once as there are processors.
    pub(crate) fn run(&self, run: Run) -> Result<Vec<Ended>, Fault> {
        let lanes = thread::available_parallelism().map_or(1, usize::from).min(self.names.len());
        let lane =
            |first: usize| self.names.iter().skip(first).step_by(lanes).map(|name| self.one(name, run)).collect();
        let ended: Vec<Result<Vec<Ended>, Fault>> = thread::scope(|scope| {
            let running: Vec<_> = (0..lanes).map(|first| scope.spawn(move || lane(first))).collect();
            let lost = || Err(Fault::new("a fuzz run was lost"));
            running.into_iter().map(|running| running.join().unwrap_or_else(|_| lost())).collect()
        });
        let mut all: Vec<Ended> = ended.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        all.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(all)
    }

    fn one(&self, name: &str, run: Run) -> Result<Ended, Fault> {
        let fresh = self.scratch.join("corpus");
        let _ = fs::remove_dir_all(fresh.join(name));
        let folder = |place: &Path| {
            let folder = place.join(name);
            let made = fs::create_dir_all(&folder);
            made.map_err(|error| Fault::new(format!("`{}` cannot be made: {error}", folder.display())))?;
            Ok(folder)
        };
        let corpus = folder(match run {
            Run::Seconds(_) => &self.corpus,
            Run::Inputs(_) => &fresh,
        })?;
        let failed = folder(&self.scratch.join("failed"))?;
        let mut engine = Command::new(&self.binary);
        engine.env("ACCREDIT_FUZZ", name).arg(&corpus).arg(self.scratch.join("seeds").join(name));
        match run {
            Run::Seconds(seconds) => engine.arg(format!("-max_total_time={seconds}")),
            Run::Inputs(inputs) => {
                engine.arg(format!("-runs={inputs}")).arg(format!("-max_total_time={PATIENCE}")).arg("-seed=1")
            }
        };
        engine.arg(format!("-artifact_prefix={}/", failed.display()));
        // An input may take its time on a busy machine, but not for ever; and never much memory.
        engine.args([
            "-timeout=20",
            "-rss_limit_mb=1024",
            "-malloc_limit_mb=256",
            "-print_final_stats=1",
            "-max_len=32768",
        ]);
        let output = engine.stdin(Stdio::null()).output().map_err(|error| run::not_started(&engine, &error))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let failure = (!output.status.success()).then(|| told(&said, &failed));
        Ok(Ended { name: name.to_owned(), inputs: inputs(&said), failure })
    }
}

/// `stat::number_of_executed_units: 1234`
fn inputs(said: &str) -> u64 {
    let line = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}

/// What did not hold, and where the input lies.
fn told(said: &str, failed: &Path) -> String {
    let panic = said.lines().skip_while(|line| !line.contains(" panicked at ")).take(4);
    let error = said.lines().find(|line| line.contains("ERROR: libFuzzer"));
    let what: Vec<&str> = panic.chain(error).map(str::trim).collect();
    format!("does not hold; its input is in {}\n    {}", failed.display(), what.join("\n    "))
}

/// Seconds after which a slow target's fixed inputs are enough.
const PATIENCE: u64 = 15;
/// Seconds for each target.
const LONG: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_says_is_read() {
        assert_eq!(inputs("x\nstat::number_of_executed_units: 4711\ny"), 4711);
        assert_eq!(inputs("INFO: nothing"), 0);
        let said = "INFO\nthread 'main' panicked at fuzz/src/json.rs:9:5:\na member stands twice\nnote\nstack\n==1== ERROR: libFuzzer: deadly signal\n";
        let told = told(said, Path::new("/there"));
        assert!(
            told.contains("/there") && told.contains("a member stands twice") && told.contains("deadly signal"),
            "{told}"
        );
    }
}
