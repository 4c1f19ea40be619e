//! Chaos: servers under load are killed, held up and given bad disks and clocks, and nothing that anybody was told is lost.
//!
//! A run is short here; `cargo xtask chaos [sqlite|postgres] --seconds N --seed S` makes it as long as one likes, or the same again.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::env;
use std::time::Duration;

use accredit_e2e::chaos::{Plan, Servers, run};
use accredit_e2e::claims::random;
use accredit_e2e::skip;

/// I01, I04, K04, K07, K08: every token seen has its record, no evidence that counts once counted twice, no acknowledged
/// change is lost, the audit chain verifies, and every refusal meanwhile was one that is documented.
#[test]
fn sqlite_whatever_happens_to_a_server_what_it_said_holds() {
    chaos(Servers::One, 30);
}

/// K05, L13: the same of three servers on one PostgreSQL, which is killed, held up, cut off and failed over as well.
#[test]
fn postgres_whatever_happens_to_several_servers_what_they_said_holds() {
    chaos(Servers::Several, 30);
}

/// About as long as it takes that each disturbance comes once, unless somebody says for how long.
fn chaos(servers: Servers, seconds: u64) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("ACCREDIT_CHAOS_SEED").unwrap_or_else(|| u64::from_ne_bytes(random()[..8].try_into().unwrap()));
    let length = Duration::from_secs(number("ACCREDIT_CHAOS_SECONDS").unwrap_or(seconds));
    let plan = Plan { servers, seed, length, lanes: 6, pace: Duration::from_millis(2) };
    match run(&plan) {
        Ok(faults) => assert!(faults.is_empty(), "seed {seed}: {} faults, the first: {}", faults.len(), faults[0]),
        Err(why) => skip("chaos", &why),
    }
}
