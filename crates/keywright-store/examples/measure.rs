//! Rough measurements.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "x"
)]
#[path = "../tests/contract/samples.rs"]
mod samples;
mod fixture {
    pub(crate) const NOW: keywright_core::time::Timestamp =
        keywright_core::time::Timestamp::from_milliseconds(1_780_000_000_000);
}
use fixture::NOW;
use keywright_core::change::Actor;
use keywright_core::token::Entropy;
use keywright_store::*;
use std::time::Instant;
#[tokio::main]
async fn main() {
    let path = std::env::args().nth(1).unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let t = Instant::now();
    let store = Store::open(Options {
        url: path.parse().unwrap(),
        audit_key: [7; 32],
        connections_max: 4,
    })
    .await
    .unwrap();
    println!("open {:?}", t.elapsed());
    let mut samples = samples::Samples::new(5);
    let tenant = match store.tenant("acme").await.unwrap() {
        Some(t) => t,
        None => {
            let tenant = samples.tenant("acme");
            let other = samples.tenant("other");
            let mut tx = store.begin().await.unwrap();
            tx.apply_all(&[
                samples::create_tenant(&tenant),
                samples::create_tenant(&other),
            ])
            .await
            .unwrap();
            tx.commit(&Actor::operator(), NOW).await.unwrap();
            let t = Instant::now();
            let mut prep = std::time::Duration::ZERO;
            let words = [
                "billing", "mobile", "partner", "internal", "nightly", "export", "import",
                "worker", "gateway", "search",
            ];
            for b in 0..n / 500 {
                let p = Instant::now();
                let changes: Vec<_> = (0..500)
                    .map(|i| {
                        let mut k = samples.key(tenant.id);
                        k.created_at = NOW.plus_milliseconds((b * 500 + i) as i64);
                        let mut bytes = [0u8; 8];
                        samples.fill(&mut bytes);
                        k.hint = format!("kw_live_...{:04x}", samples.below(65536));
                        k.expires_at = (samples.below(2) == 0)
                            .then(|| NOW.plus_days(u32::try_from(samples.below(300)).unwrap()));
                        k.attributes.name = Some(format!(
                            "{} {} {:06}",
                            samples.one_of(&words),
                            samples.one_of(&words),
                            samples.below(1_000_000)
                        ));
                        k.attributes.scopes = vec!["api:read".parse().unwrap()];
                        k.attributes.tags = vec![format!("team-{}", samples.below(50))];
                        samples.creation(k)
                    })
                    .collect();
                prep += p.elapsed();
                let mut tx = store.begin().await.unwrap();
                tx.apply_all(&changes).await.unwrap();
                tx.commit(&Actor::operator(), NOW).await.unwrap();
                if (b + 1) % 100 == 0 {
                    println!(
                        "{} keys, {:.0}/s",
                        (b + 1) * 500,
                        ((b + 1) * 500) as f64 / (t.elapsed() - prep).as_secs_f64()
                    );
                }
            }
            tenant
        }
    };
    let median = |mut v: Vec<f64>| {
        v.sort_by(f64::total_cmp);
        (v[v.len() / 2], v[v.len() - 1])
    };
    for sort in [
        KeySort::CreatedAt,
        KeySort::Name,
        KeySort::LastUsed,
        KeySort::ExpiresAt,
    ] {
        for descending in [false, true] {
            let mut v = vec![];
            for i in 0..15 {
                let t = Instant::now();
                store
                    .keys_page(
                        tenant.id,
                        &KeyFilter::default(),
                        &PageRequest {
                            sort,
                            descending,
                            start: Start::Offset(i * 50),
                            limit: 50,
                        },
                    )
                    .await
                    .unwrap();
                v.push(t.elapsed().as_secs_f64() * 1e3);
            }
            println!("list {sort:?} {descending} median/max {:?} ms", median(v));
        }
    }
    for offset in [10_000, 100_000, 900_000] {
        let t = Instant::now();
        store
            .keys_page(
                tenant.id,
                &KeyFilter::default(),
                &PageRequest {
                    sort: KeySort::CreatedAt,
                    descending: true,
                    start: Start::Offset(offset),
                    limit: 50,
                },
            )
            .await
            .unwrap();
        println!("offset {offset} {:?}", t.elapsed());
    }
    for term in [
        "billing",
        "kw_live",
        "123456",
        "nightly export",
        "12345",
        "rtner mob",
        "zzzz",
        "team-7",
        "ab",
        "key-0198",
        "1f3a",
        "live_...1f3a",
        "billing billing 00",
    ] {
        for sort in [KeySort::CreatedAt, KeySort::Name, KeySort::LastUsed] {
            let f = KeyFilter {
                search: Some(term.into()),
                ..KeyFilter::default()
            };
            let mut v = vec![];
            let mut total = Total::Exact(0);
            for _ in 0..7 {
                let t = Instant::now();
                total = store
                    .keys_page(tenant.id, &f, &PageRequest::newest(sort, 50))
                    .await
                    .unwrap()
                    .total;
                v.push(t.elapsed().as_secs_f64() * 1e3);
            }
            println!("search {term:?} {sort:?} {total:?} {:?} ms", median(v));
        }
    }
    for (name, f) in [
        (
            "status active",
            KeyFilter {
                status: Some((keywright_core::key::Status::Active, NOW)),
                ..KeyFilter::default()
            },
        ),
        (
            "status revoked",
            KeyFilter {
                status: Some((keywright_core::key::Status::Revoked, NOW)),
                ..KeyFilter::default()
            },
        ),
        (
            "tag",
            KeyFilter {
                tag: Some("team-7".into()),
                ..KeyFilter::default()
            },
        ),
        (
            "tag absent",
            KeyFilter {
                tag: Some("nope".into()),
                ..KeyFilter::default()
            },
        ),
        (
            "scope",
            KeyFilter {
                scope: Some("api:read".parse().unwrap()),
                ..KeyFilter::default()
            },
        ),
        (
            "kind absent",
            KeyFilter {
                kind: Some(keywright_core::key::Kind::System),
                ..KeyFilter::default()
            },
        ),
        (
            "expires before",
            KeyFilter {
                expires_before: Some(NOW.plus_days(3)),
                ..KeyFilter::default()
            },
        ),
    ] {
        let t = Instant::now();
        let p = store
            .keys_page(tenant.id, &f, &PageRequest::newest(KeySort::CreatedAt, 50))
            .await
            .unwrap();
        println!("filter {name} {:?} {:?}", p.total, t.elapsed());
    }
    let recs = store.warm_keys(None, 2000).await.unwrap();
    let t = Instant::now();
    for r in &recs {
        store.key_for_verify(&r.credentials.lookup).await.unwrap();
    }
    println!("point lookup {:?}", t.elapsed() / 2000);
    let t = Instant::now();
    let uses: Vec<_> = recs
        .iter()
        .map(|r| LastUseRecord {
            tenant: tenant.id,
            key: r.key.id,
            at: NOW,
            address: None,
        })
        .collect();
    store.record_last_use(&uses).await.unwrap();
    println!("2000 last uses {:?}", t.elapsed());
    let t = Instant::now();
    println!(
        "{:?} verify {:?}",
        store.verify_audit().await.unwrap().is_sound(),
        t.elapsed()
    );
    let t = Instant::now();
    store.count_by_pepper().await.unwrap();
    println!("pepper count {:?}", t.elapsed());
    store.close().await;
}
