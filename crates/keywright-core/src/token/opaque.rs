//! The default form of a key: `{prefix}_{env}_{random}{checksum}`. The key carries no id: it is found
//! by the digest of its whole text.

use alloc::string::String;

use super::{
    base62::{self, CHECKSUM_LENGTH},
    entropy::{self, Entropy},
    format::{EnvironmentTag, OpaqueFormat},
    pair::Half,
};
use crate::secret::Secret;

/// Mints a key. Its random part never starts with a pair's mark (`pk`, `sk`), so that the two forms
/// cannot be mistaken for each other; that costs less than a thousandth of a bit.
pub fn mint(
    format: &OpaqueFormat,
    environment_tag: &EnvironmentTag,
    entropy: &mut (impl Entropy + ?Sized),
) -> Secret {
    loop {
        let minted = mint_with_mark(format, environment_tag, "", entropy);
        let random = minted.expose().rsplit('_').next().unwrap_or_default();
        if Half::of(random).is_none() {
            return minted;
        }
    }
}

/// Prints prefix, tag, `mark`, the random part and the checksum of all of these.
pub(super) fn mint_with_mark(
    format: &OpaqueFormat,
    environment_tag: &EnvironmentTag,
    mark: &str,
    entropy: &mut (impl Entropy + ?Sized),
) -> Secret {
    let prefix = format.prefix().as_str();
    let tag = environment_tag.as_str();
    let length = prefix.len() + tag.len() + 2 + mark.len() + format.random_length();
    // All the room at once: growing would leave a copy of the secret in freed memory.
    let mut text = String::with_capacity(length + CHECKSUM_LENGTH);
    for part in [prefix, "_", tag, "_", mark] {
        text.push_str(part);
    }
    entropy::draw(
        &mut text,
        format.random_length(),
        format.alphabet(),
        entropy,
    );
    let checksum = base62::checksum(text.as_bytes());
    text.extend(checksum.map(char::from));
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::token::{Alphabet, Prefix, entropy::Seeded};

    #[test]
    fn default_key_has_its_documented_length() {
        let tag = EnvironmentTag::live();
        let minted = mint(&OpaqueFormat::default(), &tag, &mut Seeded(1));
        assert!(minted.expose().starts_with("kw_live_"));
        assert_eq!(minted.len(), "kw_live_".len() + 32 + 6);
        assert!(base62::checksum_holds(minted.expose()));
    }

    /// The first two drawn bytes spell `pk` or `sk`, and the rest of the first draw follows.
    struct MarkFirst {
        mark: [u8; 2],
        calls: u32,
    }

    impl Entropy for MarkFirst {
        fn fill(&mut self, buffer: &mut [u8]) {
            Seeded(u64::from(self.calls) + 7).fill(buffer);
            if self.calls == 0 {
                for (byte, marked) in buffer.iter_mut().zip(self.mark) {
                    let value = base62::DIGITS.iter().position(|digit| *digit == marked);
                    *byte = u8::try_from(value.unwrap()).unwrap();
                }
            }
            self.calls += 1;
        }
    }

    #[test]
    fn opaque_key_never_wears_the_mark_of_a_pair() {
        let tag = EnvironmentTag::live();
        for mark in [*b"pk", *b"sk"] {
            let mut entropy = MarkFirst { mark, calls: 0 };
            let minted = mint(&OpaqueFormat::default(), &tag, &mut entropy);
            assert_eq!(entropy.calls, 2, "the first draw is thrown away");
            assert!(!minted.expose().starts_with("kw_live_pk"));
            assert!(!minted.expose().starts_with("kw_live_sk"));
        }
    }

    #[test]
    fn random_part_keeps_to_its_alphabet() {
        let tag = EnvironmentTag::test();
        for alphabet in Alphabet::ALL {
            let format = OpaqueFormat::new(Prefix::new("acme").unwrap(), 40, alphabet).unwrap();
            let minted = mint(&format, &tag, &mut Seeded(3));
            let random = minted
                .expose()
                .strip_prefix("acme_test_")
                .unwrap()
                .split_at(40)
                .0;
            assert!(
                random
                    .bytes()
                    .all(|byte| alphabet.characters().contains(&byte))
            );
        }
    }
}
