//! The flags that restrict a key, besides addresses.

use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};

/// Restrictions of a key. A list that is given takes the place of the one that was.
#[derive(Args)]
pub(crate) struct Restrictions {
    /// A site that may use it, such as `*.example.com/*`; may be repeated
    #[arg(long = "referrer", value_name = "SITE")]
    referrers: Vec<String>,
    /// An Android app that may use it: package, `=`, SHA-1 of its certificate; may be repeated
    #[arg(long = "android-app", value_name = "PACKAGE=SHA1")]
    android_apps: Vec<String>,
    /// An iOS app that may use it; may be repeated
    #[arg(long = "ios-bundle", value_name = "BUNDLE")]
    ios_bundles: Vec<String>,
    /// A country in which it may be used, such as `DE`; may be repeated
    #[arg(long = "country-allow", value_name = "COUNTRY")]
    countries_allow: Vec<String>,
    /// A country in which it may not; may be repeated
    #[arg(long = "country-deny", value_name = "COUNTRY")]
    countries_deny: Vec<String>,
    /// A network (AS number) from which it may be used; may be repeated
    #[arg(long = "network-allow", value_name = "NUMBER")]
    networks_allow: Vec<u32>,
    /// A network (AS number) from which it may not; may be repeated
    #[arg(long = "network-deny", value_name = "NUMBER")]
    networks_deny: Vec<u32>,
    /// When it may be used, such as `mon,tue 08:00-18:00 Europe/Berlin`; may be repeated
    #[arg(long = "time-window", value_name = "WINDOW")]
    time_windows: Vec<String>,
}

impl Restrictions {
    /// Adds what was given to the body of a request. What it means is the server's to say.
    pub(crate) fn put(&self, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        let read = |texts: &[String], read: fn(&str) -> anyhow::Result<Value>| {
            let values: anyhow::Result<Vec<Value>> = texts.iter().map(|text| read(text)).collect();
            values.map(Value::Array)
        };
        let lists = [
            ("referrers", json!(self.referrers)),
            ("android_apps", read(&self.android_apps, app)?),
            ("ios_bundles", json!(self.ios_bundles)),
            ("countries_allow", json!(self.countries_allow)),
            ("countries_deny", json!(self.countries_deny)),
            ("networks_allow", json!(self.networks_allow)),
            ("networks_deny", json!(self.networks_deny)),
            ("time_windows", read(&self.time_windows, window)?),
        ];
        for (name, list) in lists {
            if list.as_array().is_some_and(|list| !list.is_empty()) {
                body.insert(name.to_owned(), list);
            }
        }
        Ok(())
    }
}

fn app(text: &str) -> anyhow::Result<Value> {
    let (package, sha1) = text
        .split_once('=')
        .with_context(|| format!("`{text}` is not a package, `=` and a fingerprint"))?;
    Ok(json!({"package": package, "sha1": sha1}))
}

fn window(text: &str) -> anyhow::Result<Value> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let &[days, hours, zone] = parts.as_slice() else {
        anyhow::bail!("`{text}` is not days, hours and a zone, such as `mon,tue 08:00-18:00 UTC`");
    };
    let (from, to) = hours
        .split_once('-')
        .with_context(|| format!("`{hours}` is not a span such as `08:00-18:00`"))?;
    let days: Vec<&str> = days.split(',').collect();
    Ok(json!({"days": days, "from": from, "to": to, "zone": zone}))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use clap::{Command, FromArgMatches};

    use super::*;

    fn put(arguments: &[&str]) -> anyhow::Result<Value> {
        let command = Restrictions::augment_args(Command::new("test").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).unwrap();
        let mut body = Map::new();
        Restrictions::from_arg_matches(&matches)
            .unwrap()
            .put(&mut body)?;
        Ok(Value::Object(body))
    }

    #[test]
    fn flags_become_the_lists_of_a_request_and_what_is_not_given_is_not_there() {
        assert_eq!(put(&[]).unwrap(), json!({}));
        let window = "mon,sun 22:00-06:00 Europe/Berlin";
        let given = put(&[
            "--referrer",
            "a.example",
            "--country-deny",
            "DE",
            "--country-deny",
            "FR",
            "--network-allow",
            "64496",
            "--time-window",
            window,
            "--android-app",
            "a.b=00:11",
        ]);
        assert_eq!(
            given.unwrap(),
            json!({
                "referrers": ["a.example"], "countries_deny": ["DE", "FR"], "networks_allow": [64496],
                "android_apps": [{"package": "a.b", "sha1": "00:11"}],
                "time_windows": [{
                    "days": ["mon", "sun"], "from": "22:00", "to": "06:00", "zone": "Europe/Berlin",
                }],
            })
        );
        for wrong in ["mon 08:00-18:00", "mon 08:00 UTC", ""] {
            assert!(put(&["--time-window", wrong]).is_err(), "{wrong}");
        }
        assert!(put(&["--android-app", "a.b"]).is_err());
    }
}
