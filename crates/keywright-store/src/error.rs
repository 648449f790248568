//! What can go wrong in the store, and how the databases' errors are told apart.

use std::error::Error;

use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::patience::Shut;

/// The cause, of whatever kind; shown only in logs, through `source`.
type Cause = Box<dyn Error + Send + Sync>;

/// Why the store did not do it. [`StoreError::Conflict`] and [`StoreError::Duplicate`] are expected.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The row has moved since the change was decided: read it again and decide anew.
    #[error("the row was changed meanwhile")]
    Conflict,
    /// Something that must be unique is there already.
    #[error("this {what} is taken already")]
    Duplicate {
        /// What, in words for people, such as `slug`.
        what: &'static str,
    },
    /// The database does not answer in time; the same call may succeed later.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// There is no room left to write.
    #[error("the database has no room left on its disk")]
    StorageFull(#[source] Cause),
    /// A stored value cannot be what Keywright wrote.
    #[error("table `{table}`, column `{column}`, row `{row}` holds what Keywright did not write")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's identifier.
        row: String,
    },
    /// A newer Keywright has migrated this database.
    #[error(
        "the database has schema {found}, this Keywright knows schemas up to {known}: start a newer Keywright"
    )]
    TooNew {
        /// The database's schema.
        found: i64,
        /// The newest schema that this build knows.
        known: i64,
    },
    /// Anything else; the database's own words are the source.
    #[error("the database refused the operation")]
    Other(#[source] Cause),
}

impl StoreError {
    pub(crate) fn inconsistent(
        table: &'static str,
        column: &'static str,
        row: impl Into<String>,
    ) -> Self {
        Self::Inconsistent {
            table,
            column,
            row: row.into(),
        }
    }

    /// Whether the database has said nothing at all: it cannot be reached, or hangs.
    pub(crate) fn is_silence(&self) -> bool {
        let Self::Unavailable(cause) = self else {
            return false;
        };
        !cause.is::<Shut>() && !matches!(cause.downcast_ref(), Some(sqlx::Error::Database(_)))
    }

    pub(crate) fn other(cause: impl Into<Cause>) -> Self {
        Self::Other(cause.into())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_) => Self::Unavailable(error.into()),
            sqlx::Error::Database(cause) => {
                if cause.is_unique_violation() {
                    let place = cause.constraint().unwrap_or_else(|| cause.message());
                    return Self::Duplicate {
                        what: duplicate(place),
                    };
                }
                if cause.is_foreign_key_violation() {
                    // What the change refers to was removed meanwhile.
                    return Self::Conflict;
                }
                let code = cause.code().unwrap_or_default().into_owned();
                let trouble = if cause
                    .try_downcast_ref::<sqlx::sqlite::SqliteError>()
                    .is_some()
                {
                    sqlite_trouble(&code)
                } else {
                    postgres_trouble(&code)
                };
                match trouble {
                    Trouble::Passing => Self::Unavailable(error.into()),
                    Trouble::Full => Self::StorageFull(error.into()),
                    Trouble::Lasting => Self::Other(error.into()),
                }
            }
            _ => Self::Other(error.into()),
        }
    }
}

pub(crate) fn migration(error: MigrateError, known: i64) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
            StoreError::TooNew { found, known }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Other(other.into()),
    }
}

/// What a caller may do about the trouble.
enum Trouble {
    Passing,
    Full,
    Lasting,
}

/// SQLite's result codes (<https://www.sqlite.org/rescode.html>): the low byte is the primary code.
fn sqlite_trouble(code: &str) -> Trouble {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const INTERRUPT: u32 = 9;
    const IO_ERROR: u32 = 10;
    const FULL: u32 = 13;
    /// Of the I/O errors: the index of the write-ahead log could not grow.
    const IO_ERROR_INDEX_SIZE: u32 = 4_874;
    match code.parse::<u32>().map(|code| match code {
        IO_ERROR_INDEX_SIZE => FULL,
        _ => code & 0xFF,
    }) {
        Ok(BUSY | LOCKED | INTERRUPT | IO_ERROR) => Trouble::Passing,
        Ok(FULL) => Trouble::Full,
        _ => Trouble::Lasting,
    }
}

/// PostgreSQL's SQLSTATE classes (appendix A of its manual).
fn postgres_trouble(code: &str) -> Trouble {
    match code {
        "53100" => Trouble::Full,
        // Serialization failure, deadlock, lock or statement time-out, a read-only stand-by, an I/O error.
        "40001" | "40P01" | "55P03" | "57014" | "25006" | "58030" => Trouble::Passing,
        // Connections, resources, and an operator's intervention (restart, fail-over).
        _ if ["08", "53", "57"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            Trouble::Passing
        }
        _ => Trouble::Lasting,
    }
}

/// What is taken, from the name of PostgreSQL's constraint or from SQLite's sentence.
fn duplicate(place: &str) -> &'static str {
    const PLACES: [(&str, &str); 9] = [
        ("slug", "slug"),
        ("email", "e-mail address"),
        ("digest", "key"),
        ("memberships", "member"),
        ("scopes", "scope"),
        ("roles", "role"),
        ("signing_keys", "signing key"),
        ("idempotency", "idempotency key"),
        ("subject_keys", "subject key"),
    ];
    PLACES
        .iter()
        .find(|(part, _)| place.contains(part))
        .map_or("identifier", |(_, what)| *what)
}
