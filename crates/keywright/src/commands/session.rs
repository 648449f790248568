//! `keywright login` and `keywright logout`.

use std::io::{IsTerminal, Read, Write};

use anyhow::Context;
use clap::Args;
use reqwest::Method;

use super::Target;
use crate::output;

/// Who signs in.
#[derive(Args)]
pub(crate) struct Login {
    /// E-mail address; asked for when it is not given
    #[arg(long)]
    email: Option<String>,
}

/// Signs in. The password comes from `KEYWRIGHT_PASSWORD`, the terminal or standard input, never from
/// an argument, which every process of the machine could read.
pub(crate) async fn login(target: &Target, login: Login) -> anyhow::Result<()> {
    let email = match login.email {
        Some(email) => email,
        None => ask("E-mail: ")?,
    };
    let password = match crate::variable("KEYWRIGHT_PASSWORD") {
        Some(password) => password,
        None if std::io::stdin().is_terminal() => rpassword::prompt_password("Password: ")?,
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("no password on standard input")?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    target.profile()?.save()?;
    target.api()?.sign_in(&email, &password).await?;
    output::notice(&format!("signed in as {email}"));
    Ok(())
}

/// Ends the session.
pub(crate) async fn logout(target: &Target) -> anyhow::Result<()> {
    let ended = target
        .api()?
        .call(Method::POST, "/api/v1/auth/logout", &[], None)
        .await;
    let mut profile = target.profile()?;
    profile.sign_out();
    profile.save()?;
    ended?;
    output::notice("signed out");
    Ok(())
}

fn ask(question: &str) -> anyhow::Result<String> {
    let mut error = std::io::stderr();
    write!(error, "{question}")?;
    error.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
