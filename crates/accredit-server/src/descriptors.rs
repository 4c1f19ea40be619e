//! File descriptors: each connection is one, so how many this process may have bounds how many connections there are.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of this process to its hard one, and says how many descriptors it may have now.
///
/// A service manager gives few (1,024 with systemd, so that programs that use `select` are safe) and allows many; nothing here
/// counts on a descriptor's being small. Where it cannot be raised, what there was stays.
pub(crate) fn raise() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return FEW };
    let wanted = hard.min(MOST).max(soft);
    if wanted > soft && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_err() {
        tracing::warn!(
            event = "descriptors-not-raised",
            "the limit of file descriptors stays at {soft}, though {hard} are allowed"
        );
        return soft;
    }
    wanted
}

/// How many connections a listener lets in of those that its settings allow: as many as fit into its share, in eighths, of the
/// descriptors that the store, outbound requests and open files leave.
pub(crate) fn connections(allowed: usize, descriptors: u64, eighths: u64) -> usize {
    let share = descriptors.saturating_sub(KEPT) / 8 * eighths;
    allowed.min(usize::try_from(share).unwrap_or(usize::MAX)).max(1)
}

/// As many as POSIX promises.
const FEW: u64 = 20;
/// More than `limits.connections` can ask for.
const MOST: u64 = 1 << 20;
/// For the store, 128 outbound requests at once, the admin socket's connections, listeners and files.
const KEPT: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (allowed, descriptors, eighths, expected) in [
            (8_192, 1 << 20, 6, 8_192),
            (8_192, 1_024, 6, 576),
            (512, 1_024, 1, 96),
            (8_192, 256, 6, 1),
            (8_192, 20, 6, 1),
            (1_000_000, 1 << 20, 6, 786_240),
        ] {
            assert_eq!(connections(allowed, descriptors, eighths), expected, "{allowed} of {descriptors}");
        }
        for descriptors in [1_024, 4_096, 524_288] {
            let all: usize = [6, 1, 1].into_iter().map(|eighths| connections(usize::MAX, descriptors, eighths)).sum();
            assert!(all as u64 + KEPT <= descriptors, "{descriptors}");
        }
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        let raised = raise();
        let now = getrlimit(Resource::RLIMIT_NOFILE);
        assert!(now.is_ok_and(|(soft, hard)| soft == raised && soft >= hard.min(MOST)), "{raised} of {now:?}");
    }
}
