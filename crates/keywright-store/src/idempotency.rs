//! Answers to repeat: a creating call that is sent twice is done once (trust P15).

use keywright_core::time::{DAY_MS, Timestamp};
use keywright_core::token::digest::Digest;
use sqlx::FromRow;

use crate::connection::within;
use crate::database::reading;
use crate::decode::Place;
use crate::error::StoreError;
use crate::store::Store;
use crate::tx::Tx;

/// How long an answer can be repeated (trust P15).
const REMEMBERED_MS: i64 = DAY_MS;

/// An answer that was given. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Digest of the request.
    pub fingerprint: Digest,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(FromRow)]
struct Row {
    fingerprint: Vec<u8>,
    status: i64,
    body: Vec<u8>,
}

impl Store {
    /// The answer that was given to this caller, route and `Idempotency-Key`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn remembered(&self, scope: &Digest) -> Result<Option<Remembered>, StoreError> {
        let row: Option<Row> = reading!(self, pool => sqlx::query_as(
            "SELECT fingerprint, status, body FROM idempotency WHERE scope = $1",
        )
        .bind(scope.as_bytes().as_slice())
        .fetch_optional(pool)
        .await)?;
        let hex = scope.to_hex();
        let at = Place {
            table: "idempotency",
            row: &hex,
        };
        row.map(|row| {
            Ok(Remembered {
                fingerprint: at.digest("fingerprint", &row.fingerprint)?,
                status: u16::try_from(row.status).map_err(|_| at.inconsistent("status"))?,
                body: row.body,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Remembers an answer for a day, with the change that it answers.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when another request was first.
    pub async fn remember(
        &mut self,
        scope: &Digest,
        answer: &Remembered,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = within!(&mut self.writer, connection => sqlx::query(
            "INSERT INTO idempotency (scope, fingerprint, status, body, expires_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope) DO UPDATE SET \
             fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body, \
             expires_at = excluded.expires_at WHERE idempotency.expires_at <= $6",
        )
        .bind(scope.as_bytes().as_slice())
        .bind(answer.fingerprint.as_bytes().as_slice())
        .bind(i64::from(answer.status))
        .bind(&answer.body)
        .bind(now.plus_milliseconds(REMEMBERED_MS).milliseconds())
        .bind(now.milliseconds())
        .execute(connection)
        .await?
        .rows_affected());
        if rows == 1 {
            Ok(())
        } else {
            Err(StoreError::Duplicate {
                what: "idempotency key",
            })
        }
    }
}
