//! Lists of keys against the model: every filter, every order, every page.

use keywright_core::key::Format;
use keywright_store::{
    COUNT_MAX, Cursor, CursorValue, KeyFilter, KeySort, PageRequest, Start, Total,
};

use crate::fixture::{Fixture, NOW, contract};
use crate::model::{SORTS, fill, filters, ids, page, request, search, sorted};
use crate::samples::{Samples, create_tenant};

contract!(
    every_filter_and_order_agrees_with_the_model,
    pages_cover_the_list_without_gap_or_repeat,
    odd_requests_are_answered,
    totals_of_long_filtered_lists_are_bounded,
);

async fn every_filter_and_order_agrees_with_the_model(fixture: &Fixture) {
    let mut samples = Samples::new(20);
    let (tenant, users, records) = fill(fixture, &mut samples).await;
    for filter in filters(&users, &records) {
        for sort in SORTS {
            for descending in [false, true] {
                let expected = sorted(&records, &filter, sort, descending);
                let request = request(sort, descending, Start::Offset(0), 200);
                let page = page(fixture, tenant, &filter, &request).await;
                assert_eq!(
                    ids(&page.items),
                    expected,
                    "{filter:?} {sort:?} {descending}"
                );
                assert_eq!(
                    page.total,
                    Total::Exact(expected.len() as u64),
                    "{filter:?}"
                );
                assert_eq!(page.next, None);
            }
        }
    }
    let request = PageRequest::newest(KeySort::CreatedAt, 200);
    for record in page(fixture, tenant, &KeyFilter::default(), &request)
        .await
        .items
    {
        assert!(records.contains(&record), "{record:?}");
    }
}

async fn pages_cover_the_list_without_gap_or_repeat(fixture: &Fixture) {
    let mut samples = Samples::new(21);
    let (tenant, _, records) = fill(fixture, &mut samples).await;
    let filter = KeyFilter {
        format: Some(Format::Opaque),
        ..KeyFilter::default()
    };
    for filter in [KeyFilter::default(), filter] {
        for (sort, descending) in SORTS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
            let expected = sorted(&records, &filter, sort, descending);
            let (mut found, mut start) = (Vec::new(), Start::Offset(0));
            loop {
                let request = request(sort, descending, start, 7);
                let page = page(fixture, tenant, &filter, &request).await;
                assert!(page.items.len() <= 7);
                found.extend(ids(&page.items));
                let Some(next) = page.next else { break };
                let is_text = matches!(next.value, CursorValue::Text(_));
                assert_eq!(is_text, sort == KeySort::Name);
                start = Start::After(next);
            }
            assert_eq!(found, expected, "{sort:?} {descending}");
            let request = request(sort, descending, Start::Offset(5), 3);
            let page = page(fixture, tenant, &filter, &request).await;
            assert_eq!(ids(&page.items), expected[5..8]);
        }
    }
}

async fn odd_requests_are_answered(fixture: &Fixture) {
    let mut samples = Samples::new(24);
    let (tenant, _, _) = fill(fixture, &mut samples).await;
    let filter = KeyFilter::default();
    // Beyond the end there is nothing; a page of nothing is a page of one.
    for (start, limit, rows) in [(10_000, 7, 0), (u64::MAX, 7, 0), (0, 0, 1), (0, 1_000, 108)] {
        let request = request(KeySort::Name, false, Start::Offset(start), limit);
        assert_eq!(
            page(fixture, tenant, &filter, &request).await.items.len(),
            rows
        );
    }
    // A cursor of another order's kind finds nothing strange, and is no error.
    for (sort, value, rows) in [
        (KeySort::Name, CursorValue::Number(5), 108),
        (KeySort::CreatedAt, CursorValue::Text("x\0".into()), 108),
    ] {
        let start = Start::After(Cursor {
            value,
            id: "\0".into(),
        });
        let request = request(sort, false, start, 200);
        assert_eq!(
            page(fixture, tenant, &filter, &request).await.items.len(),
            rows
        );
    }
}

async fn totals_of_long_filtered_lists_are_bounded(fixture: &Fixture) {
    let mut samples = Samples::new(23);
    let tenant = samples.tenant("ours");
    let mut changes = vec![create_tenant(&tenant)];
    for _ in 0..=COUNT_MAX {
        let key = samples.key(tenant.id);
        changes.push(samples.creation(key));
    }
    fixture.change(&changes).await;
    let request = PageRequest::newest(KeySort::Name, 2);
    let all = page(fixture, tenant.id, &KeyFilter::default(), &request).await;
    assert_eq!(all.total, Total::Exact(COUNT_MAX + 1));
    let found = page(fixture, tenant.id, &search("bill"), &request).await;
    assert_eq!(
        (found.total, found.items.len()),
        (Total::AtLeast(COUNT_MAX), 2)
    );
    let later = KeyFilter {
        created_before: Some(NOW),
        ..KeyFilter::default()
    };
    let found = page(fixture, tenant.id, &later, &request).await;
    assert_eq!((found.total, found.items.len()), (Total::Exact(0), 0));
}
