//! The law of Keywright: what a key is, how it changes, and when it may pass.
//!
//! Everything here is a pure function over plain types. The present moment and randomness are
//! arguments; there is no I/O, no clock and no async, and `no_std` keeps it so. Start reading at
//! [`verify`], which decides a check, then [`key`], which says how a key may change.
#![no_std]

extern crate alloc;

#[macro_use]
mod named;

pub mod access;
pub mod audit;
pub mod change;
pub mod denial;
pub mod id;
pub mod key;
pub mod limit;
pub mod limits;
pub mod permission;
pub mod plan;
pub mod policy;
pub mod restriction;
pub mod role;
pub mod scope;
pub mod secret;
pub mod signature;
pub mod tenant;
pub mod time;
pub mod token;
pub mod user;
pub mod verify;
