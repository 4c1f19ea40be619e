//! Who is at the other end of the local socket: our own user, in our own user namespace (L19).
//!
//! A container's root is uid 0 inside its user namespace and another uid outside. The kernel tells a peer's uid as our
//! namespace sees it: 65534 (the overflow uid) when it does not see it at all. Such a uid may be anybody's, so that it counts
//! only together with the namespace of the peer's process, which is compared with ours wherever it can be read.

use std::os::unix::fs::MetadataExt as _;

use tokio::net::UnixStream;

/// Our own user, as the kernel names it.
#[derive(Clone, Debug)]
pub(super) struct OwnUser {
    uid: u32,
    /// Device and inode of our user namespace; `None` where the system has none.
    namespace: Option<(u64, u64)>,
}

/// Why a peer is not our own user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    /// The kernel does not say.
    #[error("peer is not known")]
    Unknown,
    /// Another user.
    #[error("peer is user {0}")]
    User(u32),
    /// The overflow uid stands for any user that this namespace cannot name.
    #[error("peer is a user that has no name here")]
    Overflow,
    /// The same number, in a container.
    #[error("peer is in another user namespace")]
    Namespace,
}

/// Reads who we are.
pub(super) fn own_user() -> OwnUser {
    OwnUser { uid: nix::unistd::geteuid().as_raw(), namespace: namespace("self") }
}

// === impl OwnUser ===

impl OwnUser {
    /// Refuses a peer that is not this user.
    ///
    /// # Errors
    /// Why it is a stranger.
    pub(super) fn is(&self, stream: &UnixStream) -> Result<(), Stranger> {
        let peer = stream.peer_cred().map_err(|_| Stranger::Unknown)?;
        let namespace = peer.pid().and_then(|pid| namespace(&pid.to_string()));
        self.judge(peer.uid(), namespace)
    }

    /// The pure part. A peer whose namespace cannot be read is judged by its uid alone: it may have ended already, or have
    /// made itself unreadable, and a uid that we can name is ours in our namespace.
    fn judge(&self, uid: u32, namespace: Option<(u64, u64)>) -> Result<(), Stranger> {
        if uid != self.uid {
            return Err(Stranger::User(uid));
        }
        match (self.namespace, namespace) {
            (Some(own), Some(theirs)) if own != theirs => Err(Stranger::Namespace),
            (Some(_), Some(_)) => Ok(()),
            _ if uid == OVERFLOW => Err(Stranger::Overflow),
            _ => Ok(()),
        }
    }
}

fn namespace(process: &str) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(format!("/proc/{process}/ns/user")).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// `/proc/sys/kernel/overflowuid` of every Linux that nobody changed.
const OVERFLOW: u32 = 65534;

#[cfg(test)]
mod tests {
    use super::*;

    /// L19: another uid, uid 0 of a container, and the uid that stands for unnamed ones.
    #[test]
    fn only_the_same_user_of_the_same_namespace() {
        let own = OwnUser { uid: 1000, namespace: Some((4, 10)) };
        for (uid, namespace, expected) in [
            (1000, Some((4, 10)), Ok(())),
            (1000, None, Ok(())),
            (0, Some((4, 10)), Err(Stranger::User(0))),
            (1001, Some((4, 10)), Err(Stranger::User(1001))),
            (1000, Some((4, 11)), Err(Stranger::Namespace)),
            (OVERFLOW, Some((4, 10)), Err(Stranger::User(OVERFLOW))),
        ] {
            assert_eq!(own.judge(uid, namespace), expected, "{uid} {namespace:?}");
        }
        let nobody = OwnUser { uid: OVERFLOW, namespace: Some((4, 10)) };
        assert_eq!(nobody.judge(OVERFLOW, Some((4, 10))), Ok(()));
        assert_eq!(nobody.judge(OVERFLOW, Some((4, 11))), Err(Stranger::Namespace));
        assert_eq!(nobody.judge(OVERFLOW, None), Err(Stranger::Overflow));
    }
}
