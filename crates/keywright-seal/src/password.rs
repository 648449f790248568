//! Passwords of people: Argon2id over the password authenticated with a pepper, so that
//! the stored hash alone cannot be guessed at. Which passwords are refused is in `policy`.
//!
//! Stored form: `v1$<pepper id>$<PHC string>`; Argon2's input is HMAC-SHA-256 of the password
//! under a key derived from that pepper. All functions take tens of milliseconds of one core and
//! 19 MiB: the caller runs them off the async threads and bounds how many run at once.

pub mod policy;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use keywright_core::secret::Secret;
use zeroize::Zeroizing;

use crate::derive::DerivedKey;
use crate::entropy::random_bytes;
use crate::keyring::{Keyring, Kind};
use crate::mac;

/// Argon2id memory in KiB: OWASP's first recommendation (19 MiB).
pub const MEMORY_KIB: u32 = 19_456;
/// Argon2id passes over the memory: OWASP, for that memory.
pub const PASSES: u32 = 2;
/// Argon2id lanes: one, because other requests want the other cores.
pub const LANES: u32 = 1;

/// Salt length in bytes (RFC 9106 recommends 16).
const SALT_BYTES: usize = 16;

/// A stored hash may ask for this many times our memory and passes, and no more: an altered row
/// must not exhaust the machine, and older or newer settings must still be readable.
const COST_FACTOR_MAX: u32 = 4;

const FORM: &str = "v1";

/// A password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password cannot be hashed")]
pub struct PasswordError;

/// The text to store for a password, under the current pepper and a new salt.
///
/// # Errors
/// [`PasswordError`] when the memory for hashing cannot be had.
pub fn hash(keyring: &Keyring, password: &Secret) -> Result<String, PasswordError> {
    let input = peppered(&keyring.current_password_key(), password);
    let salt = random_bytes::<SALT_BYTES>();
    let phc = argon2()?
        .hash_password_with_salt(&*input, &salt)
        .map_err(|_| PasswordError)?;
    Ok(format!(
        "{}{phc}",
        stored_prefix(keyring.current_id(Kind::Pepper))
    ))
}

/// What the stored texts under a pepper begin with: tells which still need it.
#[must_use]
pub fn stored_prefix(pepper_id: u32) -> String {
    format!("{FORM}${pepper_id}$")
}

/// Whether this is the password of the stored hash, whichever usable pepper it was made with.
/// A hash that cannot be read matches nothing.
pub fn verify(keyring: &Keyring, stored: &str, password: &Secret) -> bool {
    let prepared = || {
        let (pepper_id, phc) = parse(stored)?;
        Some((keyring.password_key(pepper_id)?, phc))
    };
    let Some((key, phc)) = prepared() else {
        // An answer that came sooner would tell that this user exists.
        return dummy_verify(keyring, password);
    };
    let input = peppered(&key, password);
    argon2().is_ok_and(|argon2| argon2.verify_password(&*input, &phc).is_ok())
}

/// Whether the hash should be made anew after a successful [`verify`], while the password is at
/// hand: it was made with a former pepper or with other settings.
pub fn needs_rehash(keyring: &Keyring, stored: &str) -> bool {
    match parse(stored) {
        Some((pepper_id, phc)) => {
            pepper_id != keyring.current_id(Kind::Pepper)
                || cost(&phc) != Some((MEMORY_KIB, PASSES, LANES))
        }
        None => true,
    }
}

/// Costs what [`verify`] costs and matches nothing: for an unknown user, so that time does not
/// tell which users exist.
pub fn dummy_verify(keyring: &Keyring, password: &Secret) -> bool {
    let input = peppered(&keyring.current_password_key(), password);
    let hash = argon2().and_then(|argon2| {
        argon2
            .hash_password_with_salt(&*input, &[0; SALT_BYTES])
            .map_err(|_| PasswordError)
    });
    // The compiler must not find out that nobody looks at the hash.
    let _ = std::hint::black_box(hash);
    false
}

/// Fixed-length input, so that no password is too long for Argon2 and all cost the same.
fn peppered(key: &DerivedKey, password: &Secret) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac::tag(key, password.expose().as_bytes()))
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn parse(stored: &str) -> Option<(u32, PasswordHash)> {
    let (form, rest) = stored.split_once('$')?;
    let (pepper_id, phc) = rest.split_once('$')?;
    let phc = PasswordHash::new(phc).ok().filter(|_| form == FORM)?;
    let (memory, passes, lanes) = cost(&phc)?;
    let bearable = memory <= MEMORY_KIB.saturating_mul(COST_FACTOR_MAX)
        && passes <= PASSES.saturating_mul(COST_FACTOR_MAX)
        && lanes <= LANES.saturating_mul(COST_FACTOR_MAX)
        && phc.algorithm == Algorithm::Argon2id.ident();
    bearable.then_some((pepper_id.parse().ok()?, phc))
}

fn cost(phc: &PasswordHash) -> Option<(u32, u32, u32)> {
    let params = Params::try_from(phc).ok()?;
    Some((params.m_cost(), params.t_cost(), params.p_cost()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn password_verifies_and_every_other_does_not() {
        let keyring = Keyring::generate();
        let stored = hash(&keyring, &secret("a perfectly good pass phrase")).unwrap();
        assert!(
            stored.starts_with("v1$1$$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(verify(
            &keyring,
            &stored,
            &secret("a perfectly good pass phrase")
        ));
        assert!(!verify(
            &keyring,
            &stored,
            &secret("a perfectly good pass phrasE")
        ));
        assert!(!verify(
            &Keyring::generate(),
            &stored,
            &secret("a perfectly good pass phrase")
        ));
        assert!(!needs_rehash(&keyring, &stored));
    }

    #[test]
    fn former_pepper_still_verifies_until_it_is_dropped() {
        let before = Keyring::generate();
        let password = secret("a perfectly good pass phrase");
        let stored = hash(&before, &password).unwrap();
        let both = before.add_pepper().unwrap();
        assert!(verify(&both, &stored, &password));
        assert!(needs_rehash(&both, &stored));
        assert!(!verify(&both.drop_pepper(1).unwrap(), &stored, &password));
    }

    #[test]
    fn changing_the_root_key_leaves_passwords_alone() {
        let before = Keyring::generate();
        let password = secret("a perfectly good pass phrase");
        let stored = hash(&before, &password).unwrap();
        let after = before.add_root().unwrap().drop_root(1).unwrap();
        assert!(verify(&after, &stored, &password));
        assert!(!needs_rehash(&after, &stored));
    }

    #[test]
    fn unreadable_or_unbearable_hash_matches_nothing() {
        let keyring = Keyring::generate();
        let tail = "c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for stored in [
            String::new(),
            "v1$1".to_owned(),
            format!("v2$1$$argon2id$v=19$m=19456,t=2,p=1${tail}"),
            format!("v1$x$$argon2id$v=19$m=19456,t=2,p=1${tail}"),
            format!("v1$1$$argon2d$v=19$m=19456,t=2,p=1${tail}"),
            format!("v1$1$$argon2id$v=19$m=77825,t=2,p=1${tail}"),
            format!("v1$1$$argon2id$v=19$m=19456,t=9,p=1${tail}"),
        ] {
            assert!(parse(&stored).is_none(), "{stored}");
            assert!(!verify(&keyring, &stored, &secret("")), "{stored}");
            assert!(needs_rehash(&keyring, &stored), "{stored}");
        }
        let other_settings = format!("v1$1$$argon2id$v=19$m=77824,t=8,p=1${tail}");
        assert!(parse(&other_settings).is_some());
        assert!(needs_rehash(&keyring, &other_settings));
    }

    #[test]
    fn unknown_user_never_signs_in() {
        assert!(!dummy_verify(
            &Keyring::generate(),
            &secret("a perfectly good pass phrase")
        ));
    }
}
