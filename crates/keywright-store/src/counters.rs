//! Counters that outlive the process and are shared by all nodes. A node takes units ahead of use
//! and spends them by itself: a crash forfeits what it held, and never serves more than the limit.

use keywright_core::limit::{Rule, Standing, State, grant as granted};
use keywright_core::time::{DAY_MS, Timestamp};

use crate::connection::{Connection, Open, within};
use crate::decode::Place;
use crate::error::StoreError;
use crate::store::Store;

/// How long an untouched state is kept: longer than the longest period of any limit.
const KEPT_MS: i64 = 40 * DAY_MS;
/// "For ever" of `until`: a balance that nothing refills.
const FOR_EVER: i64 = i64::MAX;

/// The installation's mark that everything was parked.
const COUNTERS_PARKED: &str = "counters_parked";
/// Before the name of a limit whose state was parked.
const PARKED: &str = "parked:";

/// A wish for units of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitsWish<'a> {
    /// Whose limit, such as `key-...`.
    pub subject: &'a str,
    /// Which limit of it, such as `per_day`.
    pub name: &'a str,
    /// How it counts.
    pub rule: Rule,
    /// Units that must be had, all or none.
    pub needed: u64,
    /// Nodes that share the limit: each takes a small part of what is left ahead of use.
    pub nodes: u32,
    /// Take no unit ahead of use.
    pub exact: bool,
    /// Units of an earlier grant that were not used, and when they were granted.
    pub unused: Option<(u64, Timestamp)>,
}

/// What came of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitsGrant {
    /// Units granted: at least what was needed, or 0.
    pub units: u64,
    /// How the limit stands after the grant; it tells when units come back that were refused.
    pub standing: Standing,
}

impl Store {
    /// Grants units, each wish for itself.
    ///
    /// # Errors
    /// When the database cannot be written; nothing is granted then.
    pub async fn lease_units(
        &self,
        wishes: &[UnitsWish<'_>],
        now: Timestamp,
    ) -> Result<Vec<UnitsGrant>, StoreError> {
        let mut order: Vec<usize> = (0..wishes.len()).collect();
        // One order for all, so that two nodes never wait for each other's rows in a circle.
        order.sort_by_key(|index| wishes.get(*index).map(|wish| (wish.subject, wish.name)));
        let mut writer = self.database().begin().await?;
        let mut grants = Vec::with_capacity(wishes.len());
        for index in order {
            if let Some(wish) = wishes.get(index) {
                grants.push((index, grant(&mut writer, wish, now).await?));
            }
        }
        writer.commit().await?;
        grants.sort_by_key(|(index, _)| *index);
        Ok(grants.into_iter().map(|(_, grant)| grant).collect())
    }

    /// Forgets everything that was counted for a subject.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn reset_counters(&self, subject: &str) -> Result<u64, StoreError> {
        let mut writer = self.database().begin().await?;
        let gone = within!(&mut writer, connection => {
            sqlx::query("DELETE FROM counters WHERE subject = $1")
                .bind(subject)
                .execute(connection)
                .await?
                .rows_affected()
        });
        writer.commit().await?;
        Ok(gone)
    }
}

/// What a process had counted by itself when it ended in peace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedCounter {
    /// Whose limit.
    pub subject: String,
    /// Which limit of it.
    pub name: String,
    /// What was taken.
    pub state: State,
}

impl Store {
    /// Keeps what this process has counted by itself, for the next one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn park_counters(&self, parked: &[ParkedCounter]) -> Result<(), StoreError> {
        let mut writer = self.database().begin_long().await?;
        within!(&mut writer, connection => {
            for counter in parked {
                sqlx::query(
                    "INSERT INTO counters (subject, rule, state, until) VALUES ($1, $2, $3, 0) \
                     ON CONFLICT (subject, rule) DO UPDATE SET state = excluded.state",
                )
                .bind(&counter.subject)
                .bind(format!("{PARKED}{}", counter.name))
                .bind(counter.state.to_string())
                .execute(&mut *connection)
                .await?;
            }
            sqlx::query(
                "INSERT INTO meta (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(COUNTERS_PARKED)
            .bind(Vec::<u8>::new())
            .execute(connection)
            .await?
            .rows_affected()
        });
        writer.commit().await
    }

    /// Takes what the process before this one has kept; `None` when it did not come to it, so that nobody
    /// knows what it had counted. It can be taken once.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn unpark_counters(&self) -> Result<Option<Vec<ParkedCounter>>, StoreError> {
        let mut writer = self.database().begin_long().await?;
        let marked = within!(&mut writer, connection => {
            sqlx::query("DELETE FROM meta WHERE name = $1")
                .bind(COUNTERS_PARKED)
                .execute(connection)
                .await?
                .rows_affected()
        });
        // Old ones, without the mark, say nothing of what came after them.
        let rows: Vec<(String, String, String)> = within!(&mut writer, connection => sqlx::query_as(
            "DELETE FROM counters WHERE until = 0 AND rule LIKE 'parked:%' RETURNING subject, rule, state",
        )
        .fetch_all(connection)
        .await?);
        writer.commit().await?;
        if marked == 0 {
            return Ok(None);
        }
        let parked = rows.into_iter().map(|(subject, rule, state)| {
            let at = Place {
                table: "counters",
                row: &subject,
            };
            let state = at.parse("state", &state)?;
            let name = rule.strip_prefix(PARKED).unwrap_or(&rule).to_owned();
            Ok(ParkedCounter {
                subject,
                name,
                state,
            })
        });
        parked.collect::<Result<_, _>>().map(Some)
    }
}

async fn grant(
    writer: &mut Connection,
    wish: &UnitsWish<'_>,
    now: Timestamp,
) -> Result<UnitsGrant, StoreError> {
    let mut state = read(writer, wish).await?;
    if let Some((units, granted_at)) = wish.unused {
        wish.rule.give_back(&mut state, units, granted_at, now);
    }
    let remaining = wish.rule.peek(&state, wish.needed, now).remaining;
    let units = granted(remaining, 0, wish.needed, wish.nodes, wish.exact).unwrap_or(0);
    wish.rule.take(&mut state, units, now);
    write(writer, wish, &state, now).await?;
    Ok(UnitsGrant {
        units,
        standing: wish
            .rule
            .peek(&state, if units == 0 { wish.needed } else { 0 }, now),
    })
}

/// The state, locked until the transaction ends.
async fn read(writer: &mut Connection, wish: &UnitsWish<'_>) -> Result<State, StoreError> {
    // A row to lock, also for the first of all wishes.
    within!(&mut *writer, connection => sqlx::query(
        "INSERT INTO counters (subject, rule, state, until) VALUES ($1, $2, 'untouched', 0) \
         ON CONFLICT (subject, rule) DO NOTHING",
    )
    .bind(wish.subject)
    .bind(wish.name)
    .execute(connection)
    .await?
    .rows_affected());
    let select = match writer.transaction {
        Open::Lite(_) => "SELECT state FROM counters WHERE subject = $1 AND rule = $2",
        Open::Pg(_) => "SELECT state FROM counters WHERE subject = $1 AND rule = $2 FOR UPDATE",
    };
    let text: String = within!(writer, connection => sqlx::query_scalar(select)
        .bind(wish.subject)
        .bind(wish.name)
        .fetch_one(connection)
        .await?);
    let at = Place {
        table: "counters",
        row: wish.subject,
    };
    at.parse("state", &text)
}

async fn write(
    writer: &mut Connection,
    wish: &UnitsWish<'_>,
    state: &State,
    now: Timestamp,
) -> Result<(), StoreError> {
    let for_ever = matches!(wish.rule, Rule::Credits(credits) if credits.refill.is_none());
    let until = if for_ever {
        FOR_EVER
    } else {
        now.plus_milliseconds(KEPT_MS).milliseconds()
    };
    within!(writer, connection => sqlx::query(
        "UPDATE counters SET state = $3, until = $4 WHERE subject = $1 AND rule = $2",
    )
    .bind(wish.subject)
    .bind(wish.name)
    .bind(state.to_string())
    .bind(until)
    .execute(connection)
    .await?
    .rows_affected());
    Ok(())
}
