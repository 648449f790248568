//! `make bench`: every claim about speed, measured beside what it is compared with, in one run.
//!
//! A row is a number, the number of its floor, their ratio, and the bar that the design sets. Times are
//! medians of alternating rounds, so that a busy machine hurts both sides alike.

mod house;
mod http;
mod lists;
mod memory;
mod report;
mod rows;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts what is allocated, for the rows about memory.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut table = report::Table::default();
    let keys = house::keys_wanted();
    let house = house::House::open(keys, &mut table).await?;
    rows::decision(&house, &mut table).await?;
    rows::many_keys(&house, &mut table).await?;
    memory::per_key(&house, &mut table).await?;
    lists::pages(&house, &mut table).await?;
    rows::start(&house, &mut table).await?;
    rows::single_creates(&house, &mut table).await?;
    http::verify(&house, &mut table).await?;
    table.print()?;
    Ok(())
}
