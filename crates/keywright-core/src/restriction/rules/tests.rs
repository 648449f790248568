//! Tests of what the cases of `spec/cases` do not show: explanations, and what is not known.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::restriction::window::{TimeWindow, Weekday};
use crate::verify::Step;

const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_000);

fn explained(rules: &Restrictions, request: &Circumstances<'_>) -> (Result<(), Denial>, Vec<Step>) {
    let mut steps = Vec::new();
    let judged = rules.judge(request, NOW, &mut steps);
    assert_eq!(judged, rules.judge(request, NOW, &mut ()));
    (judged, steps)
}

#[test]
fn nothing_is_stored_of_nothing() {
    assert_eq!(Restrictions::default().stored(), None);
    let paused = Restrictions {
        paused_until: Some(NOW),
        ..Restrictions::default()
    };
    assert!(!paused.has_client_rule());
    assert_eq!(paused.clone().stored().as_deref(), Some(&paused));
    let clients = Restrictions {
        clients: Some(Clients::Ios(Box::new(["a.b".parse().unwrap()]))),
        ..Restrictions::default()
    };
    assert!(clients.has_client_rule());
    assert!(!clients.networks.allow.iter().any(|_| true) && clients.networks.is_empty());
}

#[test]
fn what_is_not_known_is_said_to_be_not_known() {
    let mut rules = Restrictions::default();
    rules.countries.deny = Box::new(["DE".parse().unwrap()]);
    let (judged, steps) = explained(&rules, &Circumstances::default());
    assert_eq!(judged, Err(Denial::CountryDenied));
    let last = steps.last().unwrap();
    assert_eq!((last.rule, last.passed), (Rule::Country, false));
    assert!(last.detail.contains("not known"), "{}", last.detail);
    let mut rules = Restrictions::default();
    rules.networks.allow = Box::new([NetworkNumber::new(7).unwrap()]);
    let (judged, steps) = explained(&rules, &Circumstances::default());
    assert_eq!(judged, Err(Denial::NetworkDenied));
    assert!(steps.last().unwrap().detail.contains("not known"));
}

#[test]
fn a_window_of_a_zone_that_nobody_knows_is_closed() {
    let window = |zone: &str| {
        let (from, to) = ("00:00".parse().unwrap(), "24:00".parse().unwrap());
        TimeWindow::new(Weekday::ALL, from, to, zone).unwrap()
    };
    let clock: ZoneClock = |zone, _| {
        (zone == "UTC").then_some(CivilTime {
            weekday: Weekday::Monday,
            minute: 0,
        })
    };
    let rules = |zones: &[&str]| Restrictions {
        windows: zones.iter().map(|zone| window(zone)).collect(),
        ..Restrictions::default()
    };
    let request = Circumstances {
        zone_clock: Some(clock),
        ..Circumstances::default()
    };
    let closed = Err(Denial::OutsideTimeWindow);
    assert_eq!(explained(&rules(&["Mars/Olympus"]), &request).0, closed);
    assert_eq!(
        explained(&rules(&["Mars/Olympus", "UTC"]), &request).0,
        Ok(())
    );
    assert_eq!(
        explained(&rules(&["UTC"]), &Circumstances::default()).0,
        closed
    );
}

#[test]
fn countries_and_networks_are_read_strictly() {
    for text in ["DE", "de", "xk", "ZW"] {
        let country: Country = text.parse().unwrap();
        assert_eq!(country.to_string(), text.to_uppercase());
    }
    for text in [
        "", "D", "DEU", "UK", "EU", "XX", "ZZ", "D E", " DE", "\u{c4}",
    ] {
        assert!(text.parse::<Country>().is_err(), "{text}");
    }
    assert_eq!(NetworkNumber::new(0), None);
    assert_eq!(
        NetworkNumber::new(u32::MAX).unwrap().to_string(),
        "AS4294967295"
    );
}

#[test]
fn apps_are_read_strictly() {
    let print = "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09";
    for text in [
        print.to_string(),
        print.replace(':', ""),
        print.to_lowercase(),
    ] {
        assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), print);
    }
    let wrong = [
        "",
        "DA39",
        "+A39A3EE5E6B4B0D3255BFEF95601890AFD80709",
        "DA:39A3EE5E6B4B0D3255BFEF95601890AFD80709",
        "DA39A3EE5E6B4B0D3255BFEF95601890AFD8070\u{e9}",
        "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09:",
    ];
    for text in wrong {
        assert!(text.parse::<Fingerprint>().is_err(), "{text}");
    }
    assert!("com.example.my-app_2".parse::<AppId>().is_ok());
    for text in [
        "", "app", ".a.b", "a..b", "a.b.", "a b.c", "a.b/c", "a.\u{e9}",
    ] {
        assert!(text.parse::<AppId>().is_err(), "{text}");
    }
    let long = alloc::format!("a.{}", "b".repeat(254));
    assert!(long.parse::<AppId>().is_err());
}
