//! `Content-Digest` (RFC 9530): which bytes a signed request carries. SHA-256 and SHA-512 only; MD5
//! and SHA-1, which the registry calls insecure, are refused even beside a good one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::SignatureError;
use super::fields::{byte_sequences, to_base64};

/// The body of a request, as its verifier has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// The bytes; none = no body.
    Bytes(&'a [u8]),
    /// A `Content-Digest` that the verifier itself made of the bytes that arrived.
    Digest(&'a str),
}

/// `Content-Digest` of these bytes, with SHA-256.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", to_base64(&Sha256::digest(body)))
}

/// Whether the field speaks of this body: at least one digest can be compared, and none differs.
pub(super) fn matches(field: &str, body: Body<'_>) -> Result<(), SignatureError> {
    let stated = read(field)?;
    let actual = match body {
        Body::Bytes(bytes) => Digests {
            sha256: Some(Sha256::digest(bytes).to_vec()),
            sha512: Some(Sha512::digest(bytes).to_vec()),
        },
        Body::Digest(text) => read(text)?,
    };
    let pairs = [
        (stated.sha256, actual.sha256),
        (stated.sha512, actual.sha512),
    ];
    let mut compared = false;
    for (stated, actual) in pairs {
        if let (Some(stated), Some(actual)) = (stated, actual) {
            compared = true;
            if !bool::from(stated.ct_eq(&actual)) {
                return Err(SignatureError::BodyDiffers);
            }
        }
    }
    if compared {
        Ok(())
    } else {
        Err(SignatureError::BodyDiffers)
    }
}

struct Digests {
    sha256: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
}

fn read(field: &str) -> Result<Digests, SignatureError> {
    let mut digests = Digests {
        sha256: None,
        sha512: None,
    };
    for (algorithm, bytes) in byte_sequences(field)? {
        let place = match algorithm.as_str() {
            "sha-256" => &mut digests.sha256,
            "sha-512" => &mut digests.sha512,
            _ => return Err(SignatureError::DigestAlgorithm),
        };
        *place = Some(bytes);
    }
    Ok(digests)
}
