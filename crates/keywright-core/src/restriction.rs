//! What a key is restricted to. Here: addresses and networks, by the rules of trust P31 (parsing)
//! and P30 (whose address it is). Below: sites, apps, places and times.

pub mod app;
pub mod place;
pub mod referrer;
pub mod window;

mod client_address;
mod rules;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

pub use client_address::client_address;
pub use rules::{Circumstances, Clients, Restrictions, ZoneClock};

/// Networks in one list: more are a firewall's business.
pub const RULES_MAX: usize = 256;
/// Bits of the prefix of IPv4-mapped addresses, `::ffff:0:0/96`.
const MAPPED_BITS: u8 = 96;

/// A network in CIDR notation; a single address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(IpNet);

/// The text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidCidr {
    /// Not an address.
    #[error("is not an IPv4 or IPv6 address or network")]
    Address,
    /// Not a prefix length.
    #[error("the prefix length is a number up to 32 (IPv4) or 128 (IPv6)")]
    Length,
    /// Bits below the prefix are set.
    #[error("has bits set beyond its prefix; the network is `{0}`")]
    HostBits(String),
    /// A mapped network that is larger than IPv4.
    #[error("a network of IPv4-mapped addresses has a prefix of at least 96")]
    Mapped,
    /// All addresses.
    #[error("contains every address; leave the list empty instead")]
    Everything,
}

impl Cidr {
    /// Reads a network. `allow_any` admits `0.0.0.0/0` and `::/0`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, allow_any: bool) -> Result<Self, InvalidCidr> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(prefix_length(length)?)),
            None => (text, None),
        };
        let network = match address
            .parse::<IpAddr>()
            .map_err(|_| InvalidCidr::Address)?
        {
            IpAddr::V4(address) => v4(address, length.unwrap_or(32))?,
            IpAddr::V6(address) => v6(address, length.unwrap_or(128))?,
        };
        if network.prefix_len() == 0 && !allow_any {
            return Err(InvalidCidr::Everything);
        }
        if network.addr() != network.network() {
            return Err(InvalidCidr::HostBits(Self(network.trunc()).to_string()));
        }
        Ok(Self(network))
    }

    /// Whether the address lies in the network. An IPv4 address never lies in an IPv6 network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// No signs, no leading zeros: `/08` is somebody's mistake.
fn prefix_length(text: &str) -> Result<u8, InvalidCidr> {
    let canonical = text.parse::<u8>().map_err(|_| InvalidCidr::Length)?;
    if canonical.to_string() == text {
        Ok(canonical)
    } else {
        Err(InvalidCidr::Length)
    }
}

fn v4(address: Ipv4Addr, length: u8) -> Result<IpNet, InvalidCidr> {
    Ipv4Net::new(address, length)
        .map(IpNet::V4)
        .map_err(|_| InvalidCidr::Length)
}

fn v6(address: Ipv6Addr, length: u8) -> Result<IpNet, InvalidCidr> {
    match address.to_ipv4_mapped() {
        Some(mapped) if length > 128 => v4(mapped, length),
        Some(mapped) => v4(
            mapped,
            length.checked_sub(MAPPED_BITS).ok_or(InvalidCidr::Mapped)?,
        ),
        None => Ipv6Net::new(address, length)
            .map(IpNet::V6)
            .map_err(|_| InvalidCidr::Length),
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        Self::parse(text, false)
    }
}

impl fmt::Display for Cidr {
    /// A single address without its length.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            write!(formatter, "{}", self.0.addr())
        } else {
            write!(formatter, "{}", self.0)
        }
    }
}

/// Reads one address; a mapped IPv4 address is that IPv4 address.
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

/// From where a key may be used. Deny beats allow; an empty allow list allows every address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// If not empty, the address must be in one of these.
    pub allow: Box<[Cidr]>,
    /// The address must be in none of these.
    pub deny: Box<[Cidr]>,
}

/// Why an address may not use a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressDenial {
    /// There are rules, and no address was given.
    Required,
    /// It is not on the allow list.
    NotAllowed,
    /// It is on the deny list.
    Denied {
        /// By this rule.
        rule: Cidr,
    },
}

impl AddressRules {
    /// No rules.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether the address may use the key. Does not allocate.
    ///
    /// # Errors
    /// Why it may not.
    pub fn judge(&self, address: Option<IpAddr>) -> Result<(), AddressDenial> {
        if self.is_empty() {
            return Ok(());
        }
        let address = address.ok_or(AddressDenial::Required)?;
        if let Some(rule) = self.deny.iter().find(|rule| rule.contains(address)) {
            return Err(AddressDenial::Denied { rule: *rule });
        }
        if self.allow.is_empty() || self.allow.iter().any(|rule| rule.contains(address)) {
            Ok(())
        } else {
            Err(AddressDenial::NotAllowed)
        }
    }
}

#[cfg(test)]
mod tests;
