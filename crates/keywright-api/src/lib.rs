//! The JSON of the HTTP API: what requests may say, what answers look like, and every error code.
//! No rule of Keywright lives here; requests are checked field by field and turned into core types.

pub mod answer;
pub mod audit;
pub mod code;
pub mod error;
mod field;
pub mod health;
pub mod json;
pub mod key;
pub mod limit;
pub mod names;
pub mod patch;
pub mod plan;
pub mod reference;
pub mod role;
pub mod scope;
pub mod secret;
pub mod session;
pub mod signing_key;
pub mod tenant;
pub mod text;
pub mod user;
pub mod verify;

#[cfg(test)]
mod schema_tests;
