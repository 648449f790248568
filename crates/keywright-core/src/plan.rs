//! Plans: named sets of limits that keys refer to. Changing a plan acts on every key that has it.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::limit::Limits;

/// A plan's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanName(Box<str>);

/// The text is not a plan's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a plan's name is 1 to 64 characters of a-z, 0-9, `_` and `-`, beginning with a letter")]
pub struct InvalidPlanName;

/// Bytes of a plan's name.
const NAME_BYTES_MAX: usize = 64;

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Unique in the tenant.
    pub name: PlanName,
    /// For people.
    pub description: String,
    /// What keys of this plan are limited to; what a key sets for itself outranks it.
    pub limits: Limits,
}

impl FromStr for PlanName {
    type Err = InvalidPlanName;

    fn from_str(text: &str) -> Result<Self, InvalidPlanName> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if begins && text.len() <= NAME_BYTES_MAX && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidPlanName)
        }
    }
}

impl PlanName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
