//! Numbers nobody can guess, drawn from the seed that the server was started with.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::Seed;

/// A generator in counter mode: HMAC-SHA-256 of 0, 1, 2, … under the seed.
pub(crate) struct Entropy {
    seed: Seed,
    drawn: u64,
}

impl Entropy {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.seed.0).expect("HMAC takes keys of any length");
        mac.update(&self.drawn.to_be_bytes());
        self.drawn += 1;
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn key(&mut self) -> [u8; 16] {
        self.bytes().as_chunks().0[0]
    }

    pub(crate) fn number(&mut self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Entropy({} drawn)", self.drawn)
    }
}
