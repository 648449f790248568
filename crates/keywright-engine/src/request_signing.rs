//! Signed requests: the pair's secret is opened, the signature checked with it, and its nonce
//! remembered, in this order. The secret is plain for the length of one check.

use keywright_core::id::{KeyId, TenantId};
use keywright_core::signature::{self, Message, Signature, SignatureError};
use keywright_core::time::Timestamp;
use keywright_core::token::digest::{Digest, PepperRing};
use keywright_core::verify::Proof;
use keywright_seal::envelope::{self, EnvelopeError, Place};
use keywright_seal::keyring::Keyring;

use crate::EngineError;
use crate::compiled::CompiledKey;
use crate::replay::{Replays, Seen};
use crate::verify::Check;

/// A request that was signed, as its verifier saw it.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The request.
    pub message: Message<'a>,
    /// Its signature.
    pub signature: Signature<'a>,
    /// Opens the pair's secret.
    pub keyring: &'a Keyring,
}

/// What was found of a signature.
pub(crate) struct Found {
    pub(crate) proof: Proof,
    /// The secret's digest under the current pepper, when the row still has it under another one.
    pub(crate) rehashed: Option<Digest>,
}

/// Where the sealed secret of a key stands; part of its seal.
#[must_use]
pub fn place<'a>(tenant: &'a str, key: &'a str) -> Place<'a> {
    Place {
        tenant,
        table: "request_signing",
        column: "sealed_secret",
        row: key,
    }
}

/// Seals the secret of a new pair.
///
/// # Errors
/// When it is too long, which no minted secret is.
pub fn seal(
    keyring: &Keyring,
    tenant: TenantId,
    key: KeyId,
    secret: &str,
) -> Result<Vec<u8>, EnvelopeError> {
    let place_of = (tenant.to_string(), key.to_string());
    envelope::seal(keyring, &place(&place_of.0, &place_of.1), secret.as_bytes())
}

pub(crate) fn prove(
    key: &CompiledKey,
    check: &Check<'_>,
    signed: &Signed<'_>,
    (replays, peppers): (&Replays, &PepperRing),
    now: Timestamp,
) -> Result<Found, EngineError> {
    let Some(sealed) = key.sealed_secret() else {
        return Ok(Found {
            proof: Proof::Wrong(SignatureError::Mismatch),
            rehashed: None,
        });
    };
    let place_of = (key.tenant.tenant.id.to_string(), key.id.to_string());
    let secret = envelope::open(signed.keyring, &place(&place_of.0, &place_of.1), sealed)?;
    let verified = signature::verify(&signed.message, signed.signature, check.key, &secret, now);
    let proof = match verified {
        Err(error) => Proof::Wrong(error),
        Ok(verified) => match replays.see(key.id, verified, now, !check.dry_run) {
            Seen::First => Proof::Right,
            Seen::Again => Proof::Replayed,
            Seen::TooOld => Proof::Wrong(SignatureError::Stale),
            Seen::Full => return Err(EngineError::ReplayMemoryFull),
        },
    };
    let current = peppers.current();
    let text = std::str::from_utf8(&secret).map_err(|_| EnvelopeError::Unopenable)?;
    Ok(Found {
        proof,
        rehashed: (key.pepper != current.id()).then(|| current.digest(text)),
    })
}
