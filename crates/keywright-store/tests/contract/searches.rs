//! Searches over so many keys that SQLite asks its trigrams, and PostgreSQL may ask its own.

use keywright_core::change::{Change, Edit};
use keywright_core::id::TenantId;
use keywright_core::tenant::Tenant;
use keywright_store::{COUNT_MAX, KeyFilter, KeyRecord, KeySort, PageRequest, Start, Total};

use crate::fixture::{Fixture, NOW, contract};
use crate::model::{SORTS, ids, page, request, search};
use crate::samples::{Samples, create_tenant, of_key};

contract!(
    a_search_over_many_keys_finds_what_it_should,
    a_search_that_finds_most_keys_keeps_their_order,
    the_language_of_the_index_is_only_text,
    searches_follow_changes_and_deletions,
);

/// Keys enough for the index, and for more matches than are counted.
const MANY: u64 = 2_600;

async fn fill(fixture: &Fixture, seed: u64) -> Tenant {
    let mut samples = Samples::new(seed);
    let (ours, theirs) = (samples.tenant("ours"), samples.tenant("theirs"));
    let mut changes = vec![create_tenant(&ours), create_tenant(&theirs)];
    for number in 0..MANY {
        let mut key = samples.key(ours.id);
        key.created_at = NOW.plus_milliseconds(i64::try_from(number).unwrap());
        let even = if number % 2 == 0 {
            "even"
        } else {
            "\u{dc}neven"
        };
        key.attributes.name = Some(format!("Service {number:05} {even}"));
        changes.push(samples.creation(key));
    }
    for _ in 0..50 {
        let mut key = samples.key(theirs.id);
        key.attributes.name = Some("Service 01234 even".into());
        changes.push(samples.creation(key));
    }
    fixture.change(&changes).await;
    ours
}

async fn total(fixture: &Fixture, tenant: TenantId, term: &str) -> u64 {
    let request = PageRequest::newest(KeySort::CreatedAt, 5);
    page(fixture, tenant, &search(term), &request)
        .await
        .total
        .count()
}

fn names(records: Vec<KeyRecord>) -> Vec<String> {
    records
        .into_iter()
        .filter_map(|record| record.key.attributes.name)
        .collect()
}

async fn a_search_over_many_keys_finds_what_it_should(fixture: &Fixture) {
    let ours = fill(fixture, 25).await.id;
    for sort in SORTS {
        let request = PageRequest::newest(sort, 5);
        let rare = page(fixture, ours, &search("01234"), &request).await;
        let expected = vec!["Service 01234 even".to_owned()];
        assert_eq!((names(rare.items), rare.total), (expected, Total::Exact(1)));
        let some = page(fixture, ours, &search("E 012"), &request).await;
        assert_eq!((some.items.len(), some.total), (5, Total::Exact(100)));
        // Folded as Unicode says, not only as ASCII does.
        let half = page(fixture, ours, &search("\u{fc}NEVEN"), &request).await;
        assert_eq!((half.items.len(), half.total), (5, Total::Exact(MANY / 2)));
        assert!(
            names(half.items)
                .iter()
                .all(|name| name.ends_with("\u{dc}neven"))
        );
    }
}

async fn a_search_that_finds_most_keys_keeps_their_order(fixture: &Fixture) {
    let ours = fill(fixture, 26).await.id;
    for (sort, descending) in SORTS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let request = request(sort, descending, Start::Offset(30), 20);
        let all = page(fixture, ours, &KeyFilter::default(), &request).await;
        // By trigrams, by the beginning of the name, and by that of the identifier.
        for term in ["service", "se", "key-"] {
            let found = page(fixture, ours, &search(term), &request).await;
            assert_eq!(
                ids(&found.items),
                ids(&all.items),
                "{term} {sort:?} {descending}"
            );
            assert_eq!(found.total, Total::AtLeast(COUNT_MAX));
        }
    }
}

async fn the_language_of_the_index_is_only_text(fixture: &Fixture) {
    let ours = fill(fixture, 27).await.id;
    for term in [
        "\"",
        "\"even\"",
        "even\" OR \"x",
        "NOT even",
        "searched:even",
        "ev*",
        "e\0ven",
        "even\0",
        "^serv",
    ] {
        assert_eq!(total(fixture, ours, term).await, 0, "{term:?}");
    }
}

async fn searches_follow_changes_and_deletions(fixture: &Fixture) {
    let ours = fill(fixture, 28).await;
    let request = PageRequest::newest(KeySort::CreatedAt, 5);
    let found = page(fixture, ours.id, &search("01234"), &request).await;
    let key = found.items[0].key.clone();
    let mut attributes = key.attributes.clone();
    attributes.name = Some("Renamed".into());
    let update = key.update(attributes, None).unwrap();
    let renamed = (*update.after.clone().unwrap()).clone();
    fixture.change(&[of_key(update)]).await;
    assert_eq!(total(fixture, ours.id, "01234").await, 0);
    assert_eq!(total(fixture, ours.id, "renamed").await, 1);
    fixture
        .change(&[of_key(renamed.delete(None, true, NOW).unwrap())])
        .await;
    assert_eq!(total(fixture, ours.id, "renamed").await, 0);
    // With the tenant, everything of it goes.
    let id = ours.id;
    fixture.change(&[Change::Tenant(Edit::delete(ours))]).await;
    assert_eq!(total(fixture, id, "even").await, 0);
}
