//! Keywright's HTTP API: management, checks and their documentation.
//!
//! | where | what |
//! |---|---|
//! | [`router`] | every route on one page |
//! | [`app`] | what handlers share, and the one way to make a change |
//! | [`caller`] | who calls, and how far they reach |
//! | [`keys`], [`checks`], [`auth`], [`users`], [`tenants`], [`scopes`], [`roles`], [`audit`], [`signing_keys`], [`secrets`] | one file per operation |
//! | [`cluster`], [`propagation`] | the other nodes, and whether a change has reached them |
//! | [`error`], [`body`], [`query`], [`paging`], [`etag`], [`idempotency`] | how requests are read and answers written |
//! | [`listen`], [`tls`], [`guard`] | the shell that knows nothing of keys |
//!
//! No rule about keys stands here: those are in `keywright-core`.

pub mod app;
pub mod audit;
pub mod auth;
pub mod body;
pub mod caller;
pub mod checks;
pub mod client_address;
pub mod cluster;
pub mod credential;
pub mod csrf;
pub mod error;
pub mod etag;
pub mod explorer;
pub mod guard;
pub mod health;
pub mod idempotency;
pub mod jwks;
pub mod keys;
pub mod listen;
pub mod options;
pub mod origin;
pub mod paging;
pub mod path;
pub mod plans;
pub mod propagation;
pub mod query;
pub mod roles;
pub mod router;
pub mod run;
pub mod scopes;
pub mod secrets;
pub mod session_token;
pub mod signing_keys;
pub mod tenants;
pub mod tls;
pub mod users;

pub use router::{openapi, router};
pub use run::{Server, ServerError};
