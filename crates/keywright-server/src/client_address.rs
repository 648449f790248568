//! Who is calling, by address: the peer, or what the trusted proxies in front say of their peer.
//! The rule itself is `keywright_core::restriction::client_address`; this reads the request for it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, HeaderName};
use keywright_core::restriction::{self, Cidr};

use crate::listen;

/// The one header that names the clients of proxies. Others are never looked at: a proxy that sets
/// one of them passes a forged copy of the others on.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How the first trusted proxy was called.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The prefix of an IPv6 network that one customer controls (RFC 6177).
const IPV6_NETWORK_MASK: u128 = !0 << 64;

/// The network a client calls from: an IPv4 address, or the /64 of an IPv6 address, whose owner has
/// every address in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceNetwork(IpAddr);

impl SourceNetwork {
    /// The network of `address`. An IPv4 address mapped into IPv6 is the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & IPV6_NETWORK_MASK).into()),
        })
    }
}

/// The address of the connection's other end. Requests that came through [`listen::serve`] have one;
/// for others the unspecified address, which no rule allows or trusts.
#[must_use]
pub fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(peer)| {
        peer.ip().to_canonical()
    })
}

/// The client's address: the peer, or, while that is one of `trusted`, what it says of its own peer,
/// from the right of `X-Forwarded-For` to the left, up to the first address that is not trusted.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    // Most peers are no proxies; for them no header is read.
    if !is_trusted(peer, trusted) {
        return peer.to_canonical();
    }
    let lines = headers.get_all(FORWARDED_FOR).iter();
    // A line that is not text has no address in it, and ends the walk like any unreadable one.
    let lines = lines.map(|line| line.to_str().unwrap_or_default());
    restriction::client_address(peer, lines, trusted)
}

/// Whether `peer` is one of the trusted proxies.
#[must_use]
pub fn is_trusted(peer: IpAddr, trusted: &[Cidr]) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|network| network.contains(peer))
}

/// Whether a trusted proxy says that its client came over TLS. Nobody else is believed.
#[must_use]
pub fn forwarded_proto_is_https(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> bool {
    if !is_trusted(peer, trusted) {
        return false;
    }
    // Two lines or a list mean that somebody in front passed a client's own claim on.
    let mut lines = headers.get_all(FORWARDED_PROTO).iter();
    let https = lines
        .next()
        .is_some_and(|line| line.as_bytes().eq_ignore_ascii_case(b"https"));
    https && lines.next().is_none()
}

/// Whether nobody on the way could read this request: it came over TLS, to us or to a trusted proxy,
/// or never left this machine. What a trusted proxy says of its client's way counts more than how the
/// proxy reached us.
#[must_use]
pub fn is_private(extensions: &Extensions, headers: &HeaderMap, trusted: &[Cidr]) -> bool {
    let peer = peer(extensions);
    if is_trusted(peer, trusted) && headers.contains_key(FORWARDED_PROTO) {
        return forwarded_proto_is_https(peer, headers, trusted);
    }
    listen::is_over_tls(extensions) || peer.is_loopback()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn trusted() -> Vec<Cidr> {
        ["10.0.0.0/8", "fd00::/8"]
            .map(|network| network.parse().unwrap())
            .to_vec()
    }

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_peer_that_is_no_proxy_speaks_for_itself() {
        let forged = headers(&[(FORWARDED_FOR, "192.0.2.1")]);
        let peer = address("203.0.113.7");
        assert_eq!(client_address(peer, &forged, &trusted()), peer);
        assert_eq!(client_address(peer, &forged, &[]), peer);
        assert_eq!(
            client_address(address("::ffff:203.0.113.7"), &forged, &[]),
            peer
        );
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_client_never_the_leftmost() {
        let lines = headers(&[
            (FORWARDED_FOR, "192.0.2.66, 198.51.100.9"),
            (FORWARDED_FOR, "10.2.2.2"),
        ]);
        let client = client_address(address("10.1.1.1"), &lines, &trusted());
        assert_eq!(client, address("198.51.100.9"));
    }

    #[test]
    fn other_headers_are_never_read() {
        let others = headers(&[
            (HeaderName::from_static("x-real-ip"), "192.0.2.1"),
            (HeaderName::from_static("forwarded"), "for=192.0.2.1"),
            (HeaderName::from_static("true-client-ip"), "192.0.2.1"),
        ]);
        let proxy = address("10.1.1.1");
        assert_eq!(client_address(proxy, &others, &trusted()), proxy);
    }

    #[test]
    fn only_a_trusted_proxy_can_vouch_for_https() {
        let https = headers(&[(FORWARDED_PROTO, "HTTPS")]);
        assert!(forwarded_proto_is_https(
            address("10.1.1.1"),
            &https,
            &trusted()
        ));
        assert!(forwarded_proto_is_https(
            address("::ffff:10.1.1.1"),
            &https,
            &trusted()
        ));
        assert!(!forwarded_proto_is_https(
            address("203.0.113.7"),
            &https,
            &trusted()
        ));
        assert!(!forwarded_proto_is_https(address("10.1.1.1"), &https, &[]));
        for forged in ["http", "https, http", "http,https", "httpss", ""] {
            let lines = headers(&[(FORWARDED_PROTO, forged)]);
            assert!(
                !forwarded_proto_is_https(address("10.1.1.1"), &lines, &trusted()),
                "{forged}"
            );
        }
        let two = headers(&[(FORWARDED_PROTO, "https"), (FORWARDED_PROTO, "http")]);
        assert!(!forwarded_proto_is_https(
            address("10.1.1.1"),
            &two,
            &trusted()
        ));
    }

    #[test]
    fn a_request_is_private_over_tls_on_loopback_or_by_a_proxys_word() {
        let private = |from: &str, tls: bool, proto: Option<&str>| {
            let mut request = http::Request::new(());
            let peer = SocketAddr::new(address(from), 40_000);
            request.extensions_mut().insert(ConnectInfo(peer));
            if tls {
                request.extensions_mut().insert(listen::OverTls);
            }
            if let Some(proto) = proto {
                request
                    .headers_mut()
                    .insert(FORWARDED_PROTO, proto.parse().unwrap());
            }
            let proxies = ["10.0.0.0/8", "127.0.0.1/32"].map(|network| network.parse().unwrap());
            is_private(request.extensions(), request.headers(), &proxies)
        };
        assert!(private("203.0.113.7", true, None));
        assert!(!private("203.0.113.7", false, None));
        assert!(!private("203.0.113.7", false, Some("https")));
        assert!(private("10.1.1.1", false, Some("https")));
        assert!(!private("10.1.1.1", false, Some("http")));
        assert!(!private("10.1.1.1", false, None));
        assert!(private("127.0.0.1", false, None));
        // A proxy on this machine that says its client came in clear is believed.
        assert!(!private("127.0.0.1", false, Some("http")));
        assert!(private("::1", false, None));
    }

    #[test]
    fn an_ipv6_network_is_a_64_and_an_ipv4_network_one_address() {
        let network = |text| SourceNetwork::of(address(text));
        assert_eq!(
            network("2001:db8::1"),
            network("2001:db8::ffff:ffff:ffff:ffff")
        );
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
    }

    #[test]
    fn a_request_without_a_peer_comes_from_nowhere() {
        assert!(peer(&Extensions::new()).is_unspecified());
        let nowhere = (Extensions::new(), HeaderMap::new());
        assert!(!is_private(&nowhere.0, &nowhere.1, &trusted()));
    }
}
