//! The kinds of resources, a row of equals.

/// What a resource is.
///
/// The order is the order of writing: a kind only refers to kinds before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Owns service accounts, APIs, grants, mappings and providers of its own.
    Project,
    /// A trust domain that this server is the authority of.
    TrustDomain,
    /// A foreign trust domain whose bundle a trust domain of ours hands on.
    Federation,
    /// An identity provider whose tokens are accepted.
    Provider,
    /// The principal that a workload becomes.
    ServiceAccount,
    /// A service that accepts our tokens.
    Api,
    /// A named set of an API's permissions.
    Role,
    /// Permissions or a role, given by an API's owner to a service account.
    Grant,
    /// Which facts of which provider may become which service account.
    Mapping,
    /// Who may change and read what on this server.
    Administrator,
    /// Whose tokens attest jobs, said once and linked to clusters.
    CiCdProfile,
    /// What shares attestation and issuance policy.
    Cluster,
}

/// Who may own a resource of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The server: its names have no project.
    Server,
    /// A project: its names are `PROJECT/NAME`.
    Project,
    /// Either.
    Either,
}

struct Words {
    document: &'static str,
    noun: &'static str,
    prefix: &'static str,
    ownership: Ownership,
}

impl Kind {
    /// Every kind, in the order of writing.
    pub const ALL: [Kind; 12] = [
        Kind::Project,
        Kind::TrustDomain,
        Kind::Federation,
        Kind::Provider,
        Kind::ServiceAccount,
        Kind::Api,
        Kind::Role,
        Kind::Grant,
        Kind::Mapping,
        Kind::Administrator,
        Kind::CiCdProfile,
        Kind::Cluster,
    ];

    /// Its name in documents, e.g. `ServiceAccount`.
    pub const fn document(self) -> &'static str {
        self.words().document
    }

    /// Its name on the command line, e.g. `service-account`.
    pub const fn noun(self) -> &'static str {
        self.words().noun
    }

    /// What its ids begin with, without the underscore, e.g. `sa`.
    pub const fn prefix(self) -> &'static str {
        self.words().prefix
    }

    /// Who may own it.
    pub const fn ownership(self) -> Ownership {
        self.words().ownership
    }

    /// Finds a kind by its document name or its noun.
    pub fn named(text: &str) -> Option<Kind> {
        Self::ALL.into_iter().find(|kind| kind.document() == text || kind.noun() == text)
    }

    const fn words(self) -> Words {
        const fn words(
            document: &'static str,
            noun: &'static str,
            prefix: &'static str,
            ownership: Ownership,
        ) -> Words {
            Words { document, noun, prefix, ownership }
        }
        match self {
            Kind::Project => words("Project", "project", "proj", Ownership::Server),
            Kind::TrustDomain => words("TrustDomain", "trust-domain", "td", Ownership::Server),
            Kind::Federation => words("Federation", "federation", "fed", Ownership::Server),
            Kind::Provider => words("Provider", "provider", "idp", Ownership::Either),
            Kind::ServiceAccount => words("ServiceAccount", "service-account", "sa", Ownership::Project),
            Kind::Api => words("API", "api", "api", Ownership::Project),
            Kind::Role => words("Role", "role", "role", Ownership::Project),
            Kind::Grant => words("Grant", "grant", "grant", Ownership::Project),
            Kind::Mapping => words("Mapping", "mapping", "map", Ownership::Project),
            Kind::Administrator => words("Administrator", "administrator", "adm", Ownership::Either),
            Kind::CiCdProfile => words("CiCdProfile", "ci-cd-profile", "cicd", Ownership::Server),
            Kind::Cluster => words("Cluster", "cluster", "cl", Ownership::Server),
        }
    }
}
