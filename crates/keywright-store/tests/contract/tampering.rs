//! Trust R26: whoever edits, swaps, inserts or deletes leaves past the store is found out.

use keywright_core::change::{Change, Event};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::fixture::{Fixture, contract};
use crate::samples::Samples;

contract!(every_tampering_with_the_trail_is_found);

/// Leaves of the trail: few, so that each of the many verifications is quick.
const LEAVES: u64 = 12;
/// Attempts on each database.
const ATTEMPTS: usize = 500;

/// One connection for all attempts, in a transaction that is rolled back after each.
enum Raw {
    Lite(SqliteConnection),
    Pg(PgConnection),
}

impl Raw {
    async fn run(&mut self, sql: &str) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Lite(connection) => connection.execute(sql).await.unwrap().rows_affected(),
            Self::Pg(connection) => connection.execute(sql).await.unwrap().rows_affected(),
        }
    }
}

async fn every_tampering_with_the_trail_is_found(fixture: &Fixture) {
    let mut samples = Samples::new(100);
    let tenant = samples.tenant("acme").id;
    let changes: Vec<_> = (0..LEAVES)
        .map(|number| {
            Change::Event(Event {
                action: "export_audit",
                tenant: (number % 2 == 0).then_some(tenant),
                target: Some(format!("thing-{number}")),
                success: true,
            })
        })
        .collect();
    fixture.change(&changes).await;
    let mut raw = if fixture.is_sqlite() {
        let path = fixture.url.strip_prefix("sqlite:").unwrap();
        let mut connection = SqliteConnection::connect(path).await.unwrap();
        // The store's own setting is about durability, which this does not test.
        connection
            .execute("PRAGMA synchronous = OFF")
            .await
            .unwrap();
        Raw::Lite(connection)
    } else {
        Raw::Pg(PgConnection::connect(&fixture.url).await.unwrap())
    };
    if fixture.is_sqlite() {
        raw.run("DROP TRIGGER audit_never_updated").await;
        raw.run("DROP TRIGGER audit_never_deleted").await;
    } else {
        raw.run("DROP TRIGGER audit_never_updated ON audit").await;
    }
    raw.run("CREATE TABLE kept AS SELECT * FROM audit").await;
    raw.run("CREATE TABLE kept_head AS SELECT * FROM audit_head")
        .await;
    assert!(fixture.store.verify_audit().await.unwrap().is_sound());
    for attempt in 0..ATTEMPTS {
        let statement = tampering(&mut samples, fixture.is_sqlite());
        let changed = raw.run(&statement).await;
        assert!(changed > 0, "{statement}");
        let report = fixture.store.verify_audit().await.unwrap();
        assert!(!report.is_sound(), "attempt {attempt}: {statement}");
        raw.run("DELETE FROM audit").await;
        raw.run("INSERT INTO audit SELECT * FROM kept").await;
        raw.run("DELETE FROM audit_head").await;
        raw.run("INSERT INTO audit_head SELECT * FROM kept_head")
            .await;
    }
    assert!(fixture.store.verify_audit().await.unwrap().is_sound());
}

/// A statement that changes the trail.
fn tampering(samples: &mut Samples, lite: bool) -> String {
    let blob = |samples: &mut Samples| {
        let hex = samples.digest().to_hex();
        if lite {
            format!("x'{hex}'")
        } else {
            format!("decode('{hex}', 'hex')")
        }
    };
    let first = samples.below(LEAVES);
    let second = (first + 1 + samples.below(LEAVES - 1)) % LEAVES;
    let bytes = blob(samples);
    match samples.below(12) {
        0 => format!("UPDATE audit SET leaf = {bytes} WHERE seq = {first}"),
        1 => format!("UPDATE audit SET chain = {bytes} WHERE seq = {first}"),
        2 => format!("DELETE FROM audit WHERE seq = {first}"),
        3 => format!("DELETE FROM audit WHERE seq >= {first}"),
        4 => format!(
            "UPDATE audit SET leaf = (SELECT leaf FROM kept WHERE kept.seq = {first} + {second} \
             - audit.seq) WHERE seq IN ({first}, {second})"
        ),
        5 => format!(
            "UPDATE audit SET (leaf, chain) = (SELECT leaf, chain FROM kept \
             WHERE kept.seq = {first} + {second} - audit.seq) WHERE seq IN ({first}, {second})"
        ),
        6 => format!(
            "INSERT INTO audit SELECT {LEAVES}, leaf, chain, tenant, actor, action, target, at \
             FROM kept WHERE seq = {first}"
        ),
        7 => format!(
            "INSERT INTO audit SELECT -1, leaf, chain, tenant, actor, action, target, at \
             FROM kept WHERE seq = {first}"
        ),
        8 => {
            let column = *samples.one_of(&["target", "actor", "action", "tenant"]);
            format!("UPDATE audit SET {column} = 'other' WHERE seq = {first}")
        }
        9 => format!("UPDATE audit SET at = at + 1000 WHERE seq = {first}"),
        10 => {
            let column = *samples.one_of(&["chain", "mac", "frontier"]);
            format!("UPDATE audit_head SET {column} = {bytes}")
        }
        _ => format!("UPDATE audit_head SET size = {first}"),
    }
}
