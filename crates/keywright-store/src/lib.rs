//! The database: SQLite or PostgreSQL behind one [`Store`] for reading and one [`Tx`] for writing.
//! Only this crate knows which of them runs, and only it knows rows. No rule of Keywright is here:
//! a [`keywright_core::change::Change`] says what to write, with its audit leaf and its feed row.

mod apply;
mod audit;
mod checks;
mod connection;
mod counters;
mod database;
mod database_url;
mod decode;
mod error;
mod feed;
mod idempotency;
mod key_list;
mod key_row;
mod keys;
mod nodes;
mod page;
mod patience;
mod people;
mod plans;
mod restrictions;
mod secrets;
mod settings;
mod store;
mod tenants;
mod tx;

pub use audit::{AuditFilter, AuditHead, AuditRecord, AuditReport};
pub use checks::{LastUseRecord, OwnerRecord, Rehash, TenantFacts, VerifyRecord};
pub use counters::{ParkedCounter, UnitsGrant, UnitsWish};
pub use database_url::{DatabaseUrl, InvalidDatabaseUrl};
pub use error::StoreError;
pub use feed::{Changed, FeedListener, FeedRow};
pub use idempotency::Remembered;
pub use keys::{KeyFilter, KeyRecord, KeySort, LastUsed};
pub use nodes::{Laggard, Renewal};
pub use page::{COUNT_MAX, Cursor, CursorValue, PAGE_LIMIT_MAX, Page, PageRequest, Start, Total};
pub use people::{Member, RefreshedSession, UserRecord, UserSort};
pub use secrets::{KeyringCheck, SealedKind, SealedRow};
pub use store::{Options, Store};
pub use tenants::TenantSort;
pub use tx::{FeedPosition, Tx};
