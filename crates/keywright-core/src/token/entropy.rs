//! Randomness as an argument, drawing characters from it without bias, and counting bits.

use alloc::string::String;

use zeroize::Zeroize;

use super::format::Alphabet;

/// A cryptographically secure source of random bytes. The operating system's stands behind it in
/// production; a source that repeats one byte for ever may keep minting from ending.
pub trait Entropy {
    /// Overwrites the whole buffer with random bytes.
    fn fill(&mut self, buffer: &mut [u8]);
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, buffer: &mut [u8]) {
        (**self).fill(buffer);
    }
}

/// Bits that every secret must have, at least (requirement A1; NIST SP 800-63B asks for 112).
pub(super) const ENTROPY_BITS_MIN: u32 = 128;

/// Bytes asked from the source at once: enough for a default key with its rejected draws.
const DRAW_LENGTH: usize = 64;

/// Fractional bits of the logarithms below.
pub(super) const LOG_FRACTION_BITS: u32 = 16;

/// Appends `length` characters, each equally probable: a byte beyond the largest multiple of the
/// alphabet's size is thrown away instead of wrapped round (trust.md P5).
pub(super) fn draw(
    output: &mut String,
    length: usize,
    alphabet: Alphabet,
    entropy: &mut (impl Entropy + ?Sized),
) {
    let characters = alphabet.characters();
    let size = characters.len();
    let limit = 256 - 256 % size;
    let mut buffer = [0_u8; DRAW_LENGTH];
    let mut missing = length;
    while missing > 0 {
        entropy.fill(&mut buffer);
        for byte in buffer {
            let value = usize::from(byte);
            if missing > 0
                && value < limit
                && let Some(character) = characters.get(value % size)
            {
                output.push(char::from(*character));
                missing -= 1;
            }
        }
    }
    buffer.zeroize();
}

/// Binary logarithm with 16 fractional bits, rounded down; 0 for 0. `core` has no floating-point one.
pub(super) fn log2_fixed(value: u32) -> u32 {
    let Some(whole) = value.checked_ilog2() else {
        return 0;
    };
    // The mantissa in [1, 2) with 31 fractional bits; squaring it yields one bit of the logarithm.
    let mut mantissa = u64::from(value) << (31 - whole);
    let mut result = whole;
    for _ in 0..LOG_FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 31;
        let carry = mantissa >> 32;
        mantissa >>= carry;
        result = result << 1 | u32::from(carry != 0);
    }
    result
}

/// Bits of `length` characters, each drawn evenly from `size`, rounded down.
pub(super) fn bits_of(length: usize, size: usize) -> u32 {
    let each = log2_fixed(u32::try_from(size).unwrap_or(u32::MAX));
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let total = (u64::from(each) * u64::from(length)) >> LOG_FRACTION_BITS;
    u32::try_from(total).unwrap_or(u32::MAX)
}

/// A source for tests: SplitMix64, the same bytes for the same seed. Never for real keys.
#[cfg(test)]
pub(crate) struct Seeded(pub(crate) u64);

#[cfg(test)]
impl Entropy for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let [first, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
            *byte = first;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "tests fail by panicking")]

    use super::*;

    /// Hands out 0, 1, 2, ... 255, 0, ...: each byte exactly once in 256.
    struct Counter(u8);

    impl Entropy for Counter {
        fn fill(&mut self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
    }

    fn frequencies(text: &str) -> [u32; 128] {
        let mut counts = [0; 128];
        for byte in text.bytes() {
            counts[usize::from(byte)] += 1;
        }
        counts
    }

    #[test]
    fn every_character_has_the_same_number_of_bytes() {
        for alphabet in Alphabet::ALL {
            let size = alphabet.characters().len();
            let accepted = 256 - 256 % size;
            let mut text = String::new();
            draw(&mut text, accepted, alphabet, &mut Counter(0));
            let counts = frequencies(&text);
            for character in alphabet.characters() {
                assert_eq!(counts[usize::from(*character)] as usize, accepted / size);
            }
        }
    }

    /// Chi-squared with 61 degrees of freedom exceeds 116 once in 40,000 runs; the seed is fixed.
    #[test]
    fn drawn_characters_are_uniform() {
        const DRAWN: usize = 62_000;
        let mut text = String::new();
        draw(&mut text, DRAWN, Alphabet::Base62, &mut Seeded(1));
        let counts = frequencies(&text);
        let squares: f64 = Alphabet::Base62
            .characters()
            .iter()
            .map(|character| f64::from(counts[usize::from(*character)]) - 1000.0)
            .map(|difference| difference * difference / 1000.0)
            .sum();
        assert!(squares < 116.0, "chi-squared {squares}");
    }

    #[test]
    fn logarithm_matches_floating_point() {
        for value in [1_u32, 2, 3, 10, 16, 26, 36, 62, 94, 1_000_000, u32::MAX] {
            let exact = (f64::from(value).ln() / core::f64::consts::LN_2) * 65_536.0;
            let found = f64::from(log2_fixed(value));
            assert!(
                found <= exact + 1e-6 && exact - found < 2.0,
                "{value}: {found} {exact}"
            );
        }
        assert_eq!(log2_fixed(0), 0);
    }

    #[test]
    fn bits_at_the_least_length() {
        assert_eq!(bits_of(32, 16), 128);
        assert_eq!(bits_of(31, 16), 124);
        assert_eq!(bits_of(22, 62), 130);
        assert_eq!(bits_of(21, 62), 125);
        assert_eq!(bits_of(25, 36), 129);
        assert_eq!(bits_of(24, 36), 124);
    }
}
