//! The schemas of the admin API's types, as its OpenAPI document has them.

use utoipa::OpenApi;

use crate::admin::{
    AcknowledgeRequest, Action, Alarm, AlarmList, ApplyRequest, ApplyResponse, AuditBreak, AuditEvents, AuditHead,
    AuditHeadList, AuditList, AuditRecord, AuditVerification, Change, Clause, CondemnKeyRequest, Considered,
    DroppedBundleEntry, DroppedProviderKey, EraseRequest, EraseResponse, ExplainRequest, Explanation,
    FederationAuthority, FederationBundle, FieldChange, Finding, KeyFetchFault, KeyStep, KeyTally, KeysChanged,
    KeysRewrapped, LeftOut, LintReport, LoginOptions, LoginProvider, NamedResource, NearMiss, NewResource, Outcome,
    Pin, PinList, ProjectToken, ProjectTokenRequest, ProviderKey, ProviderKeys, RefreshFederationRequest, RepinRequest,
    RepinResponse, ReplayChange, ReplayReport, ReplayRequest, ReplayTally, ReplayedChange, ReplayedSubject,
    ReplayedVerdict, Resource, ResourceList, ResourcePage, RewrapKeysRequest, RoleHeld, RotateKeysRequest, SeenKeySet,
    Severity, SigningKey, SigningKeyList, Status, Verdict, VerifyAuditRequest, WhoAmI, Written,
};
use crate::problem::{Fault, Problem};
use crate::token::{TokenError, TokenResponse};

/// `components` of the document; whoever routes adds the paths.
#[derive(Debug, OpenApi)]
#[openapi(components(schemas(
    AcknowledgeRequest,
    Action,
    Alarm,
    AlarmList,
    ApplyRequest,
    ApplyResponse,
    AuditBreak,
    AuditEvents,
    AuditHead,
    AuditHeadList,
    AuditList,
    AuditRecord,
    AuditVerification,
    Change,
    Clause,
    CondemnKeyRequest,
    Considered,
    DroppedBundleEntry,
    DroppedProviderKey,
    EraseRequest,
    EraseResponse,
    ExplainRequest,
    Explanation,
    Fault,
    FederationAuthority,
    FederationBundle,
    FieldChange,
    Finding,
    KeyFetchFault,
    KeyStep,
    KeyTally,
    KeysChanged,
    KeysRewrapped,
    LeftOut,
    LintReport,
    LoginOptions,
    LoginProvider,
    NamedResource,
    NearMiss,
    NewResource,
    Outcome,
    Pin,
    PinList,
    Problem,
    ProjectToken,
    ProjectTokenRequest,
    ProviderKey,
    ProviderKeys,
    RefreshFederationRequest,
    RepinRequest,
    RepinResponse,
    ReplayChange,
    ReplayReport,
    ReplayRequest,
    ReplayTally,
    ReplayedChange,
    ReplayedSubject,
    ReplayedVerdict,
    Resource,
    ResourceList,
    ResourcePage,
    RewrapKeysRequest,
    RoleHeld,
    RotateKeysRequest,
    SeenKeySet,
    Severity,
    SigningKey,
    SigningKeyList,
    Status,
    TokenError,
    TokenResponse,
    Verdict,
    VerifyAuditRequest,
    WhoAmI,
    Written,
)))]
pub struct Schemas;

/// The schemas by name, as JSON.
pub fn schemas() -> serde_json::Value {
    let document = serde_json::to_value(Schemas::openapi()).unwrap_or_default();
    document.pointer("/components/schemas").cloned().unwrap_or_default()
}
