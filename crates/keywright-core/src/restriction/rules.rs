//! What else restricts a key besides addresses: where, by which site or app, and when it is used.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::app::{AndroidApp, AppId, Fingerprint};
use super::place::{Country, Lists, NetworkNumber};
use super::referrer::{Origin, ReferrerRule};
use super::window::{CivilTime, TimeWindow};
use crate::denial::Denial;
use crate::time::Timestamp;
use crate::verify::{Rule, Trace};

/// What a key is restricted to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// Which clients may use it.
    pub clients: Option<Clients>,
    /// In which countries.
    pub countries: Lists<Country>,
    /// In which networks.
    pub networks: Lists<NetworkNumber>,
    /// When; none = always. One that is open is enough.
    pub windows: Box<[TimeWindow]>,
    /// Until when it rests.
    pub paused_until: Option<Timestamp>,
}

/// Clients that may use a key: of one kind, because none of them can prove to be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Web sites.
    Referrers(Box<[ReferrerRule]>),
    /// Android apps.
    Android(Box<[AndroidApp]>),
    /// iOS apps.
    Ios(Box<[AppId]>),
}

/// The clock of a zone: what it shows at a moment, or nothing when there is no such zone.
pub type ZoneClock = fn(&str, Timestamp) -> Option<CivilTime>;

/// What the restrictions of a key ask about a request. What the client itself said of itself stands
/// here as it said it: text that means nothing matches no rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Referer` header.
    pub referrer: Option<&'a str>,
    /// The client's country.
    pub country: Option<Country>,
    /// The client's network.
    pub network: Option<NetworkNumber>,
    /// The package of an Android app.
    pub android_package: Option<&'a str>,
    /// The SHA-1 fingerprint of the certificate that signed it.
    pub android_certificate: Option<&'a str>,
    /// The bundle of an iOS app.
    pub ios_bundle: Option<&'a str>,
    /// Tells local time; without it, no window is open.
    pub zone_clock: Option<ZoneClock>,
}

impl Restrictions {
    /// The same, or nothing when there is nothing in it.
    #[must_use]
    pub fn stored(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// Whether it says which clients may use the key (trust P28: web and mobile keys need that).
    #[must_use]
    pub const fn has_client_rule(&self) -> bool {
        self.clients.is_some()
    }

    /// The restrictions in their order. Allocates only to read the site of a request and to explain.
    pub(crate) fn judge(
        &self,
        request: &Circumstances<'_>,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> Result<(), Denial> {
        self.country(request, trace)?;
        self.network(request, trace)?;
        match &self.clients {
            None => {}
            Some(Clients::Referrers(rules)) => referrer(rules, request, trace)?,
            Some(Clients::Android(apps)) => android(apps, request, trace)?,
            Some(Clients::Ios(bundles)) => ios(bundles, request, trace)?,
        }
        self.time(request, now, trace)
    }

    fn country(&self, request: &Circumstances<'_>, trace: &mut impl Trace) -> Result<(), Denial> {
        if self.countries.is_empty() {
            return Ok(());
        }
        let passed = self.countries.admit(request.country.as_ref());
        trace.step(Rule::Country, passed, || match request.country {
            None => String::from("the key has country rules and the country is not known"),
            Some(country) if passed => format!("the key may be used in {country}"),
            Some(country) => format!("the key may not be used in {country}"),
        });
        passed.then_some(()).ok_or(Denial::CountryDenied)
    }

    fn network(&self, request: &Circumstances<'_>, trace: &mut impl Trace) -> Result<(), Denial> {
        if self.networks.is_empty() {
            return Ok(());
        }
        let passed = self.networks.admit(request.network.as_ref());
        trace.step(Rule::Network, passed, || match request.network {
            None => String::from("the key has network rules and the network is not known"),
            Some(network) if passed => format!("the key may be used from {network}"),
            Some(network) => format!("the key may not be used from {network}"),
        });
        passed.then_some(()).ok_or(Denial::NetworkDenied)
    }

    fn time(
        &self,
        request: &Circumstances<'_>,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> Result<(), Denial> {
        if self.windows.is_empty() {
            return Ok(());
        }
        let open = |window: &&TimeWindow| {
            let shown = request
                .zone_clock
                .and_then(|clock| clock(window.zone(), now));
            shown.is_some_and(|time| window.contains(time))
        };
        let found = self.windows.iter().find(open);
        trace.step(Rule::TimeWindow, found.is_some(), || match found {
            Some(window) => format!("it is within {window}"),
            None => format!("it is outside the {} time windows", self.windows.len()),
        });
        found.map(|_| ()).ok_or(Denial::OutsideTimeWindow)
    }
}

fn referrer(
    rules: &[ReferrerRule],
    request: &Circumstances<'_>,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    let said = request.origin.or(request.referrer);
    let origin = said.and_then(Origin::of);
    let passed = origin
        .as_ref()
        .is_some_and(|origin| rules.iter().any(|rule| rule.matches(origin)));
    trace.step(Rule::Referrer, passed, || match (said, &origin) {
        (None, _) => String::from(
            "the key has referrer rules and the request gave no origin and no referrer",
        ),
        (Some(_), None) => String::from("the request's origin is not a web site"),
        (Some(_), Some(origin)) if passed => format!("{origin} may use the key"),
        (Some(_), Some(origin)) => format!("{origin} matches no referrer rule"),
    });
    passed.then_some(()).ok_or(Denial::ReferrerDenied)
}

fn android(
    apps: &[AndroidApp],
    request: &Circumstances<'_>,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    let certificate = request
        .android_certificate
        .and_then(|text| text.parse::<Fingerprint>().ok());
    let passed = apps.iter().any(|app| {
        request.android_package == Some(app.package.as_str())
            && certificate == Some(app.certificate)
    });
    trace.step(Rule::App, passed, || {
        match (request.android_package, certificate, passed) {
            (Some(_), Some(_), true) => String::from("the app and its certificate are allowed"),
            (Some(_), Some(_), false) => String::from("no rule has this app and certificate"),
            _ => String::from("the key is for Android apps, and package or fingerprint is missing"),
        }
    });
    passed.then_some(()).ok_or(Denial::AppDenied)
}

fn ios(
    bundles: &[AppId],
    request: &Circumstances<'_>,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    let passed = bundles
        .iter()
        .any(|bundle| request.ios_bundle == Some(bundle.as_str()));
    trace.step(Rule::App, passed, || match (request.ios_bundle, passed) {
        (None, _) => String::from("the key is for iOS apps and the request named no bundle"),
        (Some(_), true) => String::from("the bundle is allowed"),
        (Some(_), false) => String::from("no rule has this bundle"),
    });
    passed.then_some(()).ok_or(Denial::AppDenied)
}

#[cfg(test)]
mod tests;
