//! A transaction whose every statement takes bounded time, and the macro that writes one body for both databases.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Postgres, Sqlite, Transaction};

use crate::error::StoreError;
use crate::patience::{Gate, bounded};

/// A transaction, and how long each of its statements may take.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) transaction: Open,
    limit: Duration,
    gate: Option<Arc<Gate>>,
}

/// The transaction itself.
#[derive(Debug)]
pub(crate) enum Open {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Connection {
    pub(crate) const fn new(transaction: Open, limit: Duration, gate: Option<Arc<Gate>>) -> Self {
        Self {
            transaction,
            limit,
            gate,
        }
    }

    /// How long each statement may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Where PostgreSQL is noted to answer or not.
    pub(crate) fn gate(&self) -> Option<Arc<Gate>> {
        self.gate.clone()
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let outcome = match self.transaction {
            Open::Lite(transaction) => bounded(self.limit, transaction.commit()).await,
            Open::Pg(transaction) => bounded(self.limit, transaction.commit()).await,
        };
        match self.gate {
            Some(gate) => gate.learn(outcome),
            None => outcome,
        }
    }
}

/// Runs a body on the connection of a transaction, in bounded time.
macro_rules! within {
    ($writer:expr, $connection:ident => $body:expr) => {{
        let writer: &mut $crate::connection::Connection = $writer;
        let (limit, gate) = (writer.limit(), writer.gate());
        let outcome = $crate::patience::bounded(limit, async {
            Ok::<_, $crate::error::StoreError>(match &mut writer.transaction {
                $crate::connection::Open::Lite(transaction) => {
                    let $connection = &mut **transaction;
                    $body
                }
                $crate::connection::Open::Pg(transaction) => {
                    let $connection = &mut **transaction;
                    $body
                }
            })
        })
        .await;
        match gate {
            Some(gate) => gate.learn(outcome)?,
            None => outcome?,
        }
    }};
}

pub(crate) use within;
