//! Randomness of the operating system, as core's `Entropy` and as plain bytes.
//! No other source of randomness may exist in the workspace.

use keywright_core::token::Entropy;
use zeroize::Zeroizing;

/// The operating system's random generator (through AWS-LC, SP 800-90A).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, buffer: &mut [u8]) {
        fill(buffer);
    }
}

/// `N` random bytes that are not secret: nonces, salts, ids.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// A random 256-bit key, wiped when dropped.
pub fn random_key() -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    fill(key.as_mut_slice());
    key
}

fn fill(buffer: &mut [u8]) {
    if aws_lc_rs::rand::fill(buffer).is_err() {
        // A key made of what happened to be in memory is worse than no server.
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_differ_from_call_to_call() {
        assert_ne!(random_bytes::<16>(), random_bytes::<16>());
        assert_ne!(random_key(), random_key());
    }

    #[test]
    fn every_byte_of_a_long_buffer_is_filled() {
        let mut seen = [false; 200];
        for _ in 0..20 {
            let mut buffer = [0; 200];
            OsEntropy.fill(&mut buffer);
            seen.iter_mut()
                .zip(buffer)
                .for_each(|(seen, byte)| *seen |= byte != 0);
        }
        assert!(seen.iter().all(|seen| *seen));
    }
}
