//! The keywright binary: the server and the command line.

mod client;
mod commands;
mod output;
mod places;
mod profile;
mod serve;
mod settings;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use commands::{
    Target, audit, config, doctor, inspect, keys, people, plans, secrets, session, sign, tenants,
};
use settings::{Flags, Settings};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// API key management that a team runs itself.
#[derive(Parser)]
#[command(name = "keywright", version)]
struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the server
    Serve {
        #[command(flatten)]
        flags: Flags,
    },
    /// Signs in to a server
    Login(session::Login),
    /// Ends the session
    Logout,
    /// Creates, lists, changes, ends and checks keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Looks at a key offline
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Signs a request with the secret of a pair, offline
    Sign(sign::Sign),
    /// Manages the tenant's users
    #[command(subcommand)]
    Users(people::Users),
    /// Manages tenants
    #[command(subcommand)]
    Tenants(tenants::Tenants),
    /// Manages the tenant's scopes
    #[command(subcommand)]
    Scopes(tenants::Scopes),
    /// Manages the tenant's roles
    #[command(subcommand)]
    Roles(tenants::Roles),
    /// Manages the tenant's plans
    #[command(subcommand)]
    Plans(plans::Plans),
    /// Manages the keys that sign JWT keys
    #[command(subcommand)]
    SigningKeys(tenants::SigningKeys),
    /// Rotates root keys and peppers
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Reads and verifies the audit trail
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Says whether a server could start, and what to mend
    Doctor {
        #[command(flatten)]
        flags: Flags,
    },
    /// Prints and checks the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Prints the completion script of a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints a generated page of the documentation
    #[command(hide = true)]
    Generate {
        #[command(subcommand)]
        page: Page,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Prints format, environment and checksum of the key on standard input or in `KEYWRIGHT_KEY`
    Inspect,
}

#[derive(Subcommand)]
enum Page {
    /// openapi.json
    Openapi,
    /// docs/reference/configuration.md
    Configuration,
    /// docs/reference/errors.md
    Errors,
}

/// What a check or verification that did not pass exits with; errors exit with 1, wrong usage with 2.
const NOT_PASSED: u8 = 3;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_PASSED),
        Err(error) => {
            // With every cause, so that nothing has to be asked for again.
            output::notice(&format!("keywright: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<bool> {
    let target = &cli.target;
    let done = |outcome: anyhow::Result<()>| outcome.map(|()| true);
    match cli.command {
        Command::Generate { page } => done(generate(&page)),
        Command::Completion { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "keywright",
                &mut std::io::stdout(),
            );
            Ok(true)
        }
        Command::Key {
            command: KeyCommand::Inspect,
        } => inspect::run(target),
        Command::Sign(wish) => done(sign::run(target, &wish)),
        Command::Config(command) => done(config::run(target, command)),
        Command::Serve { flags } => {
            let settings = Settings::load(&flags, variable)?;
            log(&settings)?;
            for name in Settings::unknown_variables(variables()) {
                tracing::warn!("`{name}` is not a setting; see `keywright config print`");
            }
            done(runtime()?.block_on(serve::serve(&settings)))
        }
        Command::Doctor { flags } => {
            let settings = Settings::load(&flags, variable)?;
            Ok(runtime()?.block_on(doctor::run(&settings)))
        }
        Command::Keys(command) => runtime()?.block_on(keys::run(target, command)),
        Command::Audit(command) => runtime()?.block_on(audit::run(target, command)),
        command => done(runtime()?.block_on(manage(target, command))),
    }
}

async fn manage(target: &Target, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Login(login) => session::login(target, login).await,
        Command::Logout => session::logout(target).await,
        Command::Users(command) => people::run(target, command).await,
        Command::Tenants(command) => tenants::tenants(target, command).await,
        Command::Scopes(command) => tenants::scopes(target, command).await,
        Command::Roles(command) => tenants::roles(target, command).await,
        Command::Plans(command) => plans::run(target, command).await,
        Command::SigningKeys(command) => tenants::signing_keys(target, command).await,
        Command::Secrets(command) => secrets::run(target, command).await,
        _ => anyhow::bail!("this command does not talk to a server"),
    }
}

fn generate(page: &Page) -> anyhow::Result<()> {
    let text = match page {
        Page::Openapi => keywright_server::openapi().to_pretty_json()?,
        Page::Configuration => settings::reference(),
        Page::Errors => keywright_api::reference::catalogue_markdown(),
    };
    output::line(text.trim_end());
    Ok(())
}

/// The names of the environment's variables.
fn variables() -> impl Iterator<Item = String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "settings are read here and nowhere else"
    )]
    let all = std::env::vars_os();
    all.filter_map(|(name, _)| name.into_string().ok())
}

/// The one place that reads the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "settings are read here and nowhere else"
    )]
    std::env::var(name).ok()
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // The first thing: as soon as two providers are linked, rustls would not know which to take.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

fn log(settings: &Settings) -> anyhow::Result<()> {
    let filter: EnvFilter = settings.parsed("log")?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match settings.text("log_format") {
        "json" => subscriber.json().init(),
        "text" => subscriber.init(),
        other => anyhow::bail!("setting `log_format` is `{other}`; it is `text` or `json`"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
