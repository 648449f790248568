//! Durable creation of keys, one and many a transaction, beside how fast the disk can be synchronised at all.

use std::io::Write;

use keywright_core::change::Change;

use crate::house::{BATCH, House, creation, folder};
use crate::report::{Bar, Table, median, nanoseconds, seconds};

/// Single creations, and synchronised writes beside them, of a round.
const SINGLES: u64 = 100;
/// Rounds of single creations.
const ROUNDS: u64 = 3;
/// Transactions of bulk creation.
const BATCHES: u64 = 20;
/// What the disk's own speed is measured with: as much as the smallest transaction writes.
const PAGE: [u8; 4_096] = [7; 4_096];

/// Both rows. What was made is deleted afterwards, so that every run finds the same database.
pub(crate) async fn rows(house: &House, table: &mut Table) -> anyhow::Result<()> {
    // Numbers beyond those of the database and of earlier runs, so that no key is made twice.
    let mut number = 4_000_000_000 + house.store.feed_position().await?;
    let mut made = Vec::new();
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let changes = drafts(house, &mut number, SINGLES)?;
        let (took, done) = seconds(async {
            for change in &changes {
                house.commit(std::slice::from_ref(change)).await?;
            }
            anyhow::Ok(())
        })
        .await;
        done?;
        made.extend(changes);
        ours.push(SINGLES as f64 / took);
        floor.push(synchronised_writes()?);
    }
    table.ratio(
        "single create, SQLite, durable, one after another",
        median(ours),
        "keys/s",
        ("write of 4 KiB and fdatasync", median(floor)),
        Bar::None,
    );
    let mut took = 0.0;
    for _ in 0..BATCHES {
        let changes = drafts(house, &mut number, BATCH)?;
        let (batch, done) = seconds(house.commit(&changes)).await;
        done?;
        took += batch;
        made.extend(changes);
    }
    table.number(
        &format!(
            "bulk create, SQLite, durable, {BATCH} a transaction, into {} keys",
            house.keys
        ),
        (BATCHES * BATCH) as f64 / took,
        "keys/s",
        Bar::AtLeast(5_000.0),
    );
    delete(house, made).await
}

fn drafts(house: &House, number: &mut u64, keys: u64) -> anyhow::Result<Vec<Change>> {
    let first = *number;
    *number += keys;
    (first..*number)
        .map(|number| creation(house.tenant, house.owner, number))
        .collect()
}

async fn delete(house: &House, made: Vec<Change>) -> anyhow::Result<()> {
    let mut removals = Vec::new();
    for change in made {
        if let Change::Key { change, .. } = change
            && let Some(key) = change.after
        {
            removals.push(Change::Key {
                change: key.delete(None, true, crate::house::NOW)?,
                credentials: None,
            });
        }
    }
    for removals in removals.chunks(usize::try_from(BATCH)?) {
        house.commit(removals).await?;
    }
    Ok(())
}

/// Synchronised writes a second at the end of a file beside the database.
fn synchronised_writes() -> anyhow::Result<f64> {
    let path = folder()?.join("synchronised");
    let mut file = std::fs::File::create(&path)?;
    let mut failed = None;
    let took = nanoseconds(|| {
        for _ in 0..SINGLES {
            if let Err(error) = file.write_all(&PAGE).and_then(|()| file.sync_data()) {
                failed = Some(error);
            }
        }
    });
    std::fs::remove_file(&path)?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(SINGLES as f64 * 1e9 / took),
    }
}
