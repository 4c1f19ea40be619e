//! One binary for all targets, so that the product is linked once: `ACCREDIT_FUZZ` names the target, and
//! `ACCREDIT_FUZZ_SEEDS` a folder to write every target's seeds into, after which nothing is fuzzed.

#![no_main]

use std::path::Path;
use std::sync::OnceLock;
use std::{env, fs};

use accredit_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: {
        if let Some(folder) = env::var_os("ACCREDIT_FUZZ_SEEDS") {
            write_seeds(Path::new(&folder));
        }
        // Asked for here, so that a wrong name is told before the first input.
        let _ = target();
    },
    |input: &[u8]| (target().judge)(input)
);

fn target() -> &'static Target {
    static CHOSEN: OnceLock<&'static Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = env::var("ACCREDIT_FUZZ").unwrap_or_default();
        TARGETS.iter().find(|target| target.name == name).unwrap_or(&TARGETS[0])
    })
}

/// `FOLDER/TARGET/NUMBER`, a file a seed.
fn write_seeds(folder: &Path) {
    for target in TARGETS {
        let folder = folder.join(target.name);
        let _ = fs::create_dir_all(&folder);
        for (number, seed) in target.seeds().into_iter().enumerate() {
            let _ = fs::write(folder.join(format!("{number:04}")), seed);
        }
    }
}
