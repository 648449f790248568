//! The contract of the store: one suite that runs on SQLite always, and on PostgreSQL when
//! `KEYWRIGHT_TEST_POSTGRES_URL` names a server on which databases may be made. With
//! `KEYWRIGHT_REQUIRE_POSTGRES` set, a missing server is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]
#![expect(
    clippy::cloned_ref_to_slice_refs,
    reason = "`&[change.clone()]` reads as the list of one that it is"
)]

mod audit;
mod checks;
mod completeness;
mod feed;
mod fixture;
mod installation;
mod keys;
mod limits;
mod lists;
mod model;
mod nodes;
mod people;
mod samples;
mod searches;
mod secrets;
mod tampering;
mod tenants;
