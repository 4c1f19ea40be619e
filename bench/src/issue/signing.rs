//! The bare ceiling: ES256 signatures over texts of an SVID's length and nothing else. Whoever signs each SVID pays at least that.

use std::thread;
use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::fault::{Because as _, Fault};
use crate::generator::Load;
use crate::measure;
use crate::results::Figures;

/// Signs on `core` for as long as the load says, on one thread.
pub(crate) fn measure(core: usize, load: Load) -> Result<Figures, Fault> {
    let signing = thread::spawn(move || -> Result<Figures, Fault> {
        measure::pin(core)?;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).because(|| "signing key".to_owned())?;
        let random = SystemRandom::new();
        let mut text = [b'a'; TEXT];
        let mut sign_for = |length: std::time::Duration| {
            let (begun, mut count) = (Instant::now(), 0_u64);
            while begun.elapsed() < length {
                for _ in 0..BETWEEN_LOOKS {
                    count += 1;
                    text[..8].copy_from_slice(&count.to_be_bytes());
                    key.sign(&random, &text).because(|| "signature".to_owned())?;
                }
            }
            Ok::<_, Fault>((count as f64, begun.elapsed().as_secs_f64()))
        };
        sign_for(load.warm_up)?;
        let cpu = measure::own_cpu_time()?;
        let (count, window) = sign_for(load.window)?;
        let cpu = (measure::own_cpu_time()? - cpu).as_secs_f64();
        Ok(Figures {
            per_second: count / window,
            cpu_us: cpu * 1e6 / count,
            p50_us: window * 1e6 / count,
            p99_us: window * 1e6 / count,
            server_busy: cpu / window,
            generator_busy: 0.0,
        })
    });
    signing.join().map_err(|_| Fault::new("thread: panicked"))?
}

/// Bytes that are signed: header and claims of a JWT-SVID in base64url.
const TEXT: usize = 480;
/// The clock is looked at once in so many signatures.
const BETWEEN_LOOKS: u32 = 16;
