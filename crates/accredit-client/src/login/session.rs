//! What is kept between two commands, and how it is renewed.

use std::path::{Path, PathBuf};

use accredit_api::admin::LoginProvider;
use accredit_id::base64url;
use accredit_id::jose::dpop::ProofKey;
use accredit_id::secret::Secret;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::fault::LoginError;
use super::issuer::{Issuer, MARGIN, Tokens, is_fresh};
use super::server::{AdminToken, LoginServer};
use crate::{chance, clock};

/// Everything secret of a login. It is written to a file that nobody else can read, and nowhere else.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kept {
    /// The key's 32 bytes, base64url.
    #[serde(with = "text")]
    seed: Secret<String>,
    /// The token at hand; empty when there is none.
    #[serde(with = "text")]
    token: Secret<String>,
    /// When it ends, Unix seconds.
    expires_at: i64,
    /// What another one is given for.
    evidence: Evidence,
}

/// What a token is given for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Evidence {
    /// A person's, from an OpenID provider.
    Person {
        /// The provider.
        provider: LoginProvider,
        /// The identity token.
        #[serde(with = "text")]
        id_token: Secret<String>,
        /// What gives another one.
        #[serde(default, with = "optional_text", skip_serializing_if = "Option::is_none")]
        refresh_token: Option<Secret<String>>,
    },
    /// A workload's, in a file that its platform keeps fresh.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A workload's, handed over once.
    Token {
        /// The token.
        #[serde(with = "text")]
        token: Secret<String>,
    },
}

/// Where a session is kept: the files of whoever uses this crate.
pub trait Keeping: Send + Sync {
    /// Writes the session where only its owner can read it.
    ///
    /// # Errors
    /// What the system said.
    fn keep(&self, kept: &Kept) -> std::io::Result<()>;

    /// Reads a platform's token.
    ///
    /// # Errors
    /// What the system said.
    fn platform_token(&self, path: &Path) -> std::io::Result<String>;
}

/// A login in use.
pub struct Session {
    pub(crate) server: LoginServer,
    pub(crate) key: ProofKey,
    extra_roots: Option<Vec<u8>>,
    kept: Mutex<Kept>,
    keeping: Box<dyn Keeping>,
}

// === impl Kept ===

impl Kept {
    /// A new key alone; [`Kept::of`] keeps it.
    ///
    /// # Errors
    /// [`LoginError::Local`] without random numbers.
    pub fn new_seed() -> Result<Secret<String>, LoginError> {
        Ok(Secret::new(base64url::encode(&chance::bytes::<32>().map_err(LoginError::chance)?)))
    }

    /// A login that has its evidence and no token yet.
    pub fn of(seed: Secret<String>, evidence: Evidence) -> Self {
        Self { seed, token: Secret::new(String::new()), expires_at: 0, evidence }
    }

    /// When the token at hand ends, Unix seconds; 0 when there is none.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// What another token is given for.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The key of a seed.
    ///
    /// # Errors
    /// [`LoginError::Ended`] when it is none.
    pub fn key_of(seed: &Secret<String>) -> Result<ProofKey, LoginError> {
        key(seed)
    }

    fn key(&self) -> Result<ProofKey, LoginError> {
        key(&self.seed)
    }
}

/// The key of a seed.
///
/// # Errors
/// [`LoginError::Ended`] when the text is no seed.
fn key(seed: &Secret<String>) -> Result<ProofKey, LoginError> {
    let ended = || LoginError::Ended { why: "its key cannot be read".to_owned() };
    let bytes = base64url::decode(seed.reveal()).map_err(|_| ended())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| ended())?;
    ProofKey::from_seed(&Secret::new(bytes)).map_err(|_| ended())
}

// === impl Session ===

impl Session {
    /// A session with a server.
    ///
    /// # Errors
    /// [`LoginError::Endpoint`], or [`LoginError::Ended`] when what was kept is no key.
    pub fn new(
        url: &str,
        extra_roots: Option<&[u8]>,
        kept: Kept,
        keeping: Box<dyn Keeping>,
    ) -> Result<Self, LoginError> {
        let server = LoginServer::new(url, extra_roots)?;
        let key = kept.key()?;
        Ok(Self { server, key, extra_roots: extra_roots.map(<[u8]>::to_vec), kept: Mutex::new(kept), keeping })
    }

    /// A token that is good for half a minute more: the one at hand, or another one for the evidence.
    ///
    /// # Errors
    /// [`LoginError::Ended`] when somebody has to log in again.
    pub async fn token(&self) -> Result<Secret<String>, LoginError> {
        let mut kept = self.kept.lock().await;
        if kept.token.reveal().is_empty() || kept.expires_at <= clock::now().unix() + MARGIN {
            let AdminToken { token, expires_at } = self.renewed(&mut kept).await?;
            (kept.token, kept.expires_at) = (token, expires_at);
            self.keep(&kept)?;
        }
        Ok(Secret::new(kept.token.reveal().clone()))
    }

    /// Forgets a token that the server takes no more, so that the next one is asked for.
    pub async fn forget(&self, token: &Secret<String>) {
        let mut kept = self.kept.lock().await;
        if kept.token.reveal() == token.reveal() {
            (kept.token, kept.expires_at) = (Secret::new(String::new()), 0);
        }
    }

    async fn renewed(&self, kept: &mut Kept) -> Result<AdminToken, LoginError> {
        match &kept.evidence {
            Evidence::File { path } => {
                let token = self.keeping.platform_token(path).map_err(|cause| LoginError::Local {
                    what: format!("token file `{}` cannot be read", path.display()),
                    cause,
                })?;
                self.server.token(&self.key, &token, JWT).await
            }
            Evidence::Token { token } if is_fresh(token.reveal()) => {
                self.server.token(&self.key, token.reveal(), JWT).await
            }
            Evidence::Token { .. } => Err(LoginError::Ended { why: "the workload's token has expired".to_owned() }),
            Evidence::Person { id_token, .. } if is_fresh(id_token.reveal()) => {
                self.server.token(&self.key, id_token.reveal(), ID_TOKEN).await
            }
            Evidence::Person { refresh_token: None, .. } => {
                Err(LoginError::Ended { why: "the identity token has expired".to_owned() })
            }
            Evidence::Person { provider, refresh_token: Some(refresh_token), .. } => {
                let provider = provider.clone();
                let issuer = Issuer::discover(provider.clone(), self.extra_roots.as_deref()).await?;
                let tokens = match issuer.refresh(refresh_token).await {
                    Err(LoginError::NotLetIn { .. }) => {
                        return Err(LoginError::Ended { why: "the provider renews it no more".to_owned() });
                    }
                    other => other?,
                };
                let Tokens { id_token, refresh_token: rotated } = tokens;
                let again = Secret::new(refresh_token.reveal().clone());
                kept.evidence = Evidence::Person { provider, id_token, refresh_token: rotated.or(Some(again)) };
                // Before anything may go wrong: a provider that rotates takes the old one no more.
                self.keep(kept)?;
                let Evidence::Person { id_token, .. } = &kept.evidence else {
                    return Err(LoginError::Ended { why: "nothing is kept of it".to_owned() });
                };
                self.server.token(&self.key, id_token.reveal(), ID_TOKEN).await
            }
        }
    }

    fn keep(&self, kept: &Kept) -> Result<(), LoginError> {
        self.keeping.keep(kept).map_err(|cause| LoginError::Local { what: "session cannot be kept".to_owned(), cause })
    }
}

/// Shows the server alone.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("server", &self.server.url()).finish_non_exhaustive()
    }
}

/// A secret in a file. `Serialize` is not the secret's own: whoever writes one says so.
mod text {
    use accredit_id::secret::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.reveal())
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Secret<String>, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// The same, where there may be none.
mod optional_text {
    use accredit_id::secret::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => serializer.serialize_some(secret.reveal()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

/// Token types (RFC 8693 section 3).
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
