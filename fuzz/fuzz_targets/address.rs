//! Networks and forwarding headers: reading never panics, and nobody but a trusted proxy is believed.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use keywright_core::restriction::{Cidr, client_address, parse_address};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(network) = text.parse::<Cidr>() {
        assert_eq!(network.to_string().parse::<Cidr>().as_ref(), Ok(&network));
    }
    let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let lines = || text.split('\n');
    assert_eq!(client_address(peer, lines(), &[]), peer);
    let proxies: Vec<Cidr> = "10.0.0.0/8".parse().into_iter().collect();
    let found = client_address(peer, lines(), &proxies);
    let mut named = text.split(['\n', ',']).filter_map(|element| parse_address(element.trim()));
    assert!(found == peer || named.any(|address| address == found));
});
