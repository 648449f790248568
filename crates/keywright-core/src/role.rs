//! Roles: named sets of grants. Changing a role acts on every key that has it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::scope::Grant;

/// A role's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(Box<str>);

/// The text is not a role's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a role's name is 1 to 64 characters of a-z, 0-9, `_` and `-`, beginning with a letter")]
pub struct InvalidRoleName;

/// Bytes of a role's name.
const NAME_BYTES_MAX: usize = 64;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Unique in the tenant.
    pub name: RoleName,
    /// For people.
    pub description: String,
    /// What it grants.
    pub grants: Vec<Grant>,
    /// Came with the tenant.
    pub builtin: bool,
}

impl FromStr for RoleName {
    type Err = InvalidRoleName;

    fn from_str(text: &str) -> Result<Self, InvalidRoleName> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if begins && text.len() <= NAME_BYTES_MAX && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRoleName)
        }
    }
}

impl RoleName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Role {
    /// The permission levels that every tenant starts with (requirement C2).
    #[must_use]
    pub fn common() -> Vec<Self> {
        let role = |name: &str, description: &str, grants: Vec<&str>| Self {
            name: RoleName(name.into()),
            description: description.into(),
            grants: grants
                .into_iter()
                .filter_map(|grant| grant.parse().ok())
                .collect(),
            builtin: true,
        };
        vec![
            role(
                "full-access",
                "Everything that the tenant's scopes allow",
                vec!["*"],
            ),
            role(
                "read-write",
                "Reads and changes data",
                vec!["api:read", "api:write"],
            ),
            role(
                "read-only",
                "Reads data and changes nothing",
                vec!["api:read"],
            ),
        ]
    }
}
