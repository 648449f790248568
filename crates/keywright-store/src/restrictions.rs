//! The JSON in which the restrictions of a key are stored; members without a rule are left out.

use keywright_core::restriction::app::AndroidApp;
use keywright_core::restriction::place::{Lists, NetworkNumber};
use keywright_core::restriction::window::{TimeWindow, Weekday};
use keywright_core::restriction::{Clients, Restrictions};
use keywright_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decode::{self, Place};
use crate::error::StoreError;

/// The column.
const COLUMN: &str = "restrictions";

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    referrers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    android_apps: Vec<StoredApp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ios_bundles: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    countries_allow: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    countries_deny: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    networks_allow: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    networks_deny: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    time_windows: Vec<StoredWindow>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_until: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredApp {
    package: String,
    sha1: String,
}

#[derive(Serialize, Deserialize)]
struct StoredWindow {
    days: Vec<String>,
    from: String,
    to: String,
    zone: String,
}

/// The column of a key that has restrictions.
pub(crate) fn write(rules: Option<&Restrictions>) -> Result<Option<String>, StoreError> {
    let Some(rules) = rules else { return Ok(None) };
    let mut stored = Stored {
        countries_allow: printed(&rules.countries.allow),
        countries_deny: printed(&rules.countries.deny),
        networks_allow: numbers(&rules.networks.allow),
        networks_deny: numbers(&rules.networks.deny),
        time_windows: rules.windows.iter().map(window).collect(),
        paused_until: decode::milliseconds(rules.paused_until),
        ..Stored::default()
    };
    match &rules.clients {
        None => {}
        Some(Clients::Referrers(sites)) => stored.referrers = printed(sites),
        Some(Clients::Android(apps)) => stored.android_apps = apps.iter().map(app).collect(),
        Some(Clients::Ios(bundles)) => stored.ios_bundles = printed(bundles),
    }
    decode::json(&stored).map(Some)
}

fn printed<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn numbers(values: &[NetworkNumber]) -> Vec<u32> {
    values.iter().map(|network| network.get()).collect()
}

fn app(app: &AndroidApp) -> StoredApp {
    StoredApp {
        package: app.package.to_string(),
        sha1: app.certificate.to_string(),
    }
}

fn window(window: &TimeWindow) -> StoredWindow {
    StoredWindow {
        days: window.days().map(|day| day.as_str().to_owned()).collect(),
        from: window.from().to_string(),
        to: window.to().to_string(),
        zone: window.zone().to_owned(),
    }
}

/// The restrictions in the column.
pub(crate) fn read(
    place: Place<'_>,
    text: Option<&str>,
) -> Result<Option<Box<Restrictions>>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    let stored: Stored = place.json(COLUMN, text)?;
    let rules = Restrictions {
        clients: clients(place, &stored)?,
        countries: Lists {
            allow: parsed(place, &stored.countries_allow)?,
            deny: parsed(place, &stored.countries_deny)?,
        },
        networks: Lists {
            allow: networks(place, &stored.networks_allow)?,
            deny: networks(place, &stored.networks_deny)?,
        },
        windows: stored
            .time_windows
            .iter()
            .map(|window| read_window(place, window))
            .collect::<Result<_, _>>()?,
        paused_until: stored.paused_until.map(Timestamp::from_milliseconds),
    };
    Ok(rules.stored())
}

fn clients(place: Place<'_>, stored: &Stored) -> Result<Option<Clients>, StoreError> {
    if !stored.referrers.is_empty() {
        return Ok(Some(Clients::Referrers(parsed(place, &stored.referrers)?)));
    }
    if !stored.ios_bundles.is_empty() {
        return Ok(Some(Clients::Ios(parsed(place, &stored.ios_bundles)?)));
    }
    let apps: Box<[AndroidApp]> = stored
        .android_apps
        .iter()
        .map(|app| {
            Ok(AndroidApp {
                package: place.parse(COLUMN, &app.package)?,
                certificate: place.parse(COLUMN, &app.sha1)?,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok((!apps.is_empty()).then_some(Clients::Android(apps)))
}

fn parsed<T: std::str::FromStr>(
    place: Place<'_>,
    texts: &[String],
) -> Result<Box<[T]>, StoreError> {
    texts.iter().map(|text| place.parse(COLUMN, text)).collect()
}

fn networks(place: Place<'_>, numbers: &[u32]) -> Result<Box<[NetworkNumber]>, StoreError> {
    numbers
        .iter()
        .map(|number| place.named(COLUMN, NetworkNumber::new(*number)))
        .collect()
}

fn read_window(place: Place<'_>, stored: &StoredWindow) -> Result<TimeWindow, StoreError> {
    let days: Box<[Weekday]> = parsed(place, &stored.days)?;
    let from = place.parse(COLUMN, &stored.from)?;
    let to = place.parse(COLUMN, &stored.to)?;
    place.named(COLUMN, TimeWindow::new(&days, from, to, &stored.zone).ok())
}
