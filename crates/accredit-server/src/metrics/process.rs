//! What the operating system says of this process (proc(5)).

/// Its size, as far as it can be told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    pub(super) resident_bytes: Option<f64>,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) open_files: Option<f64>,
    /// How many files it may have open.
    pub(super) most_files: Option<f64>,
    /// When it began, in seconds since 1970.
    pub(super) began_at: Option<f64>,
}

// === impl Process ===

impl Process {
    #[expect(clippy::disallowed_methods, reason = "the room that reads what the system says of this process")]
    pub(super) fn read() -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{name}")).ok();
        let own = read("self/stat");
        Self {
            resident_bytes: read("self/status").as_deref().and_then(resident),
            cpu_seconds: own.as_deref().and_then(cpu),
            open_files: std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64),
            most_files: read("self/limits").as_deref().and_then(most_files),
            began_at: own.as_deref().zip(read("stat").as_deref()).and_then(|(own, all)| began(own, all)),
        }
    }
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}

/// Ticks in user and in kernel mode. The kernel tells them in hundredths of a second whatever its own clock is.
fn cpu(stat: &str) -> Option<f64> {
    // The name of the program stands in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<Option<f64>>().map(|ticks| ticks / 100.0)
}

/// The soft limit of open files.
fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// When the machine was started, and how many ticks later the process was.
fn began(own: &str, all: &str) -> Option<f64> {
    let (_, rest) = own.rsplit_once(')')?;
    let ticks: f64 = rest.split_whitespace().nth(19)?.parse().ok()?;
    let booted: f64 = all.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(booted + ticks / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_read() {
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t  12 kB\n"), Some(12.0 * 1024.0));
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 12345 900";
        assert_eq!(cpu(stat), Some(3.0));
        assert_eq!(began(stat, "cpu  1 2\nbtime 1700000000\n"), Some(1_700_000_123.45));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024  524288  files\n";
        assert_eq!(most_files(limits), Some(1024.0));
        assert_eq!((resident(""), cpu("7 (a"), began(stat, ""), most_files("")), (None, None, None, None));
    }
}
