//! The printed form of a key: how it is minted, recognised, masked and digested. What a key may do is
//! not known here. Four forms (requirement A1): [`opaque`], [`pair`], [`jwt`] and [`custom`]; [`parse`]
//! tells them apart without looking anything up.

mod base62;
pub(crate) mod base64url;
pub mod custom;
pub mod digest;
mod entropy;
mod format;
pub mod jwt;
pub mod mask;
pub mod opaque;
pub mod pair;
mod parse;

pub use digest::{Digest, Pepper, PepperId, PepperRing};
pub use entropy::Entropy;
pub use format::{
    Alphabet, EnvironmentTag, FormatError, OpaqueFormat, Prefix, RANDOM_LENGTH_DEFAULT,
    RANDOM_LENGTH_MAX, scanner_pattern,
};
pub use parse::{
    CUSTOM_BYTES_MAX, CUSTOM_BYTES_MIN, Inspection, ParseError, Presented, PrintedKind,
    TOKEN_BYTES_MAX, inspect, parse,
};
