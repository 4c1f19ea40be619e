//! The database under several servers, and the wires that lead there: one for each server to each of its two machines.

use std::sync::{Mutex, MutexGuard, PoisonError};

use accredit_test_postgres::Cluster;

use crate::wire::{State, Wire};

/// A PostgreSQL that takes writes, and a synchronous standby.
pub(super) struct Database {
    machines: Mutex<Machines>,
    name: String,
    /// For each server, a wire to either place. INVARIANT: their order is that of the places in `Machines`.
    wires: Vec<[Wire; 2]>,
}

/// Two places; which of them takes writes changes with each fail-over.
struct Machines {
    places: [Option<Cluster>; 2],
    first: usize,
}

// === impl Database ===

impl Database {
    /// Two machines with an empty database, and wires for so many servers. `None` where there is no PostgreSQL.
    ///
    /// # Panics
    /// They do not start.
    pub(super) fn start(servers: usize) -> Option<Self> {
        let first = Cluster::start(&[])?;
        let name = first.database().rsplit('/').next().unwrap_or_default().to_owned();
        let second = first.start_standby();
        let wires = (0..servers).map(|_| [Wire::to(first.port()), Wire::to(second.port())]).collect();
        Some(Self { machines: Mutex::new(Machines { places: [Some(first), Some(second)], first: 0 }), name, wires })
    }

    /// The address by which a server reaches either machine, by wires of its own.
    ///
    /// # Panics
    /// There is no such server.
    pub(super) fn url(&self, server: usize) -> String {
        let [one, other] = &self.wires[server];
        let machines = self.machines();
        let url = machines.first().url_through(one.port, &self.name);
        url.replace(&format!(":{}/", one.port), &format!(":{},127.0.0.1:{}/", one.port, other.port))
    }

    /// Changes how the wires of a server are.
    ///
    /// # Panics
    /// There is no such server.
    pub(super) fn wire(&self, server: usize, state: State) {
        self.wires[server].iter().for_each(|wire| wire.be(state));
    }

    /// Kill -9 of the machine that takes writes; `start_again` follows.
    pub(super) fn kill(&self) {
        self.machines().first().kill();
    }

    /// Ends it as its operator does; `start_again` follows.
    pub(super) fn stop(&self) {
        self.machines().first().stop();
    }

    /// Starts it again.
    pub(super) fn start_again(&self) {
        let mut machines = self.machines();
        let place = machines.first;
        if let Some(machine) = &mut machines.places[place] {
            machine.start_again();
        }
    }

    /// Holds up every process of the machine that takes writes.
    pub(super) fn pause(&self) {
        self.machines().first().pause();
    }

    /// Lets them go on.
    pub(super) fn go_on(&self) {
        self.machines().first().go_on();
    }

    /// Ends every connection to it.
    pub(super) fn hang_up(&self) {
        let own = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()";
        self.machines().first().sql(&self.name, own);
    }

    /// Locks the log for a while, as somebody's maintenance may.
    pub(super) fn lock(&self, millis: u64) {
        let seconds = millis as f64 / 1000.0;
        let lock =
            format!("BEGIN; LOCK TABLE audit_batch IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT");
        self.machines().first().sql(&self.name, &lock);
    }

    /// Kills the machine that takes writes for good, and promotes the other one. `give_standby` follows.
    pub(super) fn fail_over(&self) {
        let mut machines = self.machines();
        let lost = machines.first;
        machines.first().kill();
        machines.places[lost] = None;
        machines.first = 1 - lost;
        machines.first().promote();
    }

    /// Puts a new standby where the lost machine was.
    pub(super) fn give_standby(&self) {
        let mut machines = self.machines();
        let standby = machines.first().start_standby();
        let place = 1 - machines.first;
        self.wires.iter().for_each(|wires| wires[place].lead_to(standby.port()));
        machines.places[place] = Some(standby);
    }

    fn machines(&self) -> MutexGuard<'_, Machines> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Machines ===

impl Machines {
    fn first(&self) -> &Cluster {
        self.places[self.first].as_ref().unwrap()
    }
}
