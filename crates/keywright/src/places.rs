//! The databases of countries and networks: which files, and their reload when one changes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use keywright_engine::places::{PlaceFiles, PlaceWatch};
use keywright_server::app::App;

use crate::settings::Settings;

/// How often the files are looked at: they change once a week, and nobody waits for it long.
const EVERY: Duration = Duration::from_secs(3);

/// The files that the settings name.
pub(crate) fn files(settings: &Settings) -> PlaceFiles {
    let paths = |name: &str| {
        let named = settings.text(name).split(',').map(str::trim);
        named
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .collect()
    };
    PlaceFiles {
        country: paths("geo_country_database"),
        network: paths("geo_network_database"),
    }
}

/// Reads the files for the first time. One that cannot be used is better said at the start than in
/// refusals later.
pub(crate) async fn open(app: &App, settings: &Settings) -> anyhow::Result<PlaceWatch> {
    let watch = PlaceWatch::new(files(settings));
    let (watch, places) = tokio::task::spawn_blocking(move || {
        let places = watch.load();
        (watch, places)
    })
    .await
    .context("the databases of countries and networks were not read")?;
    app.engine.set_places(places?);
    Ok(watch)
}

/// Reads the files again whenever one changes. A broken one is reported and the old ones stay.
pub(crate) async fn follow(app: App, mut watch: PlaceWatch) {
    while !watch.is_empty() {
        tokio::time::sleep(EVERY).await;
        let looked = tokio::task::spawn_blocking(move || {
            let found = watch.refresh();
            (watch, found)
        });
        let Ok((same, found)) = looked.await else {
            return;
        };
        watch = same;
        match found {
            Ok(None) => {}
            Ok(Some(places)) => {
                app.engine.set_places(places);
                tracing::info!("the databases of countries and networks were reloaded");
            }
            Err(error) => {
                let path = error.path.display().to_string();
                let cause = error.cause.to_string();
                tracing::error!(path, error.cause = cause, "the old databases stay in use");
            }
        }
    }
}
