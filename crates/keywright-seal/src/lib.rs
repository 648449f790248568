//! Secrets at rest, and the cryptography that needs the operating system or big
//! numbers. Nothing here knows the database, HTTP or what a key is allowed to do.
//!
//! | module | what |
//! |---|---|
//! | [`entropy`] | randomness of the operating system |
//! | [`keyring`] | root keys and peppers, kept outside the database |
//! | [`mod@derive`] | one key per purpose from a root key (HKDF) |
//! | [`mac`] | tags for what we hand out and get back (HMAC-SHA-256) |
//! | [`envelope`] | sealing a database value under its own data key (AES-256-GCM) |
//! | [`subject`] | personal data under a key per person, so that it can be erased |
//! | [`signing`] | JWT signing keys and their public JWK |
//! | [`checkpoint`] | signed notes for audit checkpoints (C2SP) |
//! | [`password`] | Argon2id with a pepper, and which passwords are refused |
//! | [`process`] | no core dumps, no attaching |

pub mod checkpoint;
pub mod derive;
pub mod entropy;
pub mod envelope;
pub mod keyring;
pub mod mac;
pub mod password;
pub mod process;
pub mod signing;
pub mod subject;
