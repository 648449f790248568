//! The database: SQLite or PostgreSQL behind one [`Store`] for reading and one [`Tx`] for writing.
//! Only this crate knows which of them runs, and only it knows rows. No rule of Keywright is here:
//! a [`keywright_core::change::Change`] says what to write, with its audit leaf and its feed row.

mod apply;
mod audit;
mod checks;
mod database;
mod decode;
mod error;
mod feed;
mod idempotency;
mod key_list;
mod key_row;
mod keys;
mod page;
mod people;
mod restrictions;
mod secrets;
mod settings;
mod store;
mod tenants;
mod tx;

pub use audit::{AuditFilter, AuditHead, AuditRecord, AuditReport};
pub use checks::{LastUseRecord, OwnerRecord, Rehash, TenantFacts, VerifyRecord};
pub use database::{DatabaseUrl, InvalidDatabaseUrl};
pub use error::StoreError;
pub use feed::{Changed, FeedListener, FeedRow};
pub use idempotency::Remembered;
pub use keys::{KeyFilter, KeyRecord, KeySort, LastUsed};
pub use page::{COUNT_MAX, Cursor, CursorValue, PAGE_LIMIT_MAX, Page, PageRequest, Start, Total};
pub use people::{Member, RefreshedSession, UserRecord, UserSort};
pub use secrets::{KeyringCheck, SealedKind, SealedRow};
pub use store::{Options, Store};
pub use tenants::TenantSort;
pub use tx::{FeedPosition, Tx};
