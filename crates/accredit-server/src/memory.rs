//! How the process asks the kernel for memory.

/// Asks for huge pages where a world of so many resources is worth them, for ordinary ones where it is not.
///
/// The allocator marks all it has for transparent huge pages. Among 100,000 mappings they spare each look-up several walks
/// through page tables; a server with ten would be three times as large, of memory that it never touches. It concerns what
/// is touched from now on: give the count before a world is made. Linux alone knows this; a kernel that refuses is left alone.
pub(crate) fn fit(resources: usize) {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(resources < MANY);
    #[cfg(not(target_os = "linux"))]
    let _ = resources < MANY;
}

const MANY: usize = 10_000;
