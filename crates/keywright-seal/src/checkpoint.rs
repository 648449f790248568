//! Signed notes (C2SP signed-note v1, Ed25519), in which audit checkpoints are published.
//! What a checkpoint says is not known here.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::entropy::random_key;

/// Longest note to verify, in bytes: a checkpoint has three lines; the rest is room for witnesses.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;

/// Signature type byte of plain Ed25519.
const ED25519_TYPE: u8 = 0x01;
const KEY_ID_BYTES: usize = 4;
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Signs notes in one name. The seed is kept sealed; the verifier key is published.
pub struct NoteSigner {
    name: String,
    seed: Zeroizing<[u8; 32]>,
    key_pair: Ed25519KeyPair,
}

/// A note cannot be signed or verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A name must not be empty nor hold white space or `+`.
    #[error("a note's signer needs a name without spaces or `+`")]
    Name,
    /// A text must end in a line break and hold no other control character.
    #[error("a note's text must end in a line break and hold no other control character")]
    Text,
    /// The private key is not acceptable.
    #[error("the note's signing key is not acceptable")]
    Key,
    /// The verifier key is not in the published form.
    #[error("the verifier key is malformed")]
    VerifierKey,
    /// The note is not in the published form.
    #[error("the note is malformed")]
    Malformed,
    /// No signature by this key.
    #[error("the note is not signed by this key")]
    Unsigned,
    /// A signature by this key that is false.
    #[error("the note's signature is false: its text was altered")]
    False,
}

impl NoteSigner {
    /// A signer with a new random key.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        Self::from_seed(name, random_key().as_slice())
    }

    /// The signer with this private key, as [`NoteSigner::seed`] gave it.
    ///
    /// # Errors
    /// [`NoteError::Name`] or [`NoteError::Key`].
    pub fn from_seed(name: &str, seed: &[u8]) -> Result<Self, NoteError> {
        check_name(name)?;
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| NoteError::Key)?);
        let key_pair =
            Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| NoteError::Key)?;
        Ok(Self {
            name: name.to_owned(),
            seed,
            key_pair,
        })
    }

    /// The private key (RFC 8032 seed), to be sealed.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The name in every signature line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The verifier key to publish: `name+keyid+base64(type, public key)`.
    pub fn vkey(&self) -> String {
        let key = typed_public_key(self.public_key());
        format!(
            "{}+{}+{}",
            self.name,
            hex::encode(key_id(&self.name, &key)),
            STANDARD.encode(key)
        )
    }

    /// The text with our signature line below it.
    ///
    /// # Errors
    /// [`NoteError::Text`].
    pub fn sign_note(&self, text: &str) -> Result<String, NoteError> {
        check_text(text)?;
        let mut line = key_id(&self.name, &typed_public_key(self.public_key())).to_vec();
        line.extend_from_slice(self.key_pair.sign(text.as_bytes()).as_ref());
        Ok(format!(
            "{text}\n{SIGNATURE_PREFIX}{} {}\n",
            self.name,
            STANDARD.encode(line)
        ))
    }

    fn public_key(&self) -> &[u8] {
        self.key_pair.public_key().as_ref()
    }
}

impl std::fmt::Debug for NoteSigner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "NoteSigner(`{}`)", self.vkey())
    }
}

/// The text of a note, if it is signed by this verifier key. Signatures by others are ignored.
///
/// # Errors
/// [`NoteError`]; a false signature under the key's own name and id is always an error.
pub fn verify_note<'a>(vkey: &str, note: &'a str) -> Result<&'a str, NoteError> {
    let (name, id, public_key) = parse_vkey(vkey)?;
    if note.len() > MAX_NOTE_BYTES {
        return Err(NoteError::Malformed);
    }
    let end = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, rest) = note
        .split_at_checked(end.saturating_add(1))
        .ok_or(NoteError::Malformed)?;
    check_text(text).map_err(|_| NoteError::Malformed)?;
    let signatures = rest
        .strip_prefix('\n')
        .and_then(|rest| rest.strip_suffix('\n'))
        .ok_or(NoteError::Malformed)?;

    let mut signed = false;
    for line in signatures.split('\n') {
        let (signer, signature) = parse_signature_line(line)?;
        if let Some(signature) = signature.strip_prefix(&id).filter(|_| signer == name) {
            UnparsedPublicKey::new(&ED25519, public_key)
                .verify(text.as_bytes(), signature)
                .map_err(|_| NoteError::False)?;
            signed = true;
        }
    }
    if signed {
        Ok(text)
    } else {
        Err(NoteError::Unsigned)
    }
}

fn parse_vkey(vkey: &str) -> Result<(&str, [u8; KEY_ID_BYTES], [u8; 32]), NoteError> {
    let parse = || {
        // The base64 part may itself hold `+`.
        let (name, rest) = vkey.split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        check_name(name).ok()?;
        let key = STANDARD.decode(key).ok()?;
        let public_key = <[u8; 32]>::try_from(key.strip_prefix(&[ED25519_TYPE])?).ok()?;
        let expected = key_id(name, &key);
        (hex::encode(expected) == id).then_some((name, expected, public_key))
    };
    parse().ok_or(NoteError::VerifierKey)
}

fn parse_signature_line(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let parse = || {
        let (name, signature) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        check_name(name).ok()?;
        let signature = STANDARD.decode(signature).ok()?;
        (signature.len() > KEY_ID_BYTES).then_some((name, signature))
    };
    parse().ok_or(NoteError::Malformed)
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let allowed = |letter: char| letter != '+' && !letter.is_whitespace() && !letter.is_control();
    if !name.is_empty() && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(NoteError::Name)
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let allowed = |letter: char| letter == '\n' || letter >= ' ';
    if text.ends_with('\n') && text.chars().all(allowed) {
        Ok(())
    } else {
        Err(NoteError::Text)
    }
}

fn typed_public_key(public_key: &[u8]) -> Vec<u8> {
    [&[ED25519_TYPE], public_key].concat()
}

/// First four bytes of SHA-256 over name, line break, type and public key.
fn key_id(name: &str, typed_public_key: &[u8]) -> [u8; KEY_ID_BYTES] {
    let hash = digest(
        &SHA256,
        &[name.as_bytes(), b"\n", typed_public_key].concat(),
    );
    let mut id = [0; KEY_ID_BYTES];
    id.iter_mut()
        .zip(hash.as_ref())
        .for_each(|(target, byte)| *target = *byte);
    id
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use proptest::prelude::*;

    use super::*;

    // The example of the Go package golang.org/x/mod/sumdb/note, on which C2SP signed-note is built.
    const GO_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                           then you don't know what your problem is.\n";
    const GO_SIGNATURE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn vector_of_the_go_package_verifies_and_is_reproduced() {
        let note = format!("{GO_TEXT}\n{GO_SIGNATURE}");
        assert_eq!(verify_note(GO_VKEY, &note), Ok(GO_TEXT));
        // The printed private key opens with the type byte, like the public one.
        let seed = STANDARD.decode(GO_SEED).unwrap();
        let signer =
            NoteSigner::from_seed("PeterNeumann", seed.strip_prefix(&[1]).unwrap()).unwrap();
        assert_eq!(signer.vkey(), GO_VKEY);
        assert_eq!(signer.sign_note(GO_TEXT), Ok(note));
    }

    #[test]
    fn note_survives_keeping_the_seed_and_others_signing_too() {
        let signer = NoteSigner::generate("keywright.example/audit").unwrap();
        let again = NoteSigner::from_seed(signer.name(), signer.seed()).unwrap();
        let text = "origin\n7\nroot\n";
        let note = again.sign_note(text).unwrap();
        assert_eq!(verify_note(&signer.vkey(), &note), Ok(text));

        let witnessed = format!("{note}{GO_SIGNATURE}");
        assert_eq!(verify_note(&signer.vkey(), &witnessed), Ok(text));
        assert_eq!(verify_note(GO_VKEY, &note), Err(NoteError::Unsigned));
        assert_eq!(verify_note(GO_VKEY, &witnessed), Err(NoteError::False));
    }

    #[test]
    fn text_may_hold_empty_lines() {
        let signer = NoteSigner::generate("n").unwrap();
        let note = signer.sign_note("a\n\nb\n").unwrap();
        assert_eq!(verify_note(&signer.vkey(), &note), Ok("a\n\nb\n"));
    }

    #[test]
    fn every_altered_character_of_a_note_is_noticed() {
        let signer = NoteSigner::generate("keywright").unwrap();
        let note = signer.sign_note("origin\n7\nroot\n").unwrap();
        for (index, letter) in note.char_indices() {
            let other = if letter == 'A' { 'B' } else { 'A' };
            let (before, after) = note.split_at(index);
            let altered = format!("{before}{other}{}", after.strip_prefix(letter).unwrap());
            assert!(
                verify_note(&signer.vkey(), &altered).is_err(),
                "character {index}"
            );
        }
    }

    #[test]
    fn malformed_names_texts_keys_and_notes_are_refused() {
        for name in ["", "a b", "a+b", "a\n"] {
            assert_eq!(NoteSigner::generate(name).unwrap_err(), NoteError::Name);
        }
        let signer = NoteSigner::generate("n").unwrap();
        for text in ["", "no end", "tab\t\n", "nul\0\n"] {
            assert_eq!(signer.sign_note(text), Err(NoteError::Text));
        }
        for vkey in [
            "",
            "n",
            "n+00000000+AQ==",
            "n+zz+AQ",
            &signer.vkey().replace("n+", "m+"),
        ] {
            assert_eq!(
                verify_note(vkey, "a\n\n\u{2014} n AAAAAAA=\n"),
                Err(NoteError::VerifierKey)
            );
        }
        for note in [
            "",
            "a\n",
            "a\n\n",
            "a\n\n\n",
            "a\n\n\u{2014} n\n",
            "a\n\n\u{2014} n AAAA\n",
            "a\n\n- n AAAAAAA=\n",
        ] {
            assert_eq!(
                verify_note(&signer.vkey(), note),
                Err(NoteError::Malformed),
                "{note:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_that_signs_also_verifies_and_foreign_notes_never_do(
            text in "[^\\x00-\\x1f]{0,40}(\n[^\\x00-\\x1f]{0,9}){0,4}\n",
            foreign in "(\\PC|\n|\u{2014} n [A-Za-z0-9+/]{4,100}=?){0,60}",
        ) {
            let signer = NoteSigner::generate("n").unwrap();
            let note = signer.sign_note(&text).unwrap();
            prop_assert_eq!(verify_note(&signer.vkey(), &note), Ok(text.as_str()));
            prop_assert!(verify_note(&signer.vkey(), &foreign).is_err());
            prop_assert!(verify_note(&foreign, &note).is_err());
        }
    }
}
