//! Tests of the trail: what a leaf says, and that every edit is found.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::change::{Edit, Event, Who};
use crate::id::UserId;
use crate::user::User;

const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_123);

fn event(target: &str) -> Change {
    Change::Event(Event {
        action: "export_audit",
        tenant: None,
        target: Some(target.into()),
        success: true,
    })
}

fn parsed(leaf: &[u8]) -> serde_json::Value {
    serde_json::from_slice(leaf).unwrap()
}

#[test]
fn moments_print_as_rfc_3339() {
    for (milliseconds, printed) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_000, "9999-12-31T23:59:59.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(rfc3339(Timestamp::from_milliseconds(milliseconds)), printed);
    }
}

#[test]
fn a_leaf_is_json_in_a_fixed_order() {
    let actor = Actor {
        origin: Some([255, 254].into()),
        ..Actor::operator()
    };
    let leaf = Leaf::encode(7, &event("all"), &actor, NOW);
    assert_eq!(
        core::str::from_utf8(&leaf).unwrap(),
        concat!(
            r#"{"v":1,"seq":7,"at":"2023-11-14T22:13:20.123Z","actor":"operator","#,
            r#""origin":"__4","action":"export_audit","target":"all","result":"success","changes":{}}"#,
        )
    );
}

#[test]
fn personal_data_stands_sealed_and_its_change_is_seen() {
    let before = User {
        id: UserId::from_uuid(Uuid::nil()),
        email: "ada@example.com".into(),
        name: Some("Ada".into()),
        platform_admin: false,
        disabled_at: None,
        created_at: NOW,
        version: 1,
    };
    let after = User {
        email: "ada@example.org".into(),
        platform_admin: true,
        ..before.clone()
    };
    let change = Change::User(Edit::update(before, after), None);
    let actor = Actor {
        who: Who::Anonymous,
        ..Actor::operator()
    };
    let leaf = Leaf::encode(0, &change, &actor, NOW);
    let text = core::str::from_utf8(&leaf).unwrap();
    assert!(!text.contains("example") && !text.contains("Ada"), "{text}");
    assert_eq!(
        parsed(&leaf)["changes"]["email"],
        serde_json::json!(["sealed", "sealed"])
    );
    assert_eq!(
        parsed(&leaf)["changes"]["platform_admin"],
        serde_json::json!([false, true])
    );
    assert_eq!(parsed(&leaf)["changes"].get("name"), None, "unchanged");
}

/// Number, bytes and chain of a leaf.
type Row = (u64, Vec<u8>, Hash);

/// A sound trail of `count` leaves: number, bytes and chain of each, and its head.
fn trail(count: u64) -> (Vec<Row>, (u64, Hash, Hash)) {
    let mut link = EMPTY_CHAIN;
    let mut frontier = Frontier::default();
    let mut rows = Vec::new();
    for seq in 0..count {
        let leaf = Leaf::encode(
            seq,
            &event(&format!("target {seq}")),
            &Actor::operator(),
            NOW,
        );
        let hash = leaf_hash(&leaf);
        link = chain(&link, &hash);
        frontier.push(hash);
        rows.push((seq, leaf, link));
    }
    (rows, (count, link, frontier.root()))
}

fn check(rows: &[Row], head: Option<(u64, Hash, Hash)>) -> Report {
    let mut checker = Checker::new();
    for (seq, leaf, link) in rows {
        checker.leaf(*seq, leaf, link);
    }
    checker.finish(head)
}

#[test]
fn a_sound_trail_is_sound_and_a_missing_head_is_a_fault() {
    let (rows, head) = trail(20);
    let report = check(&rows, Some(head));
    assert!(report.is_sound());
    assert_eq!((report.size, report.root), (20, head.2));
    assert_eq!(check(&rows, None).faults, [Fault::HeadMac]);
}

#[test]
fn a_tail_that_was_cut_off_is_found_by_the_head() {
    let (rows, head) = trail(20);
    for kept in 0..20 {
        assert!(
            check(&rows[..kept], Some(head))
                .faults
                .contains(&Fault::Head),
            "{kept}"
        );
    }
}

#[test]
fn the_head_is_bound_to_its_key_and_all_its_parts() {
    let (_, (size, link, root)) = trail(3);
    let mac = head_mac(&[1; 32], size, &link, &root);
    assert_ne!(mac, head_mac(&[2; 32], size, &link, &root));
    assert_ne!(mac, head_mac(&[1; 32], size + 1, &link, &root));
    assert_ne!(mac, head_mac(&[1; 32], size, &root, &root));
    assert_ne!(mac, head_mac(&[1; 32], size, &link, &link));
}

#[test]
fn a_checkpoint_names_origin_size_and_root() {
    let text = checkpoint_text("keywright/test", 5, &[0; 32]);
    assert_eq!(
        text,
        "keywright/test\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    );
}

proptest! {
    #[test]
    fn any_edit_swap_deletion_or_insertion_is_found(
        kind in 0..5_u8, at in 0..20_usize, other in 0..20_usize, byte in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let (mut rows, head) = trail(20);
        let sound = rows.clone();
        match kind {
            0 => { let index = byte.index(rows[at].1.len()); rows[at].1[index] ^= 1 << bit; }
            1 => rows.swap(at, other),
            2 => { rows.remove(at); }
            3 => { let row = rows[other].clone(); rows.insert(at, row); }
            _ => { let index = byte.index(32); rows[at].2[index] ^= 1 << bit; }
        }
        prop_assert_eq!(check(&rows, Some(head)).is_sound(), rows == sound);
    }

    #[test]
    fn every_text_survives_the_leaf(target in any::<alloc::string::String>()) {
        let leaf = Leaf::encode(1, &event(&target), &Actor::operator(), NOW);
        let parsed = parsed(&leaf);
        prop_assert_eq!(parsed["target"].as_str(), Some(target.as_str()));
    }

    #[test]
    fn the_calendar_agrees_with_counting_days(day in 0..2_932_896_i64) {
        let at = Timestamp::from_milliseconds(day * 86_400_000);
        let next = Timestamp::from_milliseconds((day + 1) * 86_400_000);
        prop_assert!(rfc3339(at) < rfc3339(next));
    }
}

/// Whoever can write the table can make leaves and chain fit each other, but not the head.
#[test]
fn a_trail_that_was_written_anew_is_found_by_the_head() {
    let (sound, head) = trail(20);
    for changed in 0..20 {
        let mut link = EMPTY_CHAIN;
        let mut rows = Vec::new();
        for (seq, leaf, _) in &sound {
            let mut leaf = leaf.clone();
            if *seq == changed {
                leaf = Leaf::encode(*seq, &event("forged"), &Actor::operator(), NOW);
            }
            link = chain(&link, &leaf_hash(&leaf));
            rows.push((*seq, leaf, link));
        }
        assert_eq!(check(&rows, Some(head)).faults, [Fault::Head], "{changed}");
    }
}

#[test]
fn a_report_names_the_first_faults_and_counts_all() {
    let (mut rows, head) = trail(300);
    for (_, leaf, _) in &mut rows {
        leaf.push(b' ');
    }
    let report = check(&rows, Some(head));
    assert_eq!(report.faults.len(), 100);
    assert_eq!(report.faults[0], Fault::Chain { seq: 0 });
    assert!(report.fault_count >= 300 && !report.is_sound());
}
