//! One key per purpose from one root key (HKDF-SHA-256, RFC 5869), so that no key
//! is ever used for two things. The labels are part of what is stored: never change one.

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

/// A key derived from a root key or pepper, wiped when dropped.
pub type DerivedKey = Zeroizing<[u8; 32]>;

/// What a key derived from a root key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Wrapping the data keys of sealed database values.
    Envelope,
    /// Authenticating session cookies and refresh tokens.
    Session,
    /// Authenticating list cursors.
    Cursor,
    /// Protecting the audit signing key.
    AuditSign,
    /// Authenticating the head of the audit log.
    AuditHead,
    /// Digests of idempotent requests.
    Idempotency,
    /// Pseudonyms and keys for personal data.
    PersonalData,
    /// Tokens against cross-site request forgery.
    Csrf,
}

impl Purpose {
    /// Every purpose, for tests and tables.
    pub const ALL: [Self; 8] = [
        Self::Envelope,
        Self::Session,
        Self::Cursor,
        Self::AuditSign,
        Self::AuditHead,
        Self::Idempotency,
        Self::PersonalData,
        Self::Csrf,
    ];

    /// The label that separates this purpose from the others.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Envelope => "enc/v1",
            Self::Session => "session/v1",
            Self::Cursor => "cursor/v1",
            Self::AuditSign => "audit-sign/v1",
            Self::AuditHead => "audit-head/v1",
            Self::Idempotency => "idem/v1",
            Self::PersonalData => "pii/v1",
            Self::Csrf => "csrf/v1",
        }
    }
}

/// Labels of the keyring itself; not purposes a caller may ask for.
pub(crate) const ROOT_CHECK_LABEL: &str = "root-check/v1";
pub(crate) const PEPPER_CHECK_LABEL: &str = "pepper-check/v1";
pub(crate) const PASSWORD_LABEL: &str = "password/v1";

/// Not secret: keeps our derived keys apart from those of another program given the same root.
const SALT: &[u8] = b"keywright";

pub(crate) fn derive(key: &[u8; 32], label: &str) -> DerivedKey {
    hkdf_sha256(SALT, key, label.as_bytes())
}

fn hkdf_sha256(salt: &[u8], key: &[u8], info: &[u8]) -> DerivedKey {
    let mut derived = Zeroizing::new([0; 32]);
    let filled = Salt::new(HKDF_SHA256, salt)
        .extract(key)
        .expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(derived.as_mut_slice()));
    if filled.is_err() {
        // One block is always a valid length; going on with a key of zeroes would be worse.
        std::process::abort();
    }
    derived
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn first_block_agrees_with_rfc_5869_test_case_1() {
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        assert_eq!(
            hex::encode(*hkdf_sha256(&salt, &[0x0b; 22], &info)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        );
    }

    #[test]
    fn keys_of_different_purposes_and_roots_never_agree() {
        let labels = Purpose::ALL.iter().map(|purpose| purpose.label()).chain([
            ROOT_CHECK_LABEL,
            PEPPER_CHECK_LABEL,
            PASSWORD_LABEL,
        ]);
        let keys: HashSet<[u8; 32]> = labels
            .flat_map(|label| [[1; 32], [2; 32]].map(|root| *derive(&root, label)))
            .collect();
        assert_eq!(keys.len(), 2 * (Purpose::ALL.len() + 3));
    }

    #[test]
    fn derived_key_is_pinned_because_stored_values_depend_on_it() {
        assert_eq!(
            hex::encode(*derive(&[7; 32], Purpose::Envelope.label())),
            "b050956413d20d74d8284220b70aef16c0a58a739d853a69bef30c02d0056977"
        );
    }
}
