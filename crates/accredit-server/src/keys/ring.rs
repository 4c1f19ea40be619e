//! The keys as the store has them, unsealed.

use std::sync::Arc;

use accredit_core::keyring::{self, Purpose, Schedule, Slot, State};
use accredit_core::model::Id;
use accredit_id::jose::jwk::PublicKey;
use accredit_id::time::Timestamp;

use super::authority::X509Authority;
use super::certificate::Chain;
use super::life;
use super::signing_key::{SigningFault, SigningKey};
use super::unsealer::Unsealer;

/// The keys as the store had them at one moment: immutable, replaced as a whole, so that whoever signs and whoever publishes
/// see the same ones.
#[derive(Debug, Default, Clone)]
pub(crate) struct KeyRing {
    held: Vec<Held>,
    /// The same keys, as the schedule sees them.
    lives: Vec<keyring::Key>,
}

/// One key.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Where it stands.
    pub(crate) key: keyring::Key,
    /// What a move of it must name.
    pub(crate) revision: i64,
    /// The id of the key-encryption key that it is sealed under.
    pub(crate) sealed_by: String,
    /// The key itself; none once it was removed.
    pub(crate) signing: Option<Arc<SigningKey>>,
    /// What it is as a certificate authority, where it is one.
    pub(crate) authority: Option<Arc<X509Authority>>,
}

// === impl KeyRing ===

impl KeyRing {
    /// Unseals the store's keys; those that `before` holds need not be opened again. One that does not open is a fault of the
    /// whole: a server that lost a key must say so, not go on with another.
    pub(crate) fn open(
        rows: &[accredit_store::SigningKey],
        kek: &Unsealer,
        before: &Self,
    ) -> Result<Self, SigningFault> {
        let held: Vec<Held> = rows.iter().map(|row| open(row, kek, before)).collect::<Result<_, SigningFault>>()?;
        let lives = held.iter().map(|held| held.key.clone()).collect();
        Ok(Self { held, lives })
    }

    /// Every key, oldest first.
    pub(crate) fn held(&self) -> &[Held] {
        &self.held
    }

    /// Every key, as the schedule sees it.
    pub(crate) fn lives(&self) -> &[keyring::Key] {
        &self.lives
    }

    /// The key that signs in a slot now, if any may ([`keyring::signer`]).
    pub(crate) fn signer(&self, slot: Slot, now: Timestamp, schedule: &Schedule) -> Option<&Arc<SigningKey>> {
        keyring::signer(&self.lives, slot, now, schedule).and_then(|key| self.find(&key.id))
    }

    /// The key of this name, in whatever state but removed: for signatures that it made before.
    pub(crate) fn find(&self, id: &str) -> Option<&Arc<SigningKey>> {
        self.held.iter().find(|held| held.key.id == id)?.signing.as_ref()
    }

    /// The authority that signs in a slot now, if any may.
    pub(crate) fn authority(&self, slot: Slot, now: Timestamp, schedule: &Schedule) -> Option<&Arc<X509Authority>> {
        let key = keyring::signer(&self.lives, slot, now, schedule)?;
        self.held.iter().find(|held| held.key.id == key.id)?.authority.as_ref()
    }

    /// What verifiers of such tokens, of a trust domain or of none, may meet: published, active and retired keys alike. Those of access tokens are
    /// everybody's to know, the others ours alone.
    pub(crate) fn published(&self, purpose: Purpose, domain: Option<Id>) -> impl Iterator<Item = &PublicKey> {
        let is_meant = move |held: &&Held| {
            let Slot { purpose: signs, domain: whose, .. } = held.key.slot;
            (signs, whose) == (purpose, domain) && held.key.life.is_published()
        };
        self.held.iter().filter(is_meant).filter_map(|held| held.signing.as_ref()).map(|key| key.public())
    }
}

fn open(row: &accredit_store::SigningKey, kek: &Unsealer, before: &KeyRing) -> Result<Held, SigningFault> {
    let slot = life::slot(row)?;
    let is_removed = row.life.state == State::Removed.name();
    let opened = before.held.iter().find(|held| held.key.id == row.id && held.key.slot == slot);
    let signing = match opened.and_then(|held| held.signing.as_ref()) {
        _ if is_removed => None,
        Some(opened) if opened.is_public_half(&row.public_jwk) => Some(Arc::clone(opened)),
        Some(_) | None => Some(Arc::new(SigningKey::from_row(row, kek)?)),
    };
    let authority = match (&signing, &row.chain) {
        (Some(key), Some(chain)) => {
            let known = opened.and_then(|held| held.authority.as_ref()).filter(|known| known.chain().is_der(chain));
            let mixed = || SigningFault::Mixed { id: row.id.clone() };
            Some(match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(X509Authority::new(key, Chain::parse(chain)?).ok_or_else(mixed)?),
            })
        }
        _ => None,
    };
    let key = life::key(row, authority.as_ref().map(|authority| authority.not_after()))?;
    Ok(Held { key, revision: row.revision, sealed_by: row.kek_id.clone(), signing, authority })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::time::Duration;

    use accredit_core::keyring::{DomainSchedule, Life};
    use accredit_id::jose::Algorithm;
    use accredit_id::jose::jws::{Compact, signing_input};

    use super::super::encryption_key::KeyEncryptionKey;
    use super::*;

    const DOMAIN: &str = "td_00000000000000000000000001";
    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const SCHEDULE: Schedule = Schedule {
        every: Duration::from_secs(1000),
        cache: Duration::from_secs(300),
        margin: Duration::from_secs(60),
        leeway: Duration::from_secs(60),
        longest_access: Duration::from_secs(600),
        longest_internal: Duration::from_secs(600),
        domains: DomainSchedule {
            jwt_cache: Duration::from_secs(300),
            bundle_refresh: Duration::from_secs(300),
            patience: Duration::from_secs(600),
            longest_jwt: Duration::from_secs(600),
            longest_x509: Duration::from_secs(600),
        },
    };

    fn life(state: State) -> Life {
        Life { state, published_at: Some(NOW), activated_at: Some(NOW), ..Life::new(NOW) }
    }

    fn slot(purpose: Purpose, algorithm: Algorithm) -> Slot {
        Slot { purpose, algorithm, domain: None }
    }

    async fn key(algorithm: Algorithm, purpose: Purpose) -> SigningKey {
        SigningKey::generate(slot(purpose, algorithm)).await.unwrap()
    }

    #[tokio::test]
    async fn keys_survive_the_store_and_sign_what_their_public_halves_verify() {
        let kek = Unsealer::new(KeyEncryptionKey::in_memory().unwrap(), None);
        let made = [
            key(Algorithm::Es256, Purpose::Access).await,
            key(Algorithm::Rs256, Purpose::Access).await,
            key(Algorithm::Es256, Purpose::Audit).await,
        ];
        let rows: Vec<_> = made.iter().map(|key| key.to_row(&life(State::Active), kek.current()).unwrap()).collect();
        let ring = KeyRing::open(&rows, &kek, &KeyRing::default()).unwrap();
        for (made, opened) in made.iter().zip([
            ring.signer(slot(Purpose::Access, Algorithm::Es256), NOW, &SCHEDULE).unwrap(),
            ring.signer(slot(Purpose::Access, Algorithm::Rs256), NOW, &SCHEDULE).unwrap(),
            ring.signer(slot(Purpose::Audit, Algorithm::Es256), NOW, &SCHEDULE).unwrap(),
        ]) {
            assert_eq!(made.id(), opened.id());
            assert_eq!((opened.id().len(), opened.id()), (22, &made.public().thumbprint()[..22]));
            let token = opened.sign(signing_input(r#"{"alg":"x"}"#, "{}")).unwrap();
            let split = Compact::split(&token).unwrap();
            let signature = accredit_id::base64url::decode(split.signature()).unwrap();
            let algorithm = if opened.public().allows(Algorithm::Es256) { Algorithm::Es256 } else { Algorithm::Rs256 };
            assert_eq!(signature.len(), if algorithm == Algorithm::Es256 { 64 } else { 256 });
            let message = split.signing_input().as_bytes();
            assert!(made.public().verify_signature(algorithm, message, &signature).is_ok());
            assert!(made.public().verify_signature(algorithm, b"other", &signature).is_err());
        }
        // The audit key is nobody's to verify tokens with.
        let published: Vec<_> = ring.published(Purpose::Access, None).map(PublicKey::kid).collect();
        assert_eq!(published, [made[0].id(), made[1].id()]);
        assert_eq!(ring.find(made[2].id()).unwrap().id(), made[2].id());
        assert!(ring.find("other").is_none());
        let other = Unsealer::new(KeyEncryptionKey::in_memory().unwrap(), None);
        let fault = KeyRing::open(&rows, &other, &KeyRing::default()).unwrap_err().to_string();
        let expected = format!(
            "key `{}` is wrapped by `{}`, the key-encryption key here is `{}`",
            made[0].id(),
            kek.current().id,
            other.current().id
        );
        assert_eq!(fault, expected);
    }

    /// A key of one trust domain opens as no other one's.
    #[tokio::test]
    async fn keys_of_trust_domains_are_sealed_apart() {
        let kek = Unsealer::new(KeyEncryptionKey::in_memory().unwrap(), None);
        let [jwt, _] = Slot::of_domain(DOMAIN.parse().unwrap(), accredit_core::model::Signing::Es256);
        let row = SigningKey::generate(jwt).await.unwrap().to_row(&life(State::Active), kek.current()).unwrap();
        let ring = KeyRing::open(std::slice::from_ref(&row), &kek, &KeyRing::default()).unwrap();
        assert_eq!(ring.signer(jwt, NOW, &SCHEDULE).unwrap().id(), row.id);
        for domain in [None, Some("td_00000000000000000000000002".to_owned())] {
            let moved = accredit_store::SigningKey { domain, ..row.clone() };
            assert!(KeyRing::open(&[moved], &kek, &KeyRing::default()).is_err());
        }
    }

    /// L18: rows that were edited with SQL are detected and named.
    #[tokio::test]
    async fn l18_rows_that_were_swapped_or_edited_are_named() {
        let kek = Unsealer::new(KeyEncryptionKey::in_memory().unwrap(), None);
        let (first, second) =
            (key(Algorithm::Es256, Purpose::Access).await, key(Algorithm::Es256, Purpose::Audit).await);
        let first = first.to_row(&life(State::Active), kek.current()).unwrap();
        let second = second.to_row(&life(State::Active), kek.current()).unwrap();
        let ring = KeyRing::default();
        assert!(KeyRing::open(&[first.clone(), second.clone()], &kek, &KeyRing::default()).is_ok());
        type Edit<'e> = Box<dyn Fn(&mut accredit_store::SigningKey) + 'e>;
        let edits: [(&str, Edit<'_>); 11] = [
            ("wrapped", Box::new(|row| row.wrapped.clone_from(&second.wrapped))),
            ("wrapped emptied", Box::new(|row| row.wrapped.clear())),
            ("id", Box::new(|row| row.id.clone_from(&second.id))),
            ("purpose", Box::new(|row| row.purpose.clone_from(&second.purpose))),
            ("trust domain", Box::new(|row| row.domain = Some(DOMAIN.to_owned()))),
            ("unknown trust domain", Box::new(|row| row.domain = Some("td_1".into()))),
            ("unknown purpose", Box::new(|row| row.purpose = "other".into())),
            ("public half", Box::new(|row| row.public_jwk.clone_from(&second.public_jwk))),
            ("algorithm", Box::new(|row| row.algorithm = "RS256".into())),
            ("unknown algorithm", Box::new(|row| row.algorithm = "HS256".into())),
            ("state", Box::new(|row| row.life.state = "eternal".into())),
        ];
        for (name, edit) in edits {
            let mut row = first.clone();
            edit(&mut row);
            let fault = KeyRing::open(&[row.clone()], &kek, &ring).unwrap_err().to_string();
            assert!(fault.contains(&format!("key `{}`", row.id)), "{name}: {fault}");
        }
    }

    #[tokio::test]
    async fn one_key_signs_and_what_readers_may_meet_is_published() {
        let kek = Unsealer::new(KeyEncryptionKey::in_memory().unwrap(), None);
        let mut rows = Vec::new();
        for state in State::ALL {
            let activated_at = (state == State::Active).then_some(NOW);
            let key = key(Algorithm::Es256, Purpose::Access).await;
            rows.push(key.to_row(&Life { activated_at, ..life(state) }, kek.current()).unwrap());
        }
        let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
        // What was removed need not open: its private half is erased.
        rows[4].wrapped.clear();
        let ring = KeyRing::open(&rows, &kek, &KeyRing::default()).unwrap();
        let signs = ring.signer(slot(Purpose::Access, Algorithm::Es256), NOW, &SCHEDULE);
        assert_eq!(signs.unwrap().id(), ids[2]);
        assert!(ring.signer(slot(Purpose::Access, Algorithm::Rs256), NOW, &SCHEDULE).is_none());
        assert!(ring.signer(slot(Purpose::Audit, Algorithm::Es256), NOW, &SCHEDULE).is_none());
        assert_eq!(ring.published(Purpose::Access, None).map(PublicKey::kid).collect::<Vec<_>>(), ids[1..4]);
        assert!(ring.find(&ids[0]).is_some() && ring.find(&ids[4]).is_none());
        // What was opened before is not opened again, but for what is another key now.
        let other = Unsealer::new(KeyEncryptionKey::in_memory().unwrap(), None);
        assert!(KeyRing::open(&rows, &other, &ring).is_ok());
        rows[2].public_jwk = rows[1].public_jwk.clone();
        assert!(KeyRing::open(&rows, &other, &ring).is_err());
        let refused = SigningKey::generate(slot(Purpose::Access, Algorithm::EdDsa)).await.unwrap_err();
        assert!(refused.to_string().contains("`EdDSA`"));
    }

    #[tokio::test]
    async fn nothing_private_is_printed() {
        let kek = Unsealer::new(KeyEncryptionKey::in_memory().unwrap(), None);
        let key = key(Algorithm::Es256, Purpose::Access).await;
        let row = key.to_row(&life(State::Active), kek.current()).unwrap();
        let expected = format!("SigningKey {{ id: {:?}, purpose: Access, algorithm: Es256, .. }}", key.id());
        assert_eq!(format!("{key:?}"), expected);
        assert!(!row.public_jwk.contains("\"d\""));
    }
}
