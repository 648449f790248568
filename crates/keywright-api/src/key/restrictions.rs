//! The restrictions of a key on the wire, besides addresses: how they are read, and shown.

use jiff::tz::TimeZoneDatabase;
use keywright_core::limits::{RESTRICTIONS_MAX, TIME_WINDOWS_MAX};
use keywright_core::restriction::app::{AndroidApp, AppId};
use keywright_core::restriction::place::{Country, NetworkNumber};
use keywright_core::restriction::referrer::ReferrerRule;
use keywright_core::restriction::window::{Minute, TimeWindow, Weekday};
use keywright_core::restriction::{Clients, Restrictions};
use keywright_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Problems;
use crate::field;
use crate::json::Object;
use crate::patch::Patch;

/// An Android app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AndroidApp)]
#[serde(deny_unknown_fields)]
pub struct AndroidAppBody {
    /// Its package.
    #[schema(max_length = 255, example = "com.example.app")]
    pub package: String,
    /// SHA-1 fingerprint of the certificate that signed it, in hexadecimal, with or without colons.
    #[schema(example = "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09")]
    pub sha1: String,
}

/// Hours of some days of the week. One that ends before it begins ends on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TimeWindow)]
#[serde(deny_unknown_fields)]
pub struct TimeWindowBody {
    /// `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`: the days on which it begins.
    #[schema(min_items = 1, max_items = 7, example = json!(["mon", "tue", "wed", "thu", "fri"]))]
    pub days: Vec<String>,
    /// The first minute.
    #[schema(example = "08:00")]
    pub from: String,
    /// The first minute after it; `24:00` is the end of the day.
    #[schema(example = "18:00")]
    pub to: String,
    /// Whose clocks: a zone of the IANA database.
    #[schema(example = "Europe/Berlin")]
    pub zone: String,
}

/// The restrictions of a key, as they are shown.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RestrictionsBody {
    /// Web sites that may use it; empty = no such rule.
    #[schema(example = json!(["*.example.com/*"]))]
    pub referrers: Vec<String>,
    /// Android apps that may use it; empty = no such rule.
    pub android_apps: Vec<AndroidAppBody>,
    /// iOS apps that may use it; empty = no such rule.
    pub ios_bundles: Vec<String>,
    /// Countries in which it may be used; empty = all.
    pub countries_allow: Vec<String>,
    /// Countries in which it may not.
    pub countries_deny: Vec<String>,
    /// Networks (AS numbers) from which it may be used; empty = all.
    pub networks_allow: Vec<u32>,
    /// Networks (AS numbers) from which it may not.
    pub networks_deny: Vec<u32>,
    /// When it may be used; empty = always.
    pub time_windows: Vec<TimeWindowBody>,
    /// Unix seconds until when it rests; it works again by itself.
    pub paused_until: Option<i64>,
}

/// What a request says of restrictions; what it does not mention stays.
#[derive(Default)]
pub(super) struct Edit {
    pub(super) referrers: Option<Vec<String>>,
    pub(super) android_apps: Option<Vec<Object<AndroidAppBody>>>,
    pub(super) ios_bundles: Option<Vec<String>>,
    pub(super) countries_allow: Option<Vec<String>>,
    pub(super) countries_deny: Option<Vec<String>>,
    pub(super) networks_allow: Option<Vec<i64>>,
    pub(super) networks_deny: Option<Vec<i64>>,
    pub(super) time_windows: Option<Vec<Object<TimeWindowBody>>>,
    pub(super) paused_until: Patch<i64>,
}

impl Edit {
    /// Lays it over the restrictions that the key has.
    pub(super) fn over(
        self,
        before: Option<&Restrictions>,
        problems: &mut Problems,
    ) -> Option<Box<Restrictions>> {
        let mut rules = before.cloned().unwrap_or_default();
        rules.clients = self.clients(rules.clients.take(), problems);
        if let Some(codes) = self.countries_allow {
            rules.countries.allow = countries("countries_allow", &codes, problems);
        }
        if let Some(codes) = self.countries_deny {
            rules.countries.deny = countries("countries_deny", &codes, problems);
        }
        if let Some(numbers) = self.networks_allow {
            rules.networks.allow = networks("networks_allow", &numbers, problems);
        }
        if let Some(numbers) = self.networks_deny {
            rules.networks.deny = networks("networks_deny", &numbers, problems);
        }
        if let Some(windows) = self.time_windows {
            rules.windows = time_windows(&windows, problems);
        }
        match self.paused_until {
            Patch::Missing => {}
            Patch::Null => rules.paused_until = None,
            Patch::Value(end) => rules.paused_until = field::moment("paused_until", end, problems),
        }
        rules.stored()
    }

    /// One kind of client, or none.
    fn clients(&self, before: Option<Clients>, problems: &mut Problems) -> Option<Clients> {
        let (mut referrers, mut apps, mut bundles) = (Vec::new(), Vec::new(), Vec::new());
        match before {
            None => {}
            Some(Clients::Referrers(had)) => referrers = had.into(),
            Some(Clients::Android(had)) => apps = had.into(),
            Some(Clients::Ios(had)) => bundles = had.into(),
        }
        if let Some(given) = &self.referrers {
            let read = str::parse::<ReferrerRule>;
            referrers = field::list("referrers", given, RESTRICTIONS_MAX, read, problems);
        }
        if let Some(given) = &self.android_apps {
            apps = android_apps(given, problems);
        }
        if let Some(given) = &self.ios_bundles {
            let read = str::parse::<AppId>;
            bundles = field::list("ios_bundles", given, RESTRICTIONS_MAX, read, problems);
        }
        let kinds = [
            ("referrers", !referrers.is_empty(), self.referrers.is_some()),
            (
                "android_apps",
                !apps.is_empty(),
                self.android_apps.is_some(),
            ),
            (
                "ios_bundles",
                !bundles.is_empty(),
                self.ios_bundles.is_some(),
            ),
        ];
        let mut there = kinds.iter().filter(|(_, there, _)| *there);
        if there.clone().count() > 1 {
            // At the last one that the request itself gives.
            if let Some((path, ..)) = there.rfind(|(.., given)| *given) {
                problems.add(
                    *path,
                    "stands next to clients of another kind",
                    "give one of `referrers`, `android_apps` and `ios_bundles`, and `[]` for the others",
                );
            }
            return None;
        }
        if !referrers.is_empty() {
            Some(Clients::Referrers(referrers.into()))
        } else if !apps.is_empty() {
            Some(Clients::Android(apps.into()))
        } else if !bundles.is_empty() {
            Some(Clients::Ios(bundles.into()))
        } else {
            None
        }
    }
}

/// Whether a list is short enough.
fn fits(path: &str, count: usize, count_max: usize, problems: &mut Problems) -> bool {
    if count > count_max {
        problems.add(
            path,
            format!("has {count} entries, more than {count_max}"),
            format!("give at most {count_max}"),
        );
    }
    count <= count_max
}

fn android_apps(given: &[Object<AndroidAppBody>], problems: &mut Problems) -> Vec<AndroidApp> {
    if !fits("android_apps", given.len(), RESTRICTIONS_MAX, problems) {
        return Vec::new();
    }
    let mut read = Vec::with_capacity(given.len());
    for (index, Object(app)) in given.iter().enumerate() {
        let at = |member: &str| format!("android_apps[{index}].{member}");
        let package = field::parsed(
            &at("package"),
            Some(&app.package),
            str::parse,
            "give the package, such as `com.example.app`",
            problems,
        );
        let certificate = field::parsed(
            &at("sha1"),
            Some(&app.sha1),
            str::parse,
            "give what `keytool -list -v` prints as SHA1",
            problems,
        );
        if let (Some(package), Some(certificate)) = (package, certificate) {
            read.push(AndroidApp {
                package,
                certificate,
            });
        }
    }
    read
}

fn countries(path: &str, codes: &[String], problems: &mut Problems) -> Box<[Country]> {
    field::list(
        path,
        codes,
        RESTRICTIONS_MAX,
        str::parse::<Country>,
        problems,
    )
    .into()
}

fn networks(path: &str, numbers: &[i64], problems: &mut Problems) -> Box<[NetworkNumber]> {
    if !fits(path, numbers.len(), RESTRICTIONS_MAX, problems) {
        return Box::default();
    }
    let read = |(index, number): (usize, &i64)| {
        let path = format!("{path}[{index}]");
        let number = field::number(&path, *number, 1..=u32::MAX, problems)?;
        NetworkNumber::new(number)
    };
    numbers.iter().enumerate().filter_map(read).collect()
}

fn time_windows(given: &[Object<TimeWindowBody>], problems: &mut Problems) -> Box<[TimeWindow]> {
    if !fits("time_windows", given.len(), TIME_WINDOWS_MAX, problems) {
        return Box::default();
    }
    let read = |(index, Object(window)): (usize, &Object<TimeWindowBody>)| {
        time_window(&format!("time_windows[{index}]"), window, problems)
    };
    given.iter().enumerate().filter_map(read).collect()
}

fn time_window(path: &str, window: &TimeWindowBody, problems: &mut Problems) -> Option<TimeWindow> {
    let days = field::list(
        &format!("{path}.days"),
        &window.days,
        Weekday::ALL.len(),
        str::parse::<Weekday>,
        problems,
    );
    let mut minute = |member: &str, text: &str| {
        let fix = "give hours and minutes, such as `08:00`";
        field::parsed(
            &format!("{path}.{member}"),
            Some(text),
            str::parse::<Minute>,
            fix,
            problems,
        )
    };
    let (from, to) = (minute("from", &window.from), minute("to", &window.to));
    let zone = zone(&window.zone);
    if zone.is_none() {
        problems.add(
            format!("{path}.zone"),
            "is not a zone of the IANA database",
            "give a zone such as `Europe/Berlin` or `UTC`",
        );
    }
    // What is wrong with the days has been said.
    if days.is_empty() && !window.days.is_empty() {
        return None;
    }
    TimeWindow::new(&days, from?, to?, &zone?)
        .map_err(|error| problems.add(path, error.to_string(), "give days, and hours that differ"))
        .ok()
}

/// The zone's own spelling of its name.
fn zone(name: &str) -> Option<String> {
    let found = TimeZoneDatabase::bundled().get(name).ok()?;
    found.iana_name().map(ToOwned::to_owned)
}

impl RestrictionsBody {
    /// The restrictions as they are shown.
    #[must_use]
    pub fn new(rules: Option<&Restrictions>) -> Self {
        let Some(rules) = rules else {
            return Self::default();
        };
        let mut body = Self {
            countries_allow: super::body::printed(&rules.countries.allow),
            countries_deny: super::body::printed(&rules.countries.deny),
            networks_allow: rules.networks.allow.iter().map(|it| it.get()).collect(),
            networks_deny: rules.networks.deny.iter().map(|it| it.get()).collect(),
            time_windows: rules.windows.iter().map(shown).collect(),
            paused_until: rules.paused_until.map(Timestamp::seconds),
            ..Self::default()
        };
        match &rules.clients {
            None => {}
            Some(Clients::Referrers(sites)) => body.referrers = super::body::printed(sites),
            Some(Clients::Ios(bundles)) => body.ios_bundles = super::body::printed(bundles),
            Some(Clients::Android(apps)) => {
                let app = |app: &AndroidApp| AndroidAppBody {
                    package: app.package.to_string(),
                    sha1: app.certificate.to_string(),
                };
                body.android_apps = apps.iter().map(app).collect();
            }
        }
        body
    }
}

fn shown(window: &TimeWindow) -> TimeWindowBody {
    TimeWindowBody {
        days: window.days().map(|day| day.as_str().to_owned()).collect(),
        from: window.from().to_string(),
        to: window.to().to_string(),
        zone: window.zone().to_owned(),
    }
}

#[cfg(test)]
mod tests;
