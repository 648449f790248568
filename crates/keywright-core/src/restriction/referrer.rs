//! Sites that may use a key, by Google's rules for browser keys (trust P28): `example.com/*` is that
//! host alone, `*.example.com/*` any host below it but not itself. Browsers send sites of others no
//! more than the origin, so only origins are compared, never paths.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

/// What a site may be called by: longer names are none (RFC 1035, 2.3.4, with scheme and port).
const ORIGIN_BYTES_MAX: usize = 300;
/// Labels that must stand below the star: `*.com` would be everybody.
const WILDCARD_LABELS_MIN: usize = 2;

/// Scheme of a web site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The origin of a request (RFC 6454), in normal form: lower case, punycode, no final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Reads the origin of a URL: of an `Origin` or a `Referer` header. Path, query and fragment
    /// are passed over. `None` for `null`, for what is no web site, and for whatever browsers never
    /// send: user names, white space, backslashes.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        // A referrer may have a long path, which says nothing.
        let end = text
            .find("://")
            .and_then(|scheme| {
                let rest = text.get(scheme.checked_add(3)?..)?;
                let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                scheme.checked_add(3)?.checked_add(length)
            })
            .unwrap_or(text.len());
        Self::read(text.get(..end)?)
    }

    /// Reads `scheme://host:port` and nothing after it.
    fn read(text: &str) -> Option<Self> {
        let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '@');
        if text.len() > ORIGIN_BYTES_MAX || text.contains(strange) {
            return None;
        }
        let (scheme, _) = text.split_once("://")?;
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return None;
        };
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?;
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.is_empty() || host.split('.').any(str::is_empty) {
            return None;
        }
        Some(Self {
            scheme,
            host: host.to_string(),
            port: url.port().unwrap_or(scheme.default_port()),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() {
            return Ok(());
        }
        write!(formatter, ":{}", self.port)
    }
}

/// A site, or all sites below a name, that may use a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrerRule {
    /// `None` = `http` and `https`.
    scheme: Option<Scheme>,
    /// Whether hosts below `host` are meant, and not itself.
    below: bool,
    host: String,
    /// `None` = the default port of the scheme.
    port: Option<u16>,
}

/// The text is not a rule for sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidReferrer {
    /// Not a host.
    #[error(
        "is not a site such as `example.com/*`, `*.example.com/*` or `http://localhost:3000/*`"
    )]
    Site,
    /// Not `http` or `https`.
    #[error("begins with a scheme other than `http` and `https`")]
    Scheme,
    /// A path, which browsers do not send to other sites.
    #[error("has a path, which browsers do not tell; end it with `/*`")]
    Path,
    /// A star that is not the whole first label, or stands above a single label.
    #[error("a `*` stands alone in front of at least two labels, as in `*.example.com`")]
    Wildcard,
}

impl ReferrerRule {
    /// Whether requests from this origin are meant. Hosts are compared label by label from the
    /// right, so that `evil-example.com` is not below `example.com`.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        let port = self.port.unwrap_or(origin.scheme.default_port());
        self.scheme.is_none_or(|scheme| scheme == origin.scheme)
            && port == origin.port
            && self.matches_host(&origin.host)
    }

    fn matches_host(&self, host: &str) -> bool {
        let mut labels = host.rsplit('.');
        let same = self
            .host
            .rsplit('.')
            .all(|label| labels.next() == Some(label));
        same && labels.next().is_some() == self.below
    }
}

impl FromStr for ReferrerRule {
    type Err = InvalidReferrer;

    fn from_str(text: &str) -> Result<Self, InvalidReferrer> {
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                (Some(Scheme::Https), rest)
            }
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
                (Some(Scheme::Http), rest)
            }
            Some(_) => return Err(InvalidReferrer::Scheme),
        };
        let site = match rest.split_once('/') {
            None => rest,
            Some((site, "" | "*")) => site,
            Some(_) => return Err(InvalidReferrer::Path),
        };
        let (below, site) = match site.strip_prefix("*.") {
            Some(site) => (true, site),
            None => (false, site),
        };
        if site.contains('*') {
            return Err(InvalidReferrer::Wildcard);
        }
        if site.contains(['?', '#', '/']) || site.ends_with(':') {
            return Err(InvalidReferrer::Site);
        }
        let printed = scheme.unwrap_or(Scheme::Https).as_str();
        let origin =
            Origin::read(&alloc::format!("{printed}://{site}")).ok_or(InvalidReferrer::Site)?;
        let name = matches!(Host::parse(&origin.host), Ok(Host::Domain(_)));
        let labels = origin.host.split('.').count();
        if below && (!name || labels < WILDCARD_LABELS_MIN) {
            return Err(InvalidReferrer::Wildcard);
        }
        Ok(Self {
            scheme,
            below,
            port: named_port(site, scheme, &origin),
            host: origin.host,
        })
    }
}

/// The port that a rule named. With a scheme, its default port is the same as none; without one,
/// `example.com:443` is not `http://example.com`.
fn named_port(site: &str, scheme: Option<Scheme>, origin: &Origin) -> Option<u16> {
    let after_host = site.rsplit_once(']').map_or(site, |(_, rest)| rest);
    let named = after_host.contains(':').then_some(origin.port);
    named.filter(|port| scheme.is_none_or(|scheme| scheme.default_port() != *port))
}

impl fmt::Display for ReferrerRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(formatter, "{}://", scheme.as_str())?;
        }
        if self.below {
            formatter.write_str("*.")?;
        }
        formatter.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str("/*")
    }
}

#[cfg(test)]
mod tests;
