//! Chaos: servers under load are killed, held up, cut off and given bad disks and clocks, in an order that a seed decides;
//! afterwards a judge compares what clients and operators were told with what the log and the store say.
//!
//! | module | holds |
//! |---|---|
//! | `dice` | chance that can be had again |
//! | `site`, `weather` | one server, its disk and its clock |
//! | `database` | what several servers share, and how they reach it |
//! | `disturbance` | what is done to them, a row of equals |
//! | `load`, `operator` | who asks meanwhile |
//! | `ledger` | what they were answered |
//! | `judge` | what must hold of it |

mod database;
mod dice;
mod disturbance;
mod judge;
mod ledger;
mod load;
mod operator;
mod site;
mod weather;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::issuer::{Issuer, Served};
use crate::patience::Ends;
use crate::resources;
use crate::server::Home;

use database::Database;
use dice::Dice;
use disturbance::{Disturbance, On};
use ledger::Ledger;
use load::Lane;
use operator::{Operator, ROLLING};
use site::Site;

/// How long and how hard, and by which chance.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Who is asked.
    pub servers: Servers,
    /// Decides what happens in which order, and what is asked.
    pub seed: u64,
    /// For how long disturbances go on.
    pub length: Duration,
    /// How many clients.
    pub lanes: usize,
    /// How long each client rests between two requests.
    pub pace: Duration,
}

/// Servers, and what they stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// One on SQLite.
    One,
    /// Three on one PostgreSQL with a synchronous standby.
    Several,
}

/// Servers on one store, who asks them, and what was answered.
struct Field {
    sites: Vec<Site>,
    database: Option<Database>,
    /// Its keys were uploaded.
    issuer: Issuer,
    /// Its keys are fetched.
    served: Served,
    ledger: Ledger,
    /// Everybody stops.
    over: AtomicBool,
    pace: Duration,
    /// How long a change may need until it is in force at every server, whatever happens to some of them meanwhile.
    lag: Duration,
    begun: Instant,
    /// When clocks were so wrong that tokens do not hold; the last time is open while they are.
    odd: Mutex<Vec<(Instant, Option<Instant>)>>,
    now: Mutex<&'static str>,
}

/// Runs a plan, and returns what must not have happened.
///
/// # Errors
/// There can be no chaos here, and why.
pub fn run(plan: &Plan) -> Result<Vec<String>, String> {
    let mut dice = Dice::new(plan.seed);
    let field = match plan.servers {
        Servers::One => Field::one(plan)?,
        Servers::Several => Field::several(plan)?,
    };
    say(&format!(
        "chaos: {:?}, seed {} for {} s, {} clients",
        plan.servers,
        plan.seed,
        plan.length.as_secs(),
        plan.lanes
    ));
    field.sites.iter().try_for_each(|site| site.start().map(|_| ()))?;
    field.furnish();
    field.recover()?;
    thread::scope(|scope| {
        for number in 0..plan.lanes {
            let lane = Lane::new(&field, number, plan.seed);
            scope.spawn(move || lane.run());
        }
        let operator = Operator::new(&field, plan.seed);
        scope.spawn(move || operator.run());
        // Also where a disturbance panics: everybody else would go on for ever, and nobody would hear of it.
        let _ends = Ends(&field.over);
        field.disturb(plan, &mut dice);
    });
    field.now("the end");
    judge::judge(&field);
    let outcomes = field.ledger.outcomes();
    outcomes.iter().for_each(|(what, count)| say(&format!("  {count:>7}  {what}")));
    let faults = field.ledger.faults();
    if !faults.is_empty() {
        faults.iter().for_each(|(fault, count)| say(&format!("FAULT ({count} times) {fault}")));
        say(&format!(
            "the same again: cargo xtask chaos {} --seed {} --seconds {}",
            plan.servers.word(),
            plan.seed,
            plan.length.as_secs()
        ));
    }
    Ok(faults.into_iter().map(|(fault, _)| fault).collect())
}

// === impl Servers ===

impl Servers {
    /// What they are called on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Servers::One => "sqlite",
            Servers::Several => "postgres",
        }
    }
}

// === impl Field ===

impl Field {
    fn one(plan: &Plan) -> Result<Self, String> {
        let site = Site::new("server".to_owned(), home("sqlite:data/accredit.db"), 1)?;
        Ok(Self::of(plan, vec![site], None, Duration::ZERO))
    }

    fn several(plan: &Plan) -> Result<Self, String> {
        let database = Database::start(SEVERAL).ok_or("there is no PostgreSQL")?;
        let site = |number| {
            let home = home(&database.url(number));
            // All of them open the same signing keys.
            home.write("kek", KEY_ENCRYPTION_KEY);
            Site::new(format!("server {number}"), home, STARTS)
        };
        let sites = (0..SEVERAL).map(site).collect::<Result<_, _>>()?;
        Ok(Self::of(plan, sites, Some(database), CAUGHT_UP_WITHIN))
    }

    fn of(plan: &Plan, sites: Vec<Site>, database: Option<Database>, lag: Duration) -> Self {
        Self {
            sites,
            database,
            issuer: Issuer::new("https://ci.test"),
            served: Issuer::serve(),
            ledger: Ledger::default(),
            over: AtomicBool::new(false),
            pace: plan.pace,
            lag,
            begun: Instant::now(),
            odd: Mutex::default(),
            now: Mutex::new("the beginning"),
        }
    }

    /// The database, where there is one.
    fn database(&self) -> Result<&Database, String> {
        self.database.as_ref().ok_or_else(|| "no database is under this server".to_owned())
    }

    /// Puts there what is asked for.
    fn furnish(&self) {
        let rolling = Issuer::new(ROLLING);
        let documents = [
            resources::usual(&self.issuer),
            resources::provider("served", &self.served.issuer.url, "{discovery: {}}"),
            resources::provider("rolling", &rolling.url, &resources::keys(&rolling.key_set())),
            resources::once("ci/web-once", "github", "once"),
            resources::mapping("ci/web-flip", "github", "flip", ""),
            resources::mapping("ci/web-served", "served", "main", ""),
            resources::mapping("ci/web-rolling", "rolling", "main", ""),
        ];
        let file = self.sites[0].home.write("resources.yaml", &documents.join("---\n"));
        let mut command = crate::command::accredit();
        command.args(["apply", "-f"]).arg(file).env("ACCREDIT_ADMIN_SOCKET", self.sites[0].socket());
        crate::command::run(&mut command, "").ended(0);
    }

    /// One disturbance after the other, each of them once before any comes again.
    fn disturb(&self, plan: &Plan, dice: &mut Dice) {
        let mut deck: Vec<&Disturbance> = Vec::new();
        thread::sleep(CALM);
        let end = Instant::now() + plan.length;
        while Instant::now() < end {
            if deck.is_empty() {
                let here = if self.database.is_some() { On::Database } else { On::File };
                deck.extend(disturbance::ALL.iter().filter(|one| one.on == On::Any || one.on == here));
                dice.shuffle(&mut deck);
            }
            let Some(disturbance) = deck.pop() else { break };
            // What it throws is its own, so that none depends on how many the others needed.
            let mut own = Dice::new(dice.any());
            self.now(disturbance.name);
            let begun = Instant::now();
            let done = (disturbance.act)(self, &mut own);
            let took = begun.elapsed();
            let back = done.and_then(|did| self.recover().map(|back| (did, back)));
            match back {
                Ok((did, back)) => say(&format!(
                    "{:>6.1} s  {:<22} {:>5} ms, served again after {:>4} ms  {did}",
                    self.begun.elapsed().as_secs_f64(),
                    disturbance.name,
                    took.as_millis(),
                    back.as_millis(),
                )),
                Err(why) => {
                    say(&format!("{}: {why}", disturbance.name));
                    self.fault(&why);
                    break;
                }
            }
            self.now("calm");
            thread::sleep(Duration::from_millis(dice.between(100, 500)));
        }
    }

    /// Waits until every server issues tokens again.
    fn recover(&self) -> Result<Duration, String> {
        let begun = Instant::now();
        for site in &self.sites {
            while !judge::issues(self, site) {
                if !site.is_as_it_should_be() {
                    return Err(format!("{} has ended by itself:\n{}", site.name, last_lines(&site.log())));
                }
                if begun.elapsed() > AGAIN_WITHIN {
                    return Err(format!(
                        "{} issues nothing after {AGAIN_WITHIN:?}:\n{}",
                        site.name,
                        last_lines(&site.log())
                    ));
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(begun.elapsed())
    }

    /// Puts down what must not have happened, with what went on at the time.
    fn fault(&self, what: &str) {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        // Ids and times differ; what is wrong is the same.
        let kind: String = what.chars().filter(|letter| !letter.is_ascii_hexdigit()).take(50).collect();
        let when = self.begun.elapsed().as_secs_f64();
        self.ledger.fault(&format!("{now}: {kind}"), format!("{when:.1} s, {now}: {what}"));
    }

    /// Clocks are so wrong from now on, or no more, that tokens do not hold.
    fn clock_is_odd(&self, is_odd: bool) {
        let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        match odd.last_mut() {
            Some((_, end @ None)) if !is_odd => *end = Some(Instant::now()),
            _ if is_odd => odd.push((Instant::now(), None)),
            _ => {}
        }
    }

    /// Whether some clock was so wrong at any time since then.
    fn clock_was_odd_since(&self, begun: Instant) -> bool {
        let odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        odd.iter().any(|(_, end)| end.is_none_or(|end| end >= begun))
    }

    fn now(&self, what: &'static str) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }
}

/// A home whose server keeps what it knows there, and is asked through a proxy.
fn home(store: &str) -> Home {
    let home = Home::new();
    home.configure("sqlite:data/accredit.db", store);
    home.configure("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1/32\"]");
    // Keys move all the time; tokens live longer than any run, so that every key of theirs stays published.
    let rotation = "rotation = { every_seconds = 3600, cache_seconds = 1, margin_seconds = 2, leeway_seconds = 1 }";
    home.configure("encryption = { file = \"kek\" }", &format!("encryption = {{ file = \"kek\" }}\n{rotation}"));
    home
}

fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[expect(clippy::print_stderr, reason = "a run says what it does while it does it")]
fn say(line: &str) {
    eprintln!("{line}");
}

const CALM: Duration = Duration::from_millis(700);
/// How soon everybody is served again, on a loaded machine.
const AGAIN_WITHIN: Duration = Duration::from_secs(40);

const SEVERAL: usize = 3;
/// Whoever supervises a server starts it again when its database was not there.
const STARTS: usize = 10;
/// A server that was cut off, or held up, follows the others again.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(15);
const KEY_ENCRYPTION_KEY: &str = "8Dc5zZkMVJzOkVVhVRmFZxA5xGLjSSiUM8uoKHGmr2k=";
