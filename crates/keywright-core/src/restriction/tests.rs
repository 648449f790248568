//! Tests of address rules, against comparing bits one by one.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn networks_are_read_strictly_and_printed_canonically() {
    for (text, printed) in [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
    ] {
        assert_eq!(cidr(text).to_string(), printed, "{text}");
    }
    for (text, problem) in [
        ("", InvalidCidr::Address),
        ("example.com", InvalidCidr::Address),
        ("010.0.0.1", InvalidCidr::Address),
        ("fe80::1%eth0", InvalidCidr::Address),
        ("10.0.0.0/", InvalidCidr::Length),
        ("10.0.0.0/08", InvalidCidr::Length),
        ("10.0.0.0/+8", InvalidCidr::Length),
        ("10.0.0.0/33", InvalidCidr::Length),
        ("2001:db8::/129", InvalidCidr::Length),
        ("::ffff:10.0.0.0/64", InvalidCidr::Mapped),
        ("10.0.0.1/8", InvalidCidr::HostBits("10.0.0.0/8".into())),
        (
            "2001:db8::1/64",
            InvalidCidr::HostBits("2001:db8::/64".into()),
        ),
        ("0.0.0.0/0", InvalidCidr::Everything),
        ("::/0", InvalidCidr::Everything),
        ("::ffff:0.0.0.0/96", InvalidCidr::Everything),
    ] {
        assert_eq!(text.parse::<Cidr>(), Err(problem), "{text}");
    }
    assert!(Cidr::parse("0.0.0.0/0", true).is_ok());
}

#[test]
fn deny_beats_allow_and_families_never_mix() {
    let rules = AddressRules {
        allow: [cidr("203.0.113.0/24"), cidr("2001:db8::/32")].into(),
        deny: [cidr("203.0.113.7")].into(),
    };
    assert_eq!(rules.judge(Some(address("203.0.113.8"))), Ok(()));
    assert_eq!(rules.judge(Some(address("::ffff:203.0.113.8"))), Ok(()));
    assert_eq!(rules.judge(Some(address("2001:db8::1"))), Ok(()));
    assert_eq!(rules.judge(None), Err(AddressDenial::Required));
    assert_eq!(
        rules.judge(Some(address("198.51.100.1"))),
        Err(AddressDenial::NotAllowed)
    );
    let rule = cidr("203.0.113.7");
    assert_eq!(
        rules.judge(Some(address("203.0.113.7"))),
        Err(AddressDenial::Denied { rule })
    );
    assert_eq!(AddressRules::default().judge(None), Ok(()));
}

#[test]
fn the_client_is_the_first_address_that_no_trusted_proxy_vouches_for() {
    let proxies = [cidr("10.0.0.0/8"), cidr("2001:db8:1::/48")];
    for (peer, lines, expected) in [
        ("198.51.100.9", &["203.0.113.7"][..], "198.51.100.9"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.7"], "203.0.113.7"),
        ("::ffff:10.0.0.1", &["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", &["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        (
            "10.0.0.1",
            &["6.6.6.6", "203.0.113.7, 10.0.0.2"],
            "203.0.113.7",
        ),
        ("10.0.0.1", &["203.0.113.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.7:4711"], "10.0.0.1"),
        ("10.0.0.1", &["nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("2001:db8:1::1", &["2001:db8:2::7"], "2001:db8:2::7"),
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ] {
        let found = client_address(address(peer), lines.iter().copied(), &proxies);
        assert_eq!(found, address(expected), "{peer} {lines:?}");
    }
    let found = client_address(address("10.0.0.1"), ["203.0.113.7"].into_iter(), &[]);
    assert_eq!(found, address("10.0.0.1"), "nobody is trusted by default");
}

fn bits(address: IpAddr) -> Vec<bool> {
    match address.to_canonical() {
        IpAddr::V4(v4) => (0..32)
            .map(|bit| v4.to_bits() >> (31 - bit) & 1 == 1)
            .collect(),
        IpAddr::V6(v6) => (0..128)
            .map(|bit| v6.to_bits() >> (127 - bit) & 1 == 1)
            .collect(),
    }
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        (0..4_u32).prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 | bits))),
    ]
}

proptest! {
    #[test]
    fn a_network_contains_what_its_bits_say(base in addresses(), probe in addresses(), length in 1..=128_u8) {
        let width = u8::try_from(bits(base).len()).unwrap();
        let length = length.min(width);
        let truncated = ipnet::IpNet::new(base.to_canonical(), length).unwrap().trunc();
        let network = Cidr::parse(&truncated.to_string(), true).unwrap();
        let (ours, theirs) = (bits(base), bits(probe));
        let expected = ours.len() == theirs.len()
            && ours.iter().zip(&theirs).take(length.into()).all(|(a, b)| a == b);
        prop_assert_eq!(network.contains(probe), expected);
        prop_assert!(network.contains(base));
    }

    #[test]
    fn adding_a_deny_rule_never_allows_more(base in addresses(), probe in addresses()) {
        let allow: Box<[Cidr]> = [cidr("203.0.113.0/24")].into();
        let before = AddressRules { allow: allow.clone(), deny: Box::default() };
        let rule = Cidr::parse(&base.to_canonical().to_string(), true).unwrap();
        let after = AddressRules { allow, deny: [rule].into() };
        prop_assert!(after.judge(Some(probe)).is_err() || before.judge(Some(probe)).is_ok());
    }

    #[test]
    fn reading_a_network_never_panics(text in "\\PC{0,60}") {
        let printed: Option<String> = text.parse::<Cidr>().ok().map(|network| network.to_string());
        if let Some(printed) = printed {
            prop_assert_eq!(cidr(&printed).to_string(), printed);
        }
    }
}
