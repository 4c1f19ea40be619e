//! What the kernel says about a process and a disk.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::fault::{Because as _, Fault};

/// What a process holds in memory, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Now (`VmRSS`).
    pub(crate) resident: u64,
    /// At most since it began (`VmHWM`).
    pub(crate) peak: u64,
}

/// Processor time that a process has used, user and kernel, with that of its threads that have ended.
///
/// It is the scheduler's own count, exact to a nanosecond for a process that waits and to a tick (at most 10 ms) for one that
/// runs; the sum of `/proc/PID/task/*/schedstat` is the same count without the threads that have ended.
pub(crate) fn cpu_time(pid: Pid) -> Result<Duration, Fault> {
    let clock = clock_getcpuclockid(pid).because(|| format!("cpu clock of process {pid}"))?;
    read_clock(clock)
}

/// The same of a process and all that descend from it.
pub(crate) fn cpu_time_of_tree(root: Pid) -> Result<Duration, Fault> {
    let mut sum = Duration::ZERO;
    for pid in tree(root)? {
        // One that ended a moment ago is its parent's to count.
        sum += cpu_time(pid).or_else(|fault| if pid == root { Err(fault) } else { Ok(Duration::ZERO) })?;
    }
    Ok(sum)
}

/// What a process and all that descend from it hold in memory.
pub(crate) fn memory_of_tree(root: Pid) -> Result<Memory, Fault> {
    let mut sum = Memory { resident: 0, peak: 0 };
    for pid in tree(root)? {
        let Memory { resident, peak } = memory(pid)?;
        sum = Memory { resident: sum.resident + resident, peak: sum.peak + peak };
    }
    Ok(sum)
}

/// A process and all that descend from it.
fn tree(root: Pid) -> Result<Vec<Pid>, Fault> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").because(|| "/proc".to_owned())?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything; state and parent follow it.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<i32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut tree = vec![root];
    let mut place = 0;
    while let Some(&pid) = tree.get(place) {
        tree.extend(parents.iter().filter(|(_, parent)| *parent == pid.as_raw()).map(|(pid, _)| Pid::from_raw(*pid)));
        place += 1;
    }
    Ok(tree)
}

/// Processor time that the calling thread has used.
pub(crate) fn own_cpu_time() -> Result<Duration, Fault> {
    read_clock(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// Reads a process's memory from `/proc/PID/status`.
pub(crate) fn memory(pid: Pid) -> Result<Memory, Fault> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).because(|| path.clone())?;
    let field = |name: &str| kibibytes(&status, name).ok_or_else(|| Fault::new(format!("{path}: no `{name}`")));
    Ok(Memory { resident: field("VmRSS")? * 1024, peak: field("VmHWM")? * 1024 })
}

/// Makes the calling thread, and whatever it starts from now on, run on this core alone.
pub(crate) fn pin(core: usize) -> Result<(), Fault> {
    let mut cores = CpuSet::new();
    cores.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &cores)).because(|| format!("core {core}"))
}

/// The cores that this process may use, in order.
pub(crate) fn cores() -> Result<Vec<usize>, Fault> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).because(|| "allowed cores".to_owned())?;
    Ok((0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect())
}

/// One core for the server and one for the generator.
pub(crate) fn two_of(cores: &[usize]) -> Result<(usize, usize), Fault> {
    match *cores {
        [server, generator, ..] => Ok((server, generator)),
        _ => Err(Fault::new("one core, expected two: one for the server, one for the generator")),
    }
}

/// How long each of `times` `fdatasync` calls takes after a block of 4 KiB was appended to a file in `folder`, shortest first.
pub(crate) fn fsyncs(folder: &Path, times: usize) -> Result<Vec<Duration>, Fault> {
    let path = folder.join("fsync");
    let mut took = append_and_sync(&path, times).because(|| path.display().to_string())?;
    std::fs::remove_file(&path).because(|| path.display().to_string())?;
    took.sort_unstable();
    Ok(took)
}

/// Whether files in `folder` live in memory, where an `fsync` costs nothing and proves nothing.
pub(crate) fn in_memory(folder: &Path) -> Result<bool, Fault> {
    let system = statfs(folder).because(|| folder.display().to_string())?;
    Ok(system.filesystem_type() == TMPFS_MAGIC)
}

/// The processor's name and the kernel's release, as far as `/proc` tells.
pub(crate) fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{name}, Linux {}", kernel.trim())
}

fn read_clock(clock: ClockId) -> Result<Duration, Fault> {
    clock.now().map(Duration::from).because(|| "cpu clock".to_owned())
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn append_and_sync(path: &Path, times: usize) -> std::io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        file.write_all(&[0x5a; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_cpu_time_of_the_process_even_after_its_thread_has_ended() {
        let before = cpu_time(Pid::this()).unwrap();
        std::thread::spawn(|| {
            let begun = own_cpu_time().unwrap();
            while own_cpu_time().unwrap() - begun < Duration::from_millis(50) {}
        })
        .join()
        .unwrap();
        assert!(cpu_time(Pid::this()).unwrap() - before >= Duration::from_millis(45));
    }

    #[test]
    fn descendants_are_counted() {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 10 & wait"]).spawn().unwrap();
        let pid = Pid::from_raw(shell.id().cast_signed());
        let begun = std::time::Instant::now();
        while tree(pid).unwrap().len() < 2 && begun.elapsed() < Duration::from_secs(5) {}
        let tree = tree(pid).unwrap();
        assert_eq!(tree.len(), 2);
        assert!(memory_of_tree(pid).unwrap().resident > memory(pid).unwrap().resident);
        assert!(cpu_time_of_tree(pid).unwrap() >= cpu_time(pid).unwrap());
        for pid in tree {
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        shell.wait().unwrap();
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let memory = memory(Pid::this()).unwrap();
        assert!(memory.resident > 100 * 1024 && memory.peak >= memory.resident);
        assert_eq!(kibibytes("VmHWM:\t   12 kB\nVmRSS:\t    7 kB\n", "VmRSS"), Some(7));
        assert_eq!(kibibytes("VmHWM:\t   12 kB\n", "VmRSS"), None);
    }

    #[test]
    fn a_pinned_thread_has_one_core() {
        let core = *cores().unwrap().last().unwrap();
        std::thread::spawn(move || {
            pin(core).unwrap();
            assert_eq!(cores().unwrap(), [core]);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn as_many_syncs_as_asked_for_and_nothing_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fsyncs(folder.path(), 3).unwrap().len(), 3);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
