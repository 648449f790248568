//! Personal data in the audit log, sealed under a key per person that is kept outside the
//! log: destroying the key erases the person, and every proof over the log still verifies.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keywright_core::secret::Secret;
use zeroize::Zeroizing;

use crate::derive::DerivedKey;
use crate::entropy::random_key;
use crate::envelope::{self, EnvelopeError, Place};
use crate::keyring::Keyring;

/// The key of one person. Stored only sealed, in a row that erasure deletes.
pub struct SubjectKey(DerivedKey);

impl SubjectKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self(random_key())
    }

    /// The key sealed for its row.
    ///
    /// # Errors
    /// None that can happen: a key is never too long.
    pub fn seal(&self, keyring: &Keyring, place: &Place<'_>) -> Result<Vec<u8>, EnvelopeError> {
        envelope::seal(keyring, place, self.0.as_slice())
    }

    /// The key from its row.
    ///
    /// # Errors
    /// As [`envelope::open`].
    pub fn open(
        keyring: &Keyring,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Self, EnvelopeError> {
        let bytes = envelope::open(keyring, place, sealed)?;
        let key = bytes
            .as_slice()
            .try_into()
            .map_err(|_| EnvelopeError::Unopenable)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Seals one value; `field` names what it is (`email`), and it opens only as that.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLong`].
    pub fn seal_personal(&self, field: &str, plaintext: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        envelope::encrypt(&self.0, field.as_bytes(), plaintext)
    }

    /// Opens what [`SubjectKey::seal_personal`] made for the same field.
    ///
    /// # Errors
    /// [`EnvelopeError::Unopenable`].
    pub fn open_personal(
        &self,
        field: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        envelope::decrypt(&self.0, field.as_bytes(), sealed)
    }

    /// As [`SubjectKey::seal_personal`], as base64url text without padding, for a JSON member.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLong`].
    pub fn seal_personal_text(&self, field: &str, text: &str) -> Result<String, EnvelopeError> {
        self.seal_personal(field, text.as_bytes())
            .map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`SubjectKey::seal_personal_text`] made for the same field.
    ///
    /// # Errors
    /// [`EnvelopeError::Unopenable`].
    pub fn open_personal_text(&self, field: &str, sealed: &str) -> Result<Secret, EnvelopeError> {
        let sealed = URL_SAFE_NO_PAD
            .decode(sealed)
            .map_err(|_| EnvelopeError::Unopenable)?;
        let bytes = self.open_personal(field, &sealed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| EnvelopeError::Unopenable)?;
        Ok(Secret::new(text.to_owned()))
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SubjectKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const PLACE: Place<'_> = Place {
        tenant: "tenant-1",
        table: "subject",
        column: "key",
        row: "subject-1",
    };

    #[test]
    fn personal_text_opens_with_the_stored_key() {
        let keyring = Keyring::generate();
        let key = SubjectKey::generate();
        let sealed = key.seal_personal_text("email", "anna@example.com").unwrap();
        let stored = key.seal(&keyring, &PLACE).unwrap();
        let reopened = SubjectKey::open(&keyring, &PLACE, &stored).unwrap();
        assert_eq!(
            reopened
                .open_personal_text("email", &sealed)
                .unwrap()
                .expose(),
            "anna@example.com"
        );
    }

    #[test]
    fn personal_text_never_opens_as_another_field_or_for_another_person() {
        let key = SubjectKey::generate();
        let sealed = key.seal_personal_text("email", "anna@example.com").unwrap();
        assert!(key.open_personal_text("name", &sealed).is_err());
        assert!(
            SubjectKey::generate()
                .open_personal_text("email", &sealed)
                .is_err()
        );
        assert!(key.open_personal_text("email", "not base64!").is_err());
        assert!(key.open_personal_text("email", "").is_err());
    }
}
