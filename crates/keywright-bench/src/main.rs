//! `make bench`: every claim about speed, measured beside what it is compared with, in one run.
//!
//! A row is a number, the number of its floor, their ratio, and the bar that the design sets. Times are
//! medians of alternating rounds, so that a busy machine hurts both sides alike.

mod creates;
mod decisions;
mod house;
mod http;
mod lists;
mod load;
mod memory;
mod report;

use std::alloc::System;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts what is allocated, for the rows about memory.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Measures every claim about speed beside what it is compared with.
#[derive(Debug, Parser)]
struct Arguments {
    /// Keys in the database.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Make the database anew, though it is there.
    #[arg(long)]
    regenerate: bool,
    /// End with an error when a bar is missed.
    #[arg(long)]
    strict: bool,
    /// Only these rows, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Rows>,
}

/// Groups of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// Single and bulk creation.
    Creates,
    /// A decision in process.
    Decision,
    /// Many keys against few, and what they cost in memory.
    Many,
    /// Lists and searches.
    Lists,
    /// From a start to the first answer.
    Start,
    /// Checks over HTTP.
    Http,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let wanted = |rows| arguments.only.is_empty() || arguments.only.contains(&rows);
    let mut table = report::Table::begin(arguments.keys)?;
    let house = house::House::open(arguments.keys, arguments.regenerate, &mut table).await?;
    // First, because changes make keys that are cached stale.
    if wanted(Rows::Creates) {
        creates::rows(&house, &mut table).await?;
    }
    if wanted(Rows::Decision) {
        decisions::decision(&house, &mut table).await?;
    }
    if wanted(Rows::Start) {
        decisions::start(&house, &mut table).await?;
    }
    if wanted(Rows::Lists) {
        lists::pages(&house, &mut table).await?;
    }
    if wanted(Rows::Http) {
        http::against_floor(&house, &mut table).await?;
    }
    if wanted(Rows::Many) {
        let few = decisions::load(&house, decisions::FEW).await?;
        let many = memory::per_key(&house, &mut table).await?;
        decisions::many_keys(&house, &few, &many, &mut table)?;
        http::many_keys(&house, few, many, &mut table).await?;
    }
    let met = table.print()?;
    Ok(if arguments.strict && !met {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
