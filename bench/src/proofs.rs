//! Proofs of possession (RFC 9449), each for one request.

use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::secret::Secret;
use accredit_id::time::Timestamp;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

use crate::door::Door;
use crate::fault::{Because as _, Fault};
use crate::request::Requests;
use crate::{generator, issuer, world};

/// Makes `count` proofs of one key for exchanges at this server, with the nonce that it tells now.
pub(crate) fn make(door: &Door, requests: &Requests, count: usize, cores: &[usize]) -> Result<Vec<String>, Fault> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).because(|| "random bytes".to_owned())?;
    let key = ProofKey::from_seed(&Secret::new(seed)).because(|| "proof key".to_owned())?;
    let url = format!("http://{}/oauth/token", door.address);
    let now = Timestamp::from_unix(world::now()?.cast_signed());
    let prove = |nonce: Option<&str>| {
        let mut token_id = [0; 16];
        SystemRandom::new().fill(&mut token_id).because(|| "random bytes".to_owned())?;
        Ok(key.prove(&ToProve { method: "POST", url: &url, nonce, access_token: None, token_id, now }))
    };
    // The answer to one without a nonce tells it.
    let asked = requests.proved(&[prove(None)?]);
    let nonce = generator::ask_for(door, asked.next(), b"dpop-nonce:")?;
    let nonce = nonce.ok_or_else(|| Fault::new("nonce: the server told none"))?;
    issuer::on_cores(cores, count, |_| prove(Some(&nonce)))
}
