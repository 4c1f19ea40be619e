//! Trust domains that this server is the authority of: who signs for them, and what they publish.

mod documents;

use std::sync::Arc;

use accredit_core::model::{Id, Kind, Resource, TrustDomain};
use accredit_id::jose::jwk::KeySet;
use accredit_id::time::Timestamp;

use crate::app::App;
use crate::clock;
use crate::keys::{SigningKey, X509Authority};
use crate::signing::OfDomain;

pub(crate) use documents::{all as documents, router};

/// What a trust domain publishes now.
pub(crate) struct Published {
    /// Its keys.
    pub(crate) of_domain: Arc<OfDomain>,
    /// Whether they were read so recently that readers may keep them.
    pub(crate) is_recent: bool,
}

impl App {
    /// The issuer of a trust domain's JWT-SVIDs. It never changes, whatever the trust domain is called.
    pub(crate) fn jwt_svid_issuer(&self, domain: Id) -> String {
        format!("{}/td/{domain}", self.public_url)
    }

    /// The key that signs JWT-SVIDs of a trust domain of ours now. `None`: sign nothing.
    pub(crate) async fn jwt_svid_signer(&self, domain: Id, now: Timestamp) -> Option<Arc<SigningKey>> {
        let signing = self.trust_domain(domain)?.jwt_signing;
        self.minting(domain, now).await?.jwt_signer(signing).map(Arc::clone)
    }

    /// The authority of a trust domain that signs X509-SVIDs now, with what stands above it. `None`: sign nothing.
    pub(crate) async fn x509_authority(&self, domain: Id, now: Timestamp) -> Option<Arc<X509Authority>> {
        self.trust_domain(domain)?;
        let authority = self.minting(domain, now).await?.authority().map(Arc::clone)?;
        (authority.not_before() <= now && now < authority.not_after()).then_some(authority)
    }

    /// The public keys of a trust domain's JWT-SVIDs, as they are published; none of one that does not count.
    pub(crate) fn jwt_svid_keys(&self, domain: Id) -> Arc<KeySet> {
        let published = self.trust_domain(domain).and_then(|_| self.signing.published_by(domain, clock::now()));
        published.map(|(of_domain, _)| Arc::clone(&of_domain.verifying)).unwrap_or_default()
    }

    /// The SPIFFE bundle of a trust domain as it is served: JSON, with sequence and refresh hint. `None` for one that does not
    /// count, or has no keys yet.
    pub(crate) async fn bundle_document(&self, domain: Id) -> Option<Arc<str>> {
        Some(Arc::clone(&self.published_by(domain).await?.of_domain.bundle))
    }

    /// What a trust domain publishes, read again where it was read long ago.
    pub(crate) async fn published_by(&self, domain: Id) -> Option<Published> {
        self.trust_domain(domain)?;
        let published = self.signing.published_by(domain, clock::now());
        if let Some((of_domain, true)) = published {
            return Some(Published { of_domain, is_recent: true });
        }
        self.read_keys().await;
        let (of_domain, is_recent) = self.signing.published_by(domain, clock::now())?;
        Some(Published { of_domain, is_recent })
    }

    /// A trust domain that counts.
    fn trust_domain(&self, domain: Id) -> Option<TrustDomain> {
        let in_force = self.read_model.now();
        let resource = in_force.world.enabled(domain).filter(|resource| resource.kind() == Kind::TrustDomain)?;
        Resource::as_trust_domain(resource).cloned()
    }

    async fn minting(&self, domain: Id, now: Timestamp) -> Option<Arc<OfDomain>> {
        // What other servers have changed may not be in force here.
        if self.following.is_blind() {
            return None;
        }
        if let Some(of_domain) = self.signing.minting(domain, now) {
            return Some(of_domain);
        }
        self.read_keys().await;
        self.signing.minting(domain, clock::now())
    }

    async fn read_keys(&self) {
        if let Err(fault) = self.signing.read(&self.store, clock::now()).await {
            tracing::warn!(event = "signing-keys-unread", "signing keys cannot be read: {fault}");
        }
    }
}
