//! What is done to a server, a row of equals. Each of them mends what it broke before it returns.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::Field;
use super::dice::Dice;
use super::site::Site;
use super::weather::{BROKEN, FULL, READ_ONLY, Sky};
use crate::wire::State;

/// Something that happens to servers, or to the database under them.
pub(super) struct Disturbance {
    /// What it is called.
    pub(super) name: &'static str,
    /// Where it can happen.
    pub(super) on: On,
    /// Does it, and says what exactly.
    pub(super) act: fn(&Field, &mut Dice) -> Result<String, String>,
}

/// Which store a disturbance needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// None.
    Any,
    /// A file of the server's own.
    File,
    /// A database.
    Database,
}

/// Everything that happens.
pub(super) const ALL: &[Disturbance] = &[
    Disturbance { name: "kill", on: On::Any, act: kill },
    Disturbance { name: "kill while starting", on: On::Any, act: kill_while_starting },
    Disturbance { name: "kill on a full disk", on: On::File, act: kill_on_a_full_disk },
    Disturbance { name: "kill on failed flushes", on: On::File, act: kill_on_failed_flushes },
    Disturbance { name: "pause", on: On::Any, act: pause },
    Disturbance { name: "pause and kill", on: On::Any, act: pause_and_kill },
    Disturbance { name: "restart", on: On::Any, act: restart },
    Disturbance { name: "reload", on: On::Any, act: reload },
    Disturbance { name: "full disk", on: On::File, act: full_disk },
    Disturbance { name: "broken disk", on: On::File, act: broken_disk },
    Disturbance { name: "flushes fail", on: On::File, act: failed_flushes },
    Disturbance { name: "slow disk", on: On::File, act: slow_disk },
    Disturbance { name: "start on read-only", on: On::File, act: start_on_read_only },
    Disturbance { name: "clock astray", on: On::Any, act: clock_astray },
    Disturbance { name: "clock far behind", on: On::Any, act: clock_far_behind },
    Disturbance { name: "no files left", on: On::Any, act: no_files_left },
    Disturbance { name: "silent issuer", on: On::Any, act: silent_issuer },
    Disturbance { name: "database killed", on: On::Database, act: database_killed },
    Disturbance { name: "database restarted", on: On::Database, act: database_restarted },
    Disturbance { name: "database paused", on: On::Database, act: database_paused },
    Disturbance { name: "database hangs up", on: On::Database, act: database_hangs_up },
    Disturbance { name: "database locked", on: On::Database, act: database_locked },
    Disturbance { name: "cut off", on: On::Database, act: cut_off },
    Disturbance { name: "cut off in silence", on: On::Database, act: cut_off_in_silence },
    Disturbance { name: "all cut off", on: On::Database, act: all_cut_off },
    Disturbance { name: "fail-over", on: On::Database, act: fail_over },
];

fn kill(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    site.kill();
    rest(dice, 0, 300);
    started(site)
}

fn kill_while_starting(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    site.kill();
    let pauses: Vec<u64> = (0..3).map(|_| dice.between(1, 250)).collect();
    pauses.iter().for_each(|pause| site.start_in_vain(Duration::from_millis(*pause)));
    started(site).map(|took| format!("after {pauses:?} ms, {took}"))
}

fn kill_on_a_full_disk(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    under(site, dice, |sky| sky.write_fault = FULL, Site::kill);
    started(site)
}

/// What was written and not flushed may be there after the start, or not: nobody was told that it is.
fn kill_on_failed_flushes(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    under(site, dice, |sky| sky.flush_fault = BROKEN, Site::kill);
    started(site)
}

fn pause(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    site.signal(Signal::SIGSTOP);
    let held = rest(dice, 200, 2500);
    site.signal(Signal::SIGCONT);
    Ok(format!("{held:?}"))
}

fn pause_and_kill(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    site.signal(Signal::SIGSTOP);
    rest(dice, 100, 800);
    site.kill();
    started(site)
}

fn restart(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    site.stop()?;
    // What only a restart changes: tokens of before count on.
    let lifetime = dice.between(600, 3600);
    let config = site.home.path("accredit.toml");
    let text = std::fs::read_to_string(&config).map_err(|fault| fault.to_string())?;
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("limits = ")).collect();
    let limits = format!("limits = {{ max_token_seconds = {lifetime} }}");
    site.home.write("accredit.toml", &format!("{limits}\n{}\n", kept.join("\n")));
    started(site).map(|took| format!("{took}, with `{limits}`"))
}

fn reload(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let times = dice.between(1, 20);
    for _ in 0..times {
        any(field, dice).signal(Signal::SIGHUP);
        rest(dice, 0, 10);
    }
    Ok(format!("{times} times"))
}

fn full_disk(field: &Field, dice: &mut Dice) -> Result<String, String> {
    Ok(under(any(field, dice), dice, |sky| sky.write_fault = FULL, |_| ()))
}

fn broken_disk(field: &Field, dice: &mut Dice) -> Result<String, String> {
    Ok(under(any(field, dice), dice, |sky| sky.write_fault = BROKEN, |_| ()))
}

fn failed_flushes(field: &Field, dice: &mut Dice) -> Result<String, String> {
    Ok(under(any(field, dice), dice, |sky| sky.flush_fault = BROKEN, |_| ()))
}

fn slow_disk(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let millis = dice.between(20, 400);
    let held = under(any(field, dice), dice, |sky| sky.flush_millis = millis.cast_signed(), |_| ());
    Ok(format!("{millis} ms a flush, {held}"))
}

/// A file system that cannot be written any more, as found after a reboot: the server does not start, and starts once it can.
fn start_on_read_only(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    site.kill();
    site.weather(|sky| (sky.open_fault, sky.write_fault) = (READ_ONLY, READ_ONLY));
    let refused = site.start();
    site.kill();
    site.weather(|sky| *sky = Sky::default());
    match refused {
        Ok(_) => Err("a server started on a read-only file system".to_owned()),
        Err(_) => started(site),
    }
}

/// As far as leeways and margins go nobody may notice.
fn clock_astray(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let ahead = dice.between(0, 50).cast_signed() - 25;
    let held = under(any(field, dice), dice, |sky| sky.clock_ahead = ahead, |_| ());
    Ok(format!("{ahead} s ahead, {held}"))
}

fn clock_far_behind(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let behind = dice.between(120, 3600).cast_signed();
    field.clock_is_odd(true);
    let held = under(any(field, dice), dice, |sky| sky.clock_ahead = -behind, |_| ());
    field.clock_is_odd(false);
    Ok(format!("{behind} s behind, {held}"))
}

fn no_files_left(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let site = any(field, dice);
    let most = site.open_files() + dice.between(0, 3) as usize;
    site.limit(&format!("--nofile={most}:"));
    let held = rest(dice, 300, 1500);
    site.limit("--nofile=1024:");
    Ok(format!("{most} files, {held:?}"))
}

fn silent_issuer(field: &Field, dice: &mut Dice) -> Result<String, String> {
    field.served.hang();
    // Whoever has no keys yet must ask, and waits.
    let site = any(field, dice);
    site.kill();
    let took = started(site)?;
    let held = rest(dice, 300, 1500);
    field.served.answer_again();
    Ok(format!("{took}, {held:?}"))
}

fn database_killed(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let database = field.database()?;
    database.kill();
    let held = rest(dice, 0, 1500);
    database.start_again();
    Ok(format!("{held:?}"))
}

fn database_restarted(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let database = field.database()?;
    database.stop();
    let held = rest(dice, 0, 500);
    database.start_again();
    Ok(format!("{held:?}"))
}

fn database_paused(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let database = field.database()?;
    database.pause();
    let held = rest(dice, 200, 2500);
    database.go_on();
    Ok(format!("{held:?}"))
}

fn database_hangs_up(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let times = dice.between(1, 5);
    for _ in 0..times {
        field.database()?.hang_up();
        rest(dice, 0, 200);
    }
    Ok(format!("{times} times"))
}

fn database_locked(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let millis = dice.between(200, 2000);
    field.database()?.lock(millis);
    Ok(format!("{millis} ms"))
}

fn cut_off(field: &Field, dice: &mut Dice) -> Result<String, String> {
    without_wire(field, dice, State::Cut)
}

/// Nobody is told: what was sent may have arrived, and what was answered did not.
fn cut_off_in_silence(field: &Field, dice: &mut Dice) -> Result<String, String> {
    without_wire(field, dice, State::Silent)
}

fn all_cut_off(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let (database, servers) = (field.database()?, field.sites.len());
    let state = *dice.one_of(&[State::Cut, State::Silent]);
    (0..servers).for_each(|server| database.wire(server, state));
    let held = rest(dice, 200, 1500);
    (0..servers).for_each(|server| database.wire(server, State::Whole));
    Ok(format!("{state:?}, {held:?}"))
}

/// The machine that takes writes is lost for good; its synchronous standby takes its place, and gets one of its own.
fn fail_over(field: &Field, dice: &mut Dice) -> Result<String, String> {
    let database = field.database()?;
    database.fail_over();
    let alone = rest(dice, 300, 1500);
    database.give_standby();
    Ok(format!("{alone:?} without a standby"))
}

fn without_wire(field: &Field, dice: &mut Dice, state: State) -> Result<String, String> {
    let (database, server) = (field.database()?, dice.between(0, field.sites.len() as u64 - 1) as usize);
    database.wire(server, state);
    let held = rest(dice, 300, 4000);
    database.wire(server, State::Whole);
    Ok(format!("{}, {held:?}", field.sites[server].name))
}

/// Turns the weather of a site for a while, does something in the end, and turns it back.
fn under(site: &Site, dice: &mut Dice, change: impl FnOnce(&mut Sky), in_the_end: impl FnOnce(&Site)) -> String {
    site.weather(change);
    let held = rest(dice, 300, 1500);
    in_the_end(site);
    site.weather(|sky| *sky = Sky::default());
    format!("{held:?}")
}

fn started(site: &Site) -> Result<String, String> {
    site.start().map(|took| format!("started in {} ms", took.as_millis()))
}

fn any<'f>(field: &'f Field, dice: &mut Dice) -> &'f Site {
    dice.one_of(&field.sites)
}

fn rest(dice: &mut Dice, least: u64, most: u64) -> Duration {
    let pause = Duration::from_millis(dice.between(least, most));
    thread::sleep(pause);
    pause
}
