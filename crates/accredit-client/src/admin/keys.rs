//! Keys: the server's own, its trust domains', its providers', and those of foreign trust domains.

use accredit_api::admin::{
    ClusterKeys, CondemnKeyRequest, FederationBundle, KeysChanged, KeysRewrapped, ProviderKeys,
    RefreshFederationRequest, RewrapKeysRequest, RotateKeysRequest, SigningKeyList, TrustDomainDocuments,
    TrustDomainStatus,
};

use super::{AdminClient, AdminError};

impl AdminClient {
    /// Lists the server's own signing keys, removed ones too.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn keys(&self) -> Result<SigningKeyList, AdminError> {
        self.fetch("/v1/keys", &[]).await
    }

    /// Ends the turns of signing keys.
    ///
    /// # Errors
    /// [`AdminError`]; where no key signs what was named, it is refused.
    pub async fn rotate_keys(&self, request: &RotateKeysRequest) -> Result<KeysChanged, AdminError> {
        self.post("/v1/keys/rotate", request).await
    }

    /// Stops signing with a key.
    ///
    /// # Errors
    /// [`AdminError`]; one that signs no more already is refused.
    pub async fn taint_key(&self, request: &CondemnKeyRequest) -> Result<KeysChanged, AdminError> {
        self.post("/v1/keys/taint", request).await
    }

    /// Takes a key out of the key set, and with it what it signed.
    ///
    /// # Errors
    /// [`AdminError`]; one that is gone, or vouches for the log, is refused.
    pub async fn revoke_key(&self, request: &CondemnKeyRequest) -> Result<KeysChanged, AdminError> {
        self.post("/v1/keys/revoke", request).await
    }

    /// Seals every stored key under the server's present key-encryption key.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn rewrap_keys(&self, request: &RewrapKeysRequest) -> Result<KeysRewrapped, AdminError> {
        self.post("/v1/keys/rewrap", request).await
    }

    /// How a provider's keys are, and which sets it was seen to have; `at` (Unix seconds) asks for those that counted then.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn provider_keys(&self, provider: &str, at: Option<i64>) -> Result<ProviderKeys, AdminError> {
        let at = at.map(|at| at.to_string());
        self.fetch("/v1/provider-keys", &[("provider", Some(provider)), ("at", at.as_deref())]).await
    }

    /// How the keys are by which a cluster judges its jobs.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn cluster_keys(&self, cluster: &str) -> Result<ClusterKeys, AdminError> {
        self.fetch("/v1/cluster-keys", &[("cluster", Some(cluster))]).await
    }

    /// How a trust domain is: where it is reached, and which keys it has.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn trust_domain_status(&self, trust_domain: &str) -> Result<TrustDomainStatus, AdminError> {
        self.fetch("/v1/trust-domain-status", &[("trustDomain", Some(trust_domain))]).await
    }

    /// What a trust domain publishes.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn trust_domain_documents(&self, trust_domain: &str) -> Result<TrustDomainDocuments, AdminError> {
        self.fetch("/v1/trust-domain-documents", &[("trustDomain", Some(trust_domain))]).await
    }

    /// What a federation holds of its foreign trust domain.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn federation_bundle(&self, federation: &str) -> Result<FederationBundle, AdminError> {
        self.fetch("/v1/federation-bundle", &[("federation", Some(federation))]).await
    }

    /// Asks for a federation's bundle now, and says what came of it.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn refresh_federation(&self, federation: &str) -> Result<FederationBundle, AdminError> {
        let request = RefreshFederationRequest { federation: federation.to_owned() };
        self.post("/v1/federation-bundle/refresh", &request).await
    }
}
