//! `keywright doctor`: everything that a server needs, line by line, each with its fix.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keywright_seal::keyring::Keyring;

use crate::output;
use crate::serve;
use crate::settings::Settings;

/// Looks at everything. Answers whether a server could start.
pub(crate) async fn run(settings: &Settings) -> bool {
    let mut sound = true;
    let mut say = |name: &str, outcome: Result<String, String>| match outcome {
        Ok(detail) => output::line(&format!("ok    {name}: {detail}")),
        Err(problem) => {
            sound = false;
            output::line(&format!("FAIL  {name}: {problem}"));
        }
    };
    let data = Path::new(settings.text("data"));
    say(
        "configuration",
        said(serve::check(settings)).map(|()| "sound".to_owned()),
    );
    say("data folder", folder(data));
    let source = serve::keyring_source(settings, data);
    // Looking must not make a new keyring beside a database that belongs to another.
    let missing =
        matches!(&source, keywright_seal::keyring::KeyringSource::File(path) if !path.exists());
    if missing {
        say("keyring", Ok("is made at the first start".to_owned()));
        return sound;
    }
    let keyring = match Keyring::load(&source) {
        Ok(keyring) => keyring,
        Err(error) => {
            say("keyring", Err(error.to_string()));
            return false;
        }
    };
    say("keyring", Ok(format!("read {source}")));
    match serve::open_store(settings, data, &keyring).await {
        Err(error) => say("database", Err(format!("{error:#}"))),
        Ok(store) => {
            say(
                "database",
                Ok("answers, and its schema is this version's".to_owned()),
            );
            let checks = serve::stored_checks(&store).await;
            let fits = checks.and_then(|checks| Ok(keyring.verify_checks(&checks)?));
            say(
                "keyring fits the database",
                said(fits).map(|()| "yes".to_owned()),
            );
            let counts = store
                .count_by_pepper()
                .await
                .map_err(|error| error.to_string());
            say(
                "keys by pepper",
                counts.map(|counts| {
                    let each: Vec<_> = counts
                        .iter()
                        .map(|(id, count)| format!("pepper {}: {count}", id.0))
                        .collect();
                    if each.is_empty() {
                        "no keys yet".to_owned()
                    } else {
                        each.join(", ")
                    }
                }),
            );
            store.close().await;
        }
    }
    sound
}

fn said<T>(outcome: anyhow::Result<T>) -> Result<T, String> {
    outcome.map_err(|error| format!("{error:#}"))
}

fn folder(data: &Path) -> Result<String, String> {
    match std::fs::metadata(data) {
        Err(_) => Ok(format!("`{}` is made at the first start", data.display())),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => Err(format!(
            "others may read `{0}`; run `chmod 700 {0}`",
            data.display()
        )),
        Ok(_) => Ok(format!("`{}` is private", data.display())),
    }
}
