//! Tests of referrer rules, against comparing whole lists of labels.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn rules_are_printed_in_their_normal_form() {
    for (text, printed) in [
        ("example.com", "example.com/*"),
        ("EXAMPLE.com./", "example.com/*"),
        ("*.Example.com/*", "*.example.com/*"),
        ("https://example.com:443/*", "https://example.com/*"),
        ("https://example.com:80/*", "https://example.com:80/*"),
        ("example.com:443", "example.com:443/*"),
        ("*.b\u{fc}cher.example", "*.xn--bcher-kva.example/*"),
        ("http://localhost:3000/*", "http://localhost:3000/*"),
        ("[2001:DB8:0::1]:8080", "[2001:db8::1]:8080/*"),
        ("[2001:db8::1]", "[2001:db8::1]/*"),
        ("127.0.0.1", "127.0.0.1/*"),
    ] {
        let rule: ReferrerRule = text.parse().unwrap();
        assert_eq!(rule.to_string(), printed, "{text}");
        assert_eq!(printed.parse(), Ok(rule), "{text}");
    }
}

#[test]
fn what_is_no_site_is_refused() {
    use InvalidReferrer::{Path, Scheme, Site, Wildcard};
    for (text, error) in [
        ("", Site),
        ("/*", Site),
        (".", Site),
        ("example.com..", Site),
        ("a..example", Site),
        ("a b.example", Site),
        ("user@example.com", Site),
        ("example.com:", Site),
        ("example.com:port", Site),
        ("example.com:65536", Site),
        ("example.com?a", Site),
        ("example.com#a", Site),
        ("example.com\\a", Site),
        ("[::1", Site),
        ("example.com/a", Path),
        ("example.com/a/*", Path),
        ("example.com/**", Path),
        ("ftp://example.com", Scheme),
        ("*", Wildcard),
        ("*.com", Wildcard),
        ("*.com.", Wildcard),
        ("*.", Site),
        ("a.*.example.com", Wildcard),
        ("*a.example.com", Wildcard),
        ("*.*.example.com", Wildcard),
        ("*.127.0.0.1", Wildcard),
        ("*.[::1]", Wildcard),
    ] {
        assert_eq!(text.parse::<ReferrerRule>(), Err(error), "{text}");
    }
    let long = format!("{}example.com", "a.".repeat(150));
    assert_eq!(long.parse::<ReferrerRule>(), Err(Site));
}

#[test]
fn a_long_path_does_not_hide_the_origin() {
    let url = format!("https://example.com/{}", "a".repeat(5_000));
    assert_eq!(Origin::of(&url).unwrap().to_string(), "https://example.com");
}

fn labels() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(&["a", "b", "evil-a"][..]), 1..5)
}

proptest! {
    #[test]
    fn a_rule_matches_its_host_or_what_is_below_and_nothing_else(
        rule in labels(), below: bool, host in labels(),
        port in prop::sample::select(&[443_u16, 8443][..]),
    ) {
        let star = if below { "*." } else { "" };
        let read = format!("{star}{}.test:8443", rule.join(".")).parse::<ReferrerRule>().unwrap();
        let origin = Origin::of(&format!("https://{}.test:{port}/a", host.join("."))).unwrap();
        let fits = if below {
            host.len() > rule.len() && host.ends_with(&rule)
        } else {
            host == rule
        };
        prop_assert_eq!(read.matches(&origin), fits && port == 8443);
    }

    #[test]
    fn reading_never_panics_and_what_is_read_prints_and_reads_the_same(text in "(https?://)?[*a-z0-9.:/\\[\\]@?#\\\\ü -]{0,20}") {
        if let Ok(rule) = text.parse::<ReferrerRule>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        if let Some(origin) = Origin::of(&text) {
            prop_assert_eq!(Origin::of(&origin.to_string()), Some(origin));
        }
    }

    #[test]
    fn an_origin_is_allowed_by_the_rule_of_its_own_name(host in labels(), port in 1..u16::MAX) {
        let url = format!("http://{}.test:{port}", host.join("."));
        let origin = Origin::of(&url).unwrap();
        prop_assert!(url.parse::<ReferrerRule>().unwrap().matches(&origin));
    }
}
