//! Functions that only certain rooms may call, as clippy configuration.
//!
//! Clippy reads the nearest `clippy.toml` from a member upwards and nothing else, so what several members share would
//! stand in several files; here it stands once, and `cargo xtask gen` writes the files. A room that may do it says
//! so where it does: `#[expect(clippy::disallowed_methods, reason = "...")]` on the module or the function.

/// Calls that are banned together, for one reason.
struct Ban {
    reason: &'static str,
    methods: &'static [&'static str],
}

/// What nobody may do: for every member without a file of its own.
pub(crate) fn everywhere() -> String {
    clippy_toml("Everywhere, unless a member has a file of its own: what nobody may do.", &[&PEERS, &ENDS])
}

/// For rooms that are pure: the same arguments give the same answer, today and in a replay.
pub(crate) fn pure_room() -> String {
    clippy_toml(
        "A pure room: the same arguments give the same answer, today and in a replay.",
        &[&PEERS, &ENDS, &CLOCK, &TICKS, &CHANCE, &ENVIRONMENT, &CONTENTS, &FOLDERS, &NETWORK, &PROCESSES],
    )
}

/// For crates that wait and dial, in which one room reads the clock, one draws chance, one knows the files.
pub(crate) fn corridor() -> String {
    clippy_toml(
        "A corridor: it waits and dials, but clock, chance, environment and files have one room each.",
        &[&PEERS, &ENDS, &CLOCK, &CHANCE, &ENVIRONMENT, &CONTENTS],
    )
}

const PEERS: Ban = Ban {
    reason: "a peer is always verified, by every build and every setting",
    methods: &[
        "reqwest::ClientBuilder::danger_accept_invalid_certs",
        "reqwest::ClientBuilder::danger_accept_invalid_hostnames",
        "reqwest::ClientBuilder::tls_danger_accept_invalid_certs",
        "reqwest::ClientBuilder::tls_danger_accept_invalid_hostnames",
        "rustls::ClientConfig::dangerous",
        "rustls::ConfigBuilder::dangerous",
    ],
};

const ENDS: Ban = Ban {
    reason: "a process ends by returning an ExitCode from main, so that what it made is cleaned up",
    methods: &["std::process::abort", "std::process::exit"],
};

const CLOCK: Ban = Ban {
    reason: "the time of day is an argument (`now: Timestamp`); one room per process reads it",
    methods: &["std::time::SystemTime::elapsed", "std::time::SystemTime::now"],
};

const TICKS: Ban = Ban {
    reason: "a pure room neither measures time nor waits",
    methods: &["std::thread::sleep", "std::time::Instant::elapsed", "std::time::Instant::now"],
};

const CHANCE: Ban = Ban {
    reason: "random bytes are an argument; one room draws them",
    methods: &[
        "aws_lc_rs::rand::SystemRandom::new",
        "aws_lc_rs::rand::fill",
        "aws_lc_rs::rand::generate",
        "std::hash::RandomState::new",
    ],
};

const ENVIRONMENT: Ban = Ban {
    reason: "settings arrive as arguments; the binary reads the environment",
    methods: &[
        "std::env::args",
        "std::env::args_os",
        "std::env::current_dir",
        "std::env::home_dir",
        "std::env::temp_dir",
        "std::env::var",
        "std::env::var_os",
        "std::env::vars",
        "std::env::vars_os",
    ],
};

const CONTENTS: Ban = Ban {
    reason: "files are read and written in the one room that owns them",
    methods: &[
        "std::fs::File::create",
        "std::fs::File::create_new",
        "std::fs::File::open",
        "std::fs::OpenOptions::open",
        "std::fs::copy",
        "std::fs::read",
        "std::fs::read_to_string",
        "std::fs::write",
    ],
};

const FOLDERS: Ban = Ban {
    reason: "a pure room does not know that there are files",
    methods: &[
        "std::fs::canonicalize",
        "std::fs::create_dir",
        "std::fs::create_dir_all",
        "std::fs::exists",
        "std::fs::metadata",
        "std::fs::read_dir",
        "std::fs::remove_dir_all",
        "std::fs::remove_file",
        "std::fs::rename",
        "std::path::Path::exists",
        "std::path::Path::is_dir",
        "std::path::Path::is_file",
        "std::path::Path::read_dir",
    ],
};

const NETWORK: Ban = Ban {
    reason: "what has to be asked elsewhere is gathered first and handed in",
    methods: &[
        "std::net::TcpListener::bind",
        "std::net::TcpStream::connect",
        "std::net::UdpSocket::bind",
        "std::os::unix::net::UnixListener::bind",
        "std::os::unix::net::UnixStream::connect",
    ],
};

const PROCESSES: Ban =
    Ban { reason: "a pure room starts nothing", methods: &["std::process::Command::new", "std::process::id"] };

fn clippy_toml(intent: &str, bans: &[&Ban]) -> String {
    let mut text = format!(
        "# Written by `cargo xtask gen` from xtask/src/house/bans.rs; do not edit.\n\
         # {intent}\n\
         # Who may do it nevertheless says so: #[expect(clippy::disallowed_methods, reason = \"...\")]\n\
         \n\
         disallowed-methods = [\n"
    );
    for Ban { reason, methods } in bans {
        for method in *methods {
            text += &format!("    {{ path = \"{method}\", reason = \"{reason}\"{} }},\n", absence(method));
        }
    }
    text + "]\n"
}

/// What a member that lacks the crate needs, so that clippy does not take the path for a mistake. The standard
/// library is always there, and a path in it that does not exist shall be told.
fn absence(method: &str) -> &'static str {
    if method.starts_with("std::") { "" } else { ", allow-invalid = true" }
}
