//! Base62 and the checksum of printed keys. The digit order is `0-9A-Za-z`, most significant digit
//! first, padded on the left with `0` (trust.md P2); other products write it the other way round.

/// Digits of a checksum: the largest CRC-32 is `4gfFC3`.
pub(super) const CHECKSUM_LENGTH: usize = 6;

/// The digits by value.
pub(super) const DIGITS: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits as a number, for the arithmetic below.
const BASE: u32 = 62;

/// Checksum of `text`: its CRC-32/ISO-HDLC as six base62 digits. It finds typing errors and spares
/// look-ups; it proves nothing, because anyone can compute it.
pub(super) fn checksum(text: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    encode(crc32fast::hash(text))
}

/// Whether the last six characters are the checksum of all before them.
pub(super) fn checksum_holds(text: &str) -> bool {
    text.as_bytes()
        .split_last_chunk::<CHECKSUM_LENGTH>()
        .is_some_and(|(body, found)| checksum(body) == *found)
}

fn encode(mut value: u32) -> [u8; CHECKSUM_LENGTH] {
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        if let Some(found) = DIGITS.get((value % BASE) as usize) {
            *digit = *found;
        }
        value /= BASE;
    }
    digits
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use proptest::prelude::*;

    use super::*;

    /// The inverse, by Horner's rule; only the tests need it.
    fn decode(digits: &[u8]) -> u64 {
        digits.iter().fold(0, |value, digit| {
            let position = DIGITS.iter().position(|known| known == digit);
            value * 62 + position.map_or(u64::MAX / 100, |position| position as u64)
        })
    }

    #[test]
    fn smallest_and_largest_value() {
        assert_eq!(&encode(0), b"000000");
        assert_eq!(&encode(1), b"000001");
        assert_eq!(&encode(61), b"00000z");
        assert_eq!(&encode(62), b"000010");
        assert_eq!(&encode(u32::MAX), b"4gfFC3");
    }

    /// GitHub's published sample fixes the digit order: its checksum covers only the 30 characters.
    #[test]
    fn digit_order_is_that_of_github() {
        assert_eq!(&checksum(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
    }

    /// The check value that defines CRC-32/ISO-HDLC.
    #[test]
    fn polynomial_is_iso_hdlc() {
        assert_eq!(checksum(b"123456789"), encode(0xCBF4_3926));
    }

    /// The vector of trust.md P2, put together at run time: no whole sample key stands in the source.
    #[test]
    fn covers_every_preceding_character() {
        let id = String::from_utf8_lossy(DIGITS.split_at(16).0).into_owned();
        let secret = "003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf";
        let body = format!("{}_{}_{id}_{secret}", "acme", "live");
        assert_eq!(&checksum(body.as_bytes()), b"1Q4WNs");
        assert!(checksum_holds(&format!("{body}1Q4WNs")));
        assert!(!checksum_holds(&format!("{body}1Q4WNt")));
    }

    #[test]
    fn text_shorter_than_a_checksum_has_none() {
        assert!(!checksum_holds(""));
        assert!(!checksum_holds("00000"));
        assert!(checksum_holds("000000"), "the CRC-32 of nothing is 0");
    }

    proptest! {
        #[test]
        fn digits_read_back_as_the_value(value: u32) {
            prop_assert_eq!(decode(&encode(value)), u64::from(value));
        }
    }
}
