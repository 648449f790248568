//! Why a text is not a keyring, or a change to a keyring is refused.

use crate::keyring::{Kind, MAX_TEXT_BYTES};

/// Why a text is not a keyring, or a change to one is refused. Never shows what a line holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringFault {
    /// A line is none of the two forms.
    #[error("line {line} must read `root <id> <64 hex digits>` or `pepper <id> <64 hex digits>`")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A key of 32 zero bytes is a placeholder someone forgot.
    #[error("line {line} holds a key of zeroes, which is no key")]
    Placeholder {
        /// Number of the line, from 1.
        line: usize,
    },
    /// Ids must rise, because the last key of a kind is the current one.
    #[error("line {line} must have a higher id than the {kind} before it")]
    NotAscending {
        /// Number of the line, from 1.
        line: usize,
        /// The kind of key on that line.
        kind: Kind,
    },
    /// No key of this kind at all.
    #[error("there is no {0}")]
    Missing(Kind),
    /// More than [`super::MAX_ROOTS`] or [`super::MAX_PEPPERS`]: a rotation must end before the next one begins.
    #[error("it already holds {max} of the kind {0}: finish the last rotation and drop the former one first", max = .0.keys_max())]
    TooMany(Kind),
    /// More than [`MAX_TEXT_BYTES`].
    #[error("it is longer than {MAX_TEXT_BYTES} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("it is not text")]
    NotText,
    /// The key to drop is not there.
    #[error("there is no {0} {1}")]
    Unknown(Kind, u32),
    /// The current key cannot be dropped, only replaced.
    #[error("{0} {1} is the current one: add another first")]
    Current(Kind, u32),
}
