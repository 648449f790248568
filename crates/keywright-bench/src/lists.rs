//! Pages of the list of keys: as a person opens, sorts, filters and searches it.

use anyhow::Context;
use keywright_core::key::Status;
use keywright_store::{KeyFilter, KeySort, PageRequest, Start};

use crate::house::{House, NOW};
use crate::report::{Bar, Table, median, seconds};

/// Each page so often.
const ROUNDS: usize = 15;

/// The pages.
pub(crate) async fn pages(house: &House, table: &mut Table) -> anyhow::Result<()> {
    let all = KeyFilter::default;
    let search = |term: &str| KeyFilter {
        search: Some(term.to_owned()),
        ..all()
    };
    let newest = PageRequest::newest(KeySort::CreatedAt, 50);
    let by_name = PageRequest {
        sort: KeySort::Name,
        descending: false,
        ..newest.clone()
    };
    let ending = PageRequest {
        sort: KeySort::ExpiresAt,
        descending: false,
        ..newest.clone()
    };
    let deep = PageRequest {
        start: Start::Offset(10_000),
        ..newest.clone()
    };
    let middle = PageRequest {
        start: Start::Offset(house.keys / 2),
        ..newest.clone()
    };
    let middle = house
        .store
        .keys_page(house.tenant, &all(), &middle)
        .await?
        .next
        .context("the list has a middle")?;
    let deep_cursor = PageRequest {
        start: Start::After(middle),
        ..newest.clone()
    };
    let active = KeyFilter {
        status: Some((Status::Active, NOW)),
        ..all()
    };
    for (what, filter, request) in [
        ("newest page", all(), &newest),
        ("page by name", all(), &by_name),
        ("page by end of life", all(), &ending),
        ("page 200", all(), &deep),
        ("page in the middle, by cursor", all(), &deep_cursor),
        ("page of active keys", active, &newest),
        ("search of a rare term", search("service 123456 "), &newest),
        ("search of a common term", search("team"), &newest),
        (
            "search of a term that nothing has",
            search("nonesuch"),
            &newest,
        ),
    ] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let (took, page) = seconds(house.store.keys_page(house.tenant, &filter, request)).await;
            page?;
            rounds.push(took * 1_000.0);
        }
        let what = format!("{what}, {} keys", house.keys);
        table.number(&what, median(rounds), "ms", Bar::AtMost(10.0));
    }
    Ok(())
}
