//! Authenticating what we hand out and get back: cursors, cookies, CSRF tokens.
//! What stands in them is their owner's; here are only the tags (HMAC-SHA-256).

use aws_lc_rs::hmac;

use crate::derive::{DerivedKey, Purpose};
use crate::keyring::Keyring;

/// Length of a tag in bytes; never cut shorter.
pub const TAG_BYTES: usize = 32;

impl Keyring {
    /// The tag of a message for a purpose, under the current root key.
    pub fn authenticate(&self, purpose: Purpose, message: &[u8]) -> [u8; TAG_BYTES] {
        tag(&self.derive_current(purpose), message)
    }

    /// Whether the tag is ours for this purpose and message, under any usable root key; compares
    /// in constant time.
    pub fn is_authentic(&self, purpose: Purpose, message: &[u8], tag: &[u8]) -> bool {
        self.derive_all(purpose)
            .iter()
            .any(|key| hmac::verify(&hmac_key(key), message, tag).is_ok())
    }
}

pub(crate) fn tag(key: &DerivedKey, message: &[u8]) -> [u8; TAG_BYTES] {
    let tag = hmac::sign(&hmac_key(key), message);
    let mut bytes = [0; TAG_BYTES];
    bytes
        .iter_mut()
        .zip(tag.as_ref())
        .for_each(|(target, byte)| *target = *byte);
    bytes
}

fn hmac_key(key: &DerivedKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )]
    use super::*;

    #[test]
    fn tag_holds_only_for_its_purpose_message_and_keyring() {
        let keyring = Keyring::generate();
        let tag = keyring.authenticate(Purpose::Cursor, b"message");
        assert!(keyring.is_authentic(Purpose::Cursor, b"message", &tag));
        assert!(!keyring.is_authentic(Purpose::Csrf, b"message", &tag));
        assert!(!keyring.is_authentic(Purpose::Cursor, b"massage", &tag));
        assert!(!Keyring::generate().is_authentic(Purpose::Cursor, b"message", &tag));
        for cut in 0..TAG_BYTES {
            assert!(!keyring.is_authentic(Purpose::Cursor, b"message", &tag[..cut]));
        }
    }

    #[test]
    fn tag_of_a_former_root_key_holds_until_it_is_dropped() {
        let before = Keyring::generate();
        let tag = before.authenticate(Purpose::Session, b"message");
        let both = before.add_root().unwrap();
        assert!(both.is_authentic(Purpose::Session, b"message", &tag));
        assert!(
            !both
                .drop_root(1)
                .unwrap()
                .is_authentic(Purpose::Session, b"message", &tag)
        );
    }
}
