//! Sealing a database value: its own random data key (AES-256-GCM), wrapped by a key
//! derived from a root key. Changing the root key re-wraps data keys and leaves the data alone.
//!
//! Layout: version 1 | root id (u32, big endian) | wrap nonce 12 | data key 32 + tag 16 | nonce 12 | data + tag 16.
//! Each wrapping key seals far fewer than 2^32 data keys, the bound for random nonces (SP 800-38D).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::derive::Purpose;
use crate::entropy::{random_bytes, random_key};
use crate::keyring::{Keyring, Kind};

/// Longest value to seal, in bytes: the largest we have is an RSA private key of 1.2 kB.
pub const MAX_PLAINTEXT_BYTES: usize = 64 * 1024;

/// How much longer a sealed value is than the plain one, in bytes.
pub const OVERHEAD_BYTES: usize = HEAD_BYTES + WRAPPED_BYTES + NONCE_LEN + TAG_BYTES;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// Version and root id.
const HEAD_BYTES: usize = 1 + 4;
/// Nonce and wrapped data key.
const WRAPPED_BYTES: usize = NONCE_LEN + KEY_BYTES + TAG_BYTES;

/// Where a sealed value stands. It opens nowhere else, so rows cannot be swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Id of the tenant, empty for values of the installation.
    pub tenant: &'a str,
    /// Table name.
    pub table: &'a str,
    /// Column name.
    pub column: &'a str,
    /// Id of the row.
    pub row: &'a str,
}

/// A value cannot be sealed or opened. Deliberately does not say which part failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Altered, moved from its place, sealed under another key, or not a sealed value.
    #[error("the sealed value cannot be opened: it was altered or does not belong here")]
    Unopenable,
    /// The keyring no longer holds the root key that it names.
    #[error("the sealed value needs root key {0}, which the keyring lacks")]
    RootMissing(u32),
    /// Longer than [`MAX_PLAINTEXT_BYTES`].
    #[error("a value to seal may have at most {MAX_PLAINTEXT_BYTES} bytes")]
    TooLong,
}

/// Seals a value for its place, under the current root key.
///
/// # Errors
/// [`EnvelopeError::TooLong`].
pub fn seal(
    keyring: &Keyring,
    place: &Place<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let data_key = random_key();
    let mut sealed = head_and_wrapped(keyring, place, &data_key)?;
    sealed.extend_from_slice(&encrypt(
        &data_key,
        &place.associated_data(None),
        plaintext,
    )?);
    Ok(sealed)
}

/// Opens a value at its place, under whichever root key sealed it.
///
/// # Errors
/// [`EnvelopeError::Unopenable`] or [`EnvelopeError::RootMissing`].
pub fn open(
    keyring: &Keyring,
    place: &Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let parts = Parts::split(sealed)?;
    let data_key = unwrap_data_key(keyring, place, &parts)?;
    decrypt(&data_key, &place.associated_data(None), parts.data)
}

/// The value with its data key wrapped under the current root key; nothing if it already is.
/// Working through all rows may stop anywhere and start again, while both root keys are in the keyring.
///
/// # Errors
/// As [`open`], as far as the data key goes; the data itself is not looked at.
pub fn rewrap(
    keyring: &Keyring,
    place: &Place<'_>,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, EnvelopeError> {
    let parts = Parts::split(sealed)?;
    if parts.root_id == keyring.current_id(Kind::Root) {
        return Ok(None);
    }
    let data_key = unwrap_data_key(keyring, place, &parts)?;
    let mut rewrapped = head_and_wrapped(keyring, place, &data_key)?;
    rewrapped.extend_from_slice(parts.data);
    Ok(Some(rewrapped))
}

/// Id of the root key that wraps this value's data key.
///
/// # Errors
/// [`EnvelopeError::Unopenable`] if this is not a sealed value.
pub fn kek_version(sealed: &[u8]) -> Result<u32, EnvelopeError> {
    Parts::split(sealed).map(|parts| parts.root_id)
}

struct Parts<'a> {
    root_id: u32,
    wrapped: &'a [u8],
    data: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(sealed: &'a [u8]) -> Result<Self, EnvelopeError> {
        let split = || {
            let (version, rest) = sealed.split_first()?;
            let (root_id, rest) = rest.split_first_chunk::<4>()?;
            let (wrapped, data) = rest.split_at_checked(WRAPPED_BYTES)?;
            let root_id = u32::from_be_bytes(*root_id);
            (*version == VERSION).then_some(Self {
                root_id,
                wrapped,
                data,
            })
        };
        split().ok_or(EnvelopeError::Unopenable)
    }
}

impl Place<'_> {
    /// What is authenticated beside the value: `tenant|table|column|row`, and the root id for a
    /// wrapped data key. Each part carries its length, so that no two places read the same.
    fn associated_data(&self, root_id: Option<u32>) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for part in [self.tenant, self.table, self.column, self.row] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        if let Some(root_id) = root_id {
            bytes.extend_from_slice(&root_id.to_be_bytes());
        }
        bytes
    }
}

fn head_and_wrapped(
    keyring: &Keyring,
    place: &Place<'_>,
    data_key: &[u8; 32],
) -> Result<Vec<u8>, EnvelopeError> {
    let root_id = keyring.current_id(Kind::Root);
    let wrapping_key = keyring.derive_current(Purpose::Envelope);
    let wrapped = encrypt(
        &wrapping_key,
        &place.associated_data(Some(root_id)),
        data_key,
    )?;
    let mut head = vec![VERSION];
    head.extend_from_slice(&root_id.to_be_bytes());
    head.extend_from_slice(&wrapped);
    Ok(head)
}

fn unwrap_data_key(
    keyring: &Keyring,
    place: &Place<'_>,
    parts: &Parts<'_>,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, EnvelopeError> {
    let wrapping_key = keyring
        .derive(parts.root_id, Purpose::Envelope)
        .ok_or(EnvelopeError::RootMissing(parts.root_id))?;
    let bytes = decrypt(
        &wrapping_key,
        &place.associated_data(Some(parts.root_id)),
        parts.wrapped,
    )?;
    let data_key = bytes
        .as_slice()
        .try_into()
        .map_err(|_| EnvelopeError::Unopenable)?;
    Ok(Zeroizing::new(data_key))
}

/// Nonce, ciphertext and tag.
pub(crate) fn encrypt(
    key: &[u8; 32],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    if plaintext.len() > MAX_PLAINTEXT_BYTES {
        return Err(EnvelopeError::TooLong);
    }
    let nonce = random_bytes::<NONCE_LEN>();
    // Room for all of it at once: growing would leave copies of the plain text behind.
    let mut bytes = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_BYTES);
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(plaintext);
    let in_place = bytes.get_mut(NONCE_LEN..).unwrap_or_default();
    let tag = cipher(key)?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated_data),
            in_place,
        )
        .map_err(|_| EnvelopeError::TooLong)?;
    bytes.extend_from_slice(tag.as_ref());
    Ok(bytes)
}

/// The plain text of what [`encrypt`] made with the same key and associated data.
pub(crate) fn decrypt(
    key: &[u8; 32],
    associated_data: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let (nonce, ciphertext) = sealed
        .split_first_chunk::<NONCE_LEN>()
        .ok_or(EnvelopeError::Unopenable)?;
    let mut bytes = Zeroizing::new(ciphertext.to_vec());
    let length = cipher(key)?
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(associated_data),
            &mut bytes,
        )
        .map_err(|_| EnvelopeError::Unopenable)?
        .len();
    bytes.truncate(length);
    Ok(bytes)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, EnvelopeError> {
    // Every 32 bytes are a key, so this cannot fail.
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(|_| EnvelopeError::Unopenable)
}

#[cfg(test)]
mod tests;
