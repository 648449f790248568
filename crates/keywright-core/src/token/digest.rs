//! What is stored instead of a key: HMAC-SHA-256 of its whole text under a pepper that is not in the
//! database (requirement A4, trust.md P2). Peppers rotate: a row says which one made its digest.

use alloc::string::String;
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Bytes of a digest: SHA-256's output.
pub const DIGEST_BYTES: usize = 32;
/// Bytes of a pepper: as many as the digest has, RFC 2104's least advisable length.
pub const PEPPER_BYTES: usize = 32;

/// SHA-256's block: HMAC pads its key with zeros to this length (RFC 2104, section 2).
const BLOCK_BYTES: usize = 64;

/// Names a pepper; a row keeps it beside its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PepperId(pub u32);

/// A digest of a key, by which it is found. `==` is for looking up by digest, where an attacker cannot
/// choose the digest; to compare a secret's digest with a stored one, use [`Digest::constant_time_eq`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; DIGEST_BYTES]);

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest must be 64 lower-case hexadecimal digits")]
pub struct DigestError;

impl Digest {
    /// Takes bytes that were stored.
    pub const fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        self.0
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0x0F])
            .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
            .collect()
    }

    /// Reads what [`Digest::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(DigestError);
        };
        let pairs: &[[u8; 2]; DIGEST_BYTES] = pairs.try_into().map_err(|_| DigestError)?;
        let mut bytes = [0; DIGEST_BYTES];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(bytes))
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    pub fn constant_time_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The first four bytes: enough to follow a row in a test's output.
impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, fourth, ..] = self.0;
        write!(
            formatter,
            "Digest({first:02x}{second:02x}{third:02x}{fourth:02x}..)"
        )
    }
}

/// A pepper, with both halves of its HMAC already begun: a digest costs two blocks, not four. The
/// state is as secret as the pepper, and is overwritten when dropped.
pub struct Pepper {
    id: PepperId,
    prepared: Hmac<Sha256>,
}

impl Pepper {
    /// Prepares a pepper. The caller overwrites its own copy of the bytes.
    pub fn new(id: PepperId, bytes: &[u8; PEPPER_BYTES]) -> Self {
        let mut block = [0; BLOCK_BYTES];
        for (padded, byte) in block.iter_mut().zip(bytes) {
            *padded = *byte;
        }
        let mut key = block.into();
        let prepared = Hmac::new(&key);
        key.as_mut_slice().zeroize();
        block.zeroize();
        Self { id, prepared }
    }

    /// The name that rows keep.
    pub const fn id(&self) -> PepperId {
        self.id
    }

    /// Digest of a key's whole text.
    pub fn digest(&self, text: &str) -> Digest {
        self.digest_bytes(text.as_bytes())
    }

    fn digest_bytes(&self, bytes: &[u8]) -> Digest {
        let mut mac = self.prepared.clone();
        mac.update(bytes);
        Digest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pepper({}, ..)", self.id.0)
    }
}

/// The pepper that new digests are made with, and the one before it while rows still use it.
#[derive(Debug)]
pub struct PepperRing {
    current: Pepper,
    previous: Option<Pepper>,
}

/// Both peppers of a ring have the same id, so a row could not say which one it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two peppers have the id {}", .0.0)]
pub struct SamePepperId(pub PepperId);

impl PepperRing {
    /// A ring of one or two peppers with different ids.
    pub fn new(current: Pepper, previous: Option<Pepper>) -> Result<Self, SamePepperId> {
        match &previous {
            Some(old) if old.id == current.id => Err(SamePepperId(current.id)),
            _ => Ok(Self { current, previous }),
        }
    }

    /// Makes the digests of new keys; tried first when a key is looked up.
    pub const fn current(&self) -> &Pepper {
        &self.current
    }

    /// Tried second when a key is looked up.
    pub const fn previous(&self) -> Option<&Pepper> {
        self.previous.as_ref()
    }

    /// The pepper that a row names, if the ring still holds it.
    pub fn pepper(&self, id: PepperId) -> Option<&Pepper> {
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|pepper| pepper.id == id)
    }
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloc::{format, string::ToString, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    fn pepper(id: u32, key: &[u8]) -> Pepper {
        let mut bytes = [0; PEPPER_BYTES];
        bytes.split_at_mut(key.len()).0.copy_from_slice(key);
        Pepper::new(PepperId(id), &bytes)
    }

    /// RFC 4231, test cases 1 to 4: keys up to 32 bytes, which HMAC pads with zeros as we do.
    #[test]
    fn rfc_4231_vectors() {
        let counting: Vec<u8> = (1..=25).collect();
        let cases: [(&[u8], &[u8], &str); 4] = [
            (
                &[0x0B; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xAA; 20],
                &[0xDD; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                &counting,
                &[0xCD; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
        ];
        for (key, data, expected) in cases {
            assert_eq!(pepper(1, key).digest_bytes(data).to_hex(), expected);
        }
    }

    /// The vector of trust.md P2; the sample key is put together at run time.
    #[test]
    fn digests_the_whole_key() {
        let secret = "003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf";
        let key = format!("{}_{}_0123456789ABCDEF_{secret}1Q4WNs", "acme", "live");
        assert_eq!(key.len(), 76);
        assert_eq!(
            pepper(1, &[0x0B; 32]).digest(&key).to_hex(),
            "7b125b81162fd6bd0fbc36b730ff79b0c0b3ec0bce82747d209c3d42d09ccde5"
        );
    }

    #[test]
    fn ring_finds_a_pepper_by_id() {
        let ring = PepperRing::new(pepper(2, b"new"), Some(pepper(1, b"old"))).unwrap();
        assert_eq!(ring.current().id(), PepperId(2));
        assert_eq!(ring.previous().map(Pepper::id), Some(PepperId(1)));
        assert_eq!(
            ring.pepper(PepperId(1)).unwrap().digest("x"),
            pepper(9, b"old").digest("x")
        );
        assert_eq!(
            ring.pepper(PepperId(2)).unwrap().digest("x"),
            pepper(9, b"new").digest("x")
        );
        assert!(ring.pepper(PepperId(3)).is_none());
    }

    #[test]
    fn ring_refuses_one_id_twice() {
        let error = PepperRing::new(pepper(1, b"new"), Some(pepper(1, b"old"))).unwrap_err();
        assert_eq!(error, SamePepperId(PepperId(1)));
        assert_eq!(error.to_string(), "two peppers have the id 1");
    }

    #[test]
    fn debug_hides_the_pepper() {
        assert_eq!(format!("{:?}", pepper(7, b"secret")), "Pepper(7, ..)");
    }

    #[test]
    fn hexadecimal_boundaries() {
        let good = "0f".repeat(32);
        assert_eq!(Digest::from_hex(&good).unwrap().to_hex(), good);
        for bad in [
            "",
            &"0".repeat(63),
            &"0".repeat(65),
            &"0".repeat(66),
            &"0F".repeat(32),
            &"0g".repeat(32),
        ] {
            assert_eq!(Digest::from_hex(bad), Err(DigestError));
        }
    }

    proptest! {
        #[test]
        fn hexadecimal_reads_back(bytes: [u8; 32]) {
            let digest = Digest::from_bytes(bytes);
            prop_assert_eq!(Digest::from_hex(&digest.to_hex()), Ok(digest));
        }

        #[test]
        fn constant_time_comparison_agrees_with_plain_one(bytes: [u8; 32], at in 0_usize..32, flip: u8) {
            let mut changed = bytes;
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= flip;
            }
            let (left, right) = (Digest::from_bytes(bytes), Digest::from_bytes(changed));
            prop_assert_eq!(left.constant_time_eq(&right), left == right);
        }

        #[test]
        fn another_pepper_gives_another_digest(left: [u8; 32], right: [u8; 32], text in ".{0,100}") {
            prop_assume!(left != right);
            let digest = |bytes| Pepper::new(PepperId(1), &bytes).digest(&text);
            prop_assert_ne!(digest(left), digest(right));
            prop_assert_eq!(digest(left), digest(left));
        }
    }
}
