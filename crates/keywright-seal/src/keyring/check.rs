//! Check values: what the database remembers of each key of the keyring, so that a wrong
//! root key or pepper refuses to start instead of locking every caller out.

use crate::derive::{PEPPER_CHECK_LABEL, ROOT_CHECK_LABEL, derive};
use crate::keyring::{Keyring, Kind};

/// One stored check value. It says nothing about the key (HKDF with a label of its own).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCheck {
    /// Root key or pepper.
    pub kind: Kind,
    /// The key's id in the keyring.
    pub id: u32,
    /// The check value.
    pub value: [u8; 32],
}

/// The keyring does not belong to the database: one line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Same id, another key.
    #[error(
        "{kind} {id} of the keyring is not the one this database was made with: give the keyring that belongs to it"
    )]
    Wrong {
        /// Root key or pepper.
        kind: Kind,
        /// Its id.
        id: u32,
    },
    /// A key the database still needs is gone.
    #[error("the keyring lacks {kind} {id}, which this database still needs: put its line back")]
    Missing {
        /// Root key or pepper.
        kind: Kind,
        /// Its id.
        id: u32,
    },
}

impl Keyring {
    /// Check value of one root key, to be stored in the database.
    pub fn root_check(&self, id: u32) -> Option<[u8; 32]> {
        self.check_value(Kind::Root, id)
    }

    /// Check value of one pepper, to be stored in the database.
    pub fn pepper_check(&self, id: u32) -> Option<[u8; 32]> {
        self.check_value(Kind::Pepper, id)
    }

    /// Check values of all keys: what the database should hold while this keyring is in use.
    pub fn checks(&self) -> Vec<KeyCheck> {
        let of_kind = |kind| {
            self.keys(kind).all().map(move |(id, key)| KeyCheck {
                kind,
                id: *id,
                value: *derive(key, label(kind)),
            })
        };
        of_kind(Kind::Root).chain(of_kind(Kind::Pepper)).collect()
    }

    /// Holds the keyring against what the database remembers. A key the database does not know
    /// yet is fine: it was just added.
    ///
    /// # Errors
    /// [`CheckError`] for the first key that is wrong or missing.
    pub fn verify_checks(&self, stored: &[KeyCheck]) -> Result<(), CheckError> {
        for check in stored {
            let (kind, id) = (check.kind, check.id);
            let value = self
                .check_value(kind, id)
                .ok_or(CheckError::Missing { kind, id })?;
            // Check values are not secret: an ordinary comparison gives nothing away.
            if value != check.value {
                return Err(CheckError::Wrong { kind, id });
            }
        }
        Ok(())
    }

    fn check_value(&self, kind: Kind, id: u32) -> Option<[u8; 32]> {
        self.keys(kind).get(id).map(|key| *derive(key, label(kind)))
    }
}

const fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Root => ROOT_CHECK_LABEL,
        Kind::Pepper => PEPPER_CHECK_LABEL,
    }
}
