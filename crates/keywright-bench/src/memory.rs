//! What a cached key costs in memory, by two counts: bytes that were asked of the allocator and are held,
//! and memory that the operating system gave.

use anyhow::Context;
use keywright_engine::Engine;
use stats_alloc::Region;

use crate::decisions;
use crate::house::House;
use crate::report::{Bar, Table};

/// Bytes of a page of memory, in which Linux counts for us.
const PAGE_BYTES: f64 = 4_096.0;

/// Loads every key, counts, and hands the engine on.
pub(crate) async fn per_key(house: &House, table: &mut Table) -> anyhow::Result<Engine> {
    let resident_before = resident()?;
    let region = Region::new(crate::ALLOCATOR);
    let engine = decisions::load(house, house.keys).await?;
    let change = region.change();
    let cached = engine.cached_keys().max(1) as f64;
    let held = change.bytes_allocated as f64 - change.bytes_deallocated as f64
        + change.bytes_reallocated as f64;
    table.number(
        &format!("memory per cached key, {} keys: allocated", house.keys),
        held / cached,
        "bytes",
        Bar::AtMost(400.0),
    );
    table.number(
        "memory per cached key: growth of the process, SQLite's pages included",
        (resident()? - resident_before) / cached,
        "bytes",
        Bar::None,
    );
    Ok(engine)
}

/// Bytes of this process that are in memory (proc(5), statm's second number).
fn resident() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).context("no resident size")?;
    Ok(pages.parse::<f64>()? * PAGE_BYTES)
}
