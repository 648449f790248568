//! What a cached key costs in memory: bytes that are held after loading many, for each.

use stats_alloc::Region;

use crate::house::House;
use crate::report::{Bar, Table};
use crate::rows;

/// Loads every key and counts.
pub(crate) async fn per_key(house: &House, table: &mut Table) -> anyhow::Result<()> {
    let region = Region::new(crate::ALLOCATOR);
    let engine = rows::load(house, house.keys).await?;
    let change = region.change();
    let held = change.bytes_allocated as f64 - change.bytes_deallocated as f64
        + change.bytes_reallocated as f64;
    let cached = engine.cached_keys().max(1) as f64;
    table.number(
        "memory per cached key",
        held / cached,
        "bytes",
        Bar::AtMost(400.0),
    );
    Ok(())
}
