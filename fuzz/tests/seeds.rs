//! Every seed through its target: what the vectors show holds before any engine looks further.

use accredit_fuzz::TARGETS;

#[test]
fn every_seed_holds() {
    for target in TARGETS {
        let seeds = target.seeds();
        assert!(seeds.len() > 3, "target `{}` begins with next to nothing", target.name);
        for seed in seeds {
            (target.judge)(&seed);
        }
    }
}

/// An engine that changes bytes at random finds at once what a target never looked at.
#[test]
fn seeds_cut_short_hold() {
    for target in TARGETS {
        for seed in target.seeds().into_iter().filter(|seed| seed.len() < 2048).take(40) {
            for end in (0..seed.len()).step_by(1 + seed.len() / 16) {
                (target.judge)(&seed[..end]);
            }
        }
    }
}
