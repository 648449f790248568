//! The client's address behind proxies (trust P30): from the peer outwards through
//! `X-Forwarded-For`, as far as trusted proxies vouch for it, and never further.

use core::net::IpAddr;

use super::{Cidr, parse_address};

/// The address of the client: `peer` unless that is a trusted proxy; then the rightmost element of
/// `X-Forwarded-For` that is not one. An element that cannot be read ends the walk at the hop
/// before it. `forwarded_for` are the header's lines in their order.
#[must_use]
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[Cidr],
) -> IpAddr {
    let mut current = peer.to_canonical();
    for line in forwarded_for.rev() {
        for element in line.rsplit(',') {
            if !trusted.iter().any(|network| network.contains(current)) {
                return current;
            }
            match parse_address(element.trim()) {
                Some(address) => current = address,
                None => return current,
            }
        }
    }
    current
}
