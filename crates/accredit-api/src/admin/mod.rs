//! The admin API: resources, decisions, audit.
//!
//! | method and path | request | answer |
//! |---|---|---|
//! | `POST /v1/apply` | [`ApplyRequest`] | [`ApplyResponse`] |
//! | `GET /v1/resources?kind=K&project=P` (both optional) | | [`ResourceList`] |
//! | `GET /v1/resource?kind=K&name=N` (name or id) | | [`Resource`] |
//! | `POST /v1/resource/delete` | [`NamedResource`] | [`ApplyResponse`] |
//! | `POST /v1/resource/enable`, `POST /v1/resource/disable` | [`NamedResource`] | [`ApplyResponse`] |
//! | `GET /v1/lint` | | [`LintReport`] |
//! | `POST /v1/explain` | [`ExplainRequest`] | [`Explanation`] |
//! | `POST /v1/replay` | [`ReplayRequest`] | [`ReplayReport`] |
//! | `POST /v1/replay/identities` | [`IdentityReplayRequest`] | [`IdentityReplayReport`] |
//! | `GET /v1/decision?id=ID` | | [`Explanation`] |
//! | `GET /v1/audit?limit=N&before=POSITION` | | [`AuditList`] |
//! | `GET /v1/audit/record?id=ID` | | [`AuditRecord`] |
//! | `POST /v1/audit/verify` | [`VerifyAuditRequest`] (optional) | [`AuditVerification`] |
//! | `GET /v1/audit/heads?from=SECONDS` (optional) | | [`AuditHeadList`] |
//! | `POST /v1/backup` (at the socket alone) | | a backup, in a form of its own |
//! | `GET /v1/audit/events?from=SECONDS&to=SECONDS&page_token=POSITION` (all optional) | | [`AuditEvents`] |
//! | `POST /v1/audit/erase` | [`EraseRequest`] | [`EraseResponse`] |
//! | `GET /v1/pins?mapping=N` (name or id) | | [`PinList`] |
//! | `POST /v1/pins/repin` | [`RepinRequest`] | [`RepinResponse`] |
//! | `GET /v1/alarms?provider=N&all=true` (both optional) | | [`AlarmList`] |
//! | `GET /v1/alarm?id=ID` | | [`Alarm`] |
//! | `POST /v1/alarm/acknowledge` | [`AcknowledgeRequest`] | [`Alarm`] |
//! | `GET /v1/keys` | | [`SigningKeyList`] |
//! | `POST /v1/keys/rotate` | [`RotateKeysRequest`] | [`KeysChanged`] |
//! | `POST /v1/keys/taint`, `POST /v1/keys/revoke` | [`CondemnKeyRequest`] | [`KeysChanged`] |
//! | `POST /v1/keys/rewrap` | [`RewrapKeysRequest`] | [`KeysRewrapped`] |
//! | `GET /v1/provider-keys?provider=N&at=SECONDS` (`at` optional) | | [`ProviderKeys`] |
//! | `GET /v1/cluster-keys?cluster=N` | | [`ClusterKeys`] |
//! | `GET /v1/trust-domain-status?trustDomain=N` | | [`TrustDomainStatus`] |
//! | `GET /v1/trust-domain-documents?trustDomain=N` | | [`TrustDomainDocuments`] |
//! | `GET /v1/federation-bundle?federation=N` | | [`FederationBundle`] |
//! | `POST /v1/federation-bundle/refresh` | [`RefreshFederationRequest`] | [`FederationBundle`] |
//! | `GET /v1/status` | | [`Status`] |
//! | `GET /v1/whoami` | | [`WhoAmI`] |
//! | `GET /admin/login-options` (to anybody) | | [`LoginOptions`] |
//! | `POST /admin/token` (to anybody, a form) | | [`TokenResponse`](crate::token::TokenResponse) |
//! | `GET /openapi.json` (to anybody) | | the whole table of routes |
//! | `POST /v1/spiral/token` | [`ProjectTokenRequest`] | [`ProjectToken`] |

mod alarm;
mod audit;
mod explanation;
mod federation;
mod identities;
mod identity;
mod key;
mod keys;
mod login;
mod pin;
mod published;
mod replay;
mod resource;
mod spiral;
mod trust_domain;

pub use alarm::{AcknowledgeRequest, Alarm, AlarmList};
pub use audit::{
    AuditBreak, AuditEvents, AuditHead, AuditHeadList, AuditList, AuditRecord, AuditVerification, EraseRequest,
    EraseResponse, VerifyAuditRequest,
};
pub use explanation::{
    ActorShown, Clause, Considered, ConsideredActor, ExplainRequest, Explanation, NearMiss, Outcome, Verdict,
};
pub use federation::{DroppedBundleEntry, FederationAuthority, FederationBundle, RefreshFederationRequest};
pub use identities::{
    IdentitiesLeftOut, IdentityChange, IdentityReplayReport, IdentityReplayRequest, IdentityVerdict, ReplayedIdentity,
};
pub use identity::{AttributeShown, ConsideredIssuer, ConsideredPolicy, IdentityShown, SvidShown};
pub use key::{
    CondemnKeyRequest, KeyStep, KeysChanged, KeysRewrapped, RewrapKeysRequest, RotateKeysRequest, SigningKey,
    SigningKeyList,
};
pub use keys::{
    ClusterKeys, DroppedProviderKey, HeldKeys, JobIssuerKeys, KeyFetchFault, KeyTally, ProviderKey, ProviderKeys,
    SeenKeySet,
};
pub use login::{LoginOptions, LoginProvider, RoleHeld, WhoAmI};
pub use pin::{Pin, PinList, RepinRequest, RepinResponse};
pub use published::{PublishedDocument, TrustDomainDocuments};
pub use replay::{
    LeftOut, ReplayChange, ReplayReport, ReplayRequest, ReplayTally, ReplayedChange, ReplayedSubject, ReplayedVerdict,
};
pub use resource::{
    Action, ApplyRequest, ApplyResponse, Change, FieldChange, Finding, LintReport, NamedResource, NewResource,
    Resource, ResourceList, ResourcePage, Severity, Status, Suppressed, Written,
};
pub use spiral::{ProjectToken, ProjectTokenRequest};
pub use trust_domain::{KeySchedule, TrustDomainStatus, UpstreamStatus};
