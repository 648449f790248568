//! The API in process: each promise at the path of the operation that makes it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod auth;
mod support;
mod tenants;
mod users;
