//! The part of the road that a signed AWS request takes instead of a token: check, ask AWS, believe what it names.

use accredit_api::token::TokenResponse;
use accredit_core::evidence::Evidence;
use accredit_core::evidence::aws_request::{self, Fault};
use accredit_core::model::Resource;
use accredit_id::aws_request::AwsRequest;

use super::{Evident, Refused, Walk};
use crate::faces::Cause;
use crate::gather::StsFault;
use crate::provider;

impl Walk<'_> {
    pub(super) async fn walk_aws_request(&self, request: &AwsRequest) -> Result<Option<TokenResponse>, Refused> {
        let named = self.request.provider.as_deref();
        let provider = provider::of_aws_request(&self.in_force.world, named, request)
            .map_err(|unknown| self.note_unverified(unknown.code, unknown.operator, unknown.hint, None))?;
        let known = provider.as_provider().ok_or_else(|| Refused::unavailable(self.decision, Cause::Internal, 1))?;
        let accepted =
            known.signed_requests.as_ref().ok_or_else(|| Refused::unavailable(self.decision, Cause::Internal, 1))?;
        let checked =
            aws_request::check(request, accepted, self.now).map_err(|fault| self.not_accepted(&fault, provider))?;
        // Nobody is asked on behalf of a provider that is switched off: the answer would count for nothing.
        if self.in_force.world.enabled(provider.id).is_none() {
            let what = format!("provider `{}` is disabled", provider.name);
            return Err(self.note_unverified("provider-disabled", what, None, Some(provider)));
        }
        let answer = self.app.ask_sts(checked.to_send()).await.map_err(|fault| self.not_named(&fault, provider))?;
        let caller = checked.caller(&answer).map_err(|fault| self.not_accepted(&fault, provider))?;
        let (token, evidence) = (request.signature(), Evidence::Caller(&caller));
        self.decide(Evident { provider, known, token, evidence, actor: None }).await
    }

    fn not_accepted(&self, fault: &Fault, provider: &Resource) -> Refused {
        self.note_unverified(fault.code(), fault.operator_text(), fault.hint(), Some(provider))
    }

    /// AWS named nobody. Only when it could not be asked does trying again make sense.
    fn not_named(&self, fault: &StsFault, provider: &Resource) -> Refused {
        let refused = self.note_unverified(fault.code(), fault.operator_text(), fault.hint(), Some(provider));
        match fault {
            StsFault::Refused { .. } | StsFault::Unreadable(_) => refused,
            StsFault::Unavailable(_) => Refused {
                cause: Cause::KeysUnavailable,
                sentence: "the provider cannot be asked at the moment",
                retry_after: Some(2),
                ..refused
            },
        }
    }
}
