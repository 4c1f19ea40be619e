//! The grammar of the command line. What a verb does stands in its file under `commands/`.

use std::path::PathBuf;

use accredit_client::admin::AdminClient;
use clap::{Parser, Subcommand};

use crate::commands::{
    alarm, apply, audit, backup, change, ci_cd, cluster, config, context, decision, demo, diff, explain, export,
    federation, get, init, key, lint, list, login, mapping, noun, provider, publish, server, store, svid, token, write,
};
use crate::contexts::{Contexts, LOCAL};
use crate::exit::Failure;
use crate::paths;
use crate::render::Output;

/// Workload identity federation that you run yourself
#[derive(Debug, Parser)]
#[command(name = "accredit", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb understands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Admin socket of the server [env: ACCREDIT_ADMIN_SOCKET]
    #[arg(long, global = true, value_name = "PATH", display_order = 100)]
    pub(crate) socket: Option<PathBuf>,
    /// Context of the server, from `accredit login` [env: ACCREDIT_CONTEXT]
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "socket", display_order = 100)]
    pub(crate) context: Option<String>,
    /// How results are written: text, json or yaml; also sarif (lint), ocsf (audit export)
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        display_order = 101
    )]
    pub(crate) output: Option<Output>,
}

/// The verbs, in the groups of the help page (`help.rs`).
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    // Run.
    /// Run the server: on loopback when told nothing, in earnest with --config
    Server(server::Args),
    /// See the main job work on loopback: a CI job gets a token, another is refused and told why
    Demo(demo::Args),

    /// Move the store to another database
    #[command(subcommand)]
    Store(store::Verb),

    /// Make backups of the store while it serves, look at them, and restore one
    #[command(subcommand)]
    Backup(backup::Verb),

    // Sets of resources.
    /// Print starter YAML made from what you know: a repository, a branch, an API
    Init(init::Args),
    /// Bring resources of YAML files into force, all or nothing
    Apply(apply::Args),
    /// Show what `apply` would change, field by field
    Diff(diff::Args),
    /// Print every resource as YAML that `apply` reads back
    Export(export::Args),

    /// Say what is unwise about resources: of the server, or of YAML files without any server
    Lint(lint::Args),

    // Ask.
    /// Say what would be decided about a token, and why; nothing is issued
    Explain(explain::Args),
    /// Say what was decided, and why
    Decision(decision::Args),
    /// Read the audit log, and prove that it is whole
    #[command(subcommand)]
    Audit(audit::Verb),
    /// See what issuers send that nobody expected
    #[command(subcommand)]
    Alarm(alarm::Verb),
    /// See and replace the server's own signing keys
    #[command(subcommand)]
    Key(key::Verb),
    /// Say how the server is
    Status,
    /// Print the admin API's OpenAPI document
    #[command(hide = true)]
    Openapi,
    /// Print the reference of metrics
    #[command(hide = true)]
    MetricsReference,

    // Log in.
    /// Log in at a server elsewhere, by a browser or with a workload's token
    Login(login::Args),
    /// Forget the login of the context in use
    Logout,
    /// Say who you are to the server, and what you may do there
    Whoami,
    /// The servers that you administer, and which of them the verbs speak to
    #[command(subcommand)]
    Context(context::Verb),

    // Use.
    /// Make a token for a client that cannot fetch its own
    #[command(subcommand)]
    Token(token::Verb),
    /// Fetch SPIFFE identities for a job that has its platform's token
    #[command(subcommand)]
    Svid(svid::Verb),

    // Single resources, the noun first.
    /// Who owns what
    #[command(subcommand)]
    Project(noun::Verb),
    /// Identity providers whose tokens are accepted
    #[command(subcommand)]
    Provider(provider::Verb),
    /// The principals that workloads become
    #[command(subcommand)]
    ServiceAccount(noun::Verb),
    /// Services that accept our tokens
    #[command(subcommand)]
    Api(noun::Verb),
    /// Named sets of an API's permissions
    #[command(subcommand)]
    Role(noun::Verb),
    /// What an API's owner gives to a service account
    #[command(subcommand)]
    Grant(noun::Verb),
    /// Which workload may become which service account
    #[command(subcommand)]
    Mapping(mapping::Verb),
    /// Trust domains that this server is the authority of
    #[command(subcommand)]
    TrustDomain(publish::Verb),
    /// Foreign trust domains whose bundles ours hand on
    #[command(subcommand)]
    Federation(federation::Verb),
    /// What shares attestation and issuance policy in a trust domain
    #[command(subcommand)]
    Cluster(cluster::Verb),
    /// The managed configuration of a cluster: set, get, validate, diff, history
    #[command(subcommand)]
    Config(config::Verb),
    /// Profiles of CI and CD platforms, linked to clusters
    #[command(subcommand)]
    CiCd(ci_cd::Verb),
    /// Who may change and read what on this server
    #[command(subcommand, alias = "admin")]
    Administrator(noun::Verb),

    // The same, the verb first.
    /// List resources
    List(list::OfAnyKind),
    /// Print one resource, or list a kind
    Get(get::OfAnyKind),
    /// Create a resource
    Create(write::CreateOfAnyKind),
    /// Change fields of a resource
    Update(write::UpdateOfAnyKind),
    /// Delete a resource
    Delete(change::OfAnyKind),
    /// Make a resource count again
    Enable(change::OfAnyKind),
    /// Make a resource count no longer, without deleting it
    Disable(change::OfAnyKind),
}

/// Which server is meant.
#[derive(Debug)]
pub(crate) enum Place {
    /// The one of a context.
    Context(String),
    /// The one at this socket.
    Socket(PathBuf),
}

// === impl Common ===

impl Common {
    /// The format asked for, or text.
    pub(crate) fn output(&self) -> Output {
        self.output.unwrap_or(Output::Text)
    }

    /// The admin socket: of the flag, else of the environment, else the place where a server puts it by itself.
    ///
    /// # Errors
    /// When none of them says anything.
    pub(crate) fn socket(&self) -> Result<PathBuf, Failure> {
        let named = self.socket.clone().or_else(paths::socket_variable).or_else(paths::default_socket);
        named.ok_or_else(|| {
            Failure::misused("admin socket is not known: neither `XDG_RUNTIME_DIR` nor `HOME` is set")
                .hint(format!("name it with --socket or `{}`", paths::SOCKET_VARIABLE))
        })
    }

    /// Which server is meant: of the flags, else of the environment, else the context in use, else the one on this machine.
    ///
    /// # Errors
    /// When the environment names two, or nothing says anything.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let context = match (&self.socket, &self.context) {
            (Some(_), _) => return self.socket().map(Place::Socket),
            (None, Some(name)) => Some(name.clone()),
            (None, None) => match (paths::socket_variable(), paths::context_variable()) {
                (Some(_), Some(_)) => {
                    let message =
                        format!("`{}` and `{}` are both set", paths::SOCKET_VARIABLE, paths::CONTEXT_VARIABLE);
                    return Err(Failure::misused(message).hint("unset one of them, or say --context or --socket"));
                }
                (Some(socket), None) => return Ok(Place::Socket(socket)),
                (None, Some(name)) => Some(name),
                (None, None) if paths::config_folder().is_none() => None,
                (None, None) => Contexts::of_user()?.current()?,
            },
        };
        match context.filter(|name| name != LOCAL) {
            Some(name) => Ok(Place::Context(name)),
            None => self.socket().map(Place::Socket),
        }
    }

    /// A client of that server.
    ///
    /// # Errors
    /// As [`Common::place`], and when a context has no login.
    pub(crate) fn admin(&self) -> Result<AdminClient, Failure> {
        match self.place()? {
            Place::Socket(socket) => Ok(AdminClient::new(socket)),
            Place::Context(name) => Contexts::of_user()?.client(&name),
        }
    }
}
