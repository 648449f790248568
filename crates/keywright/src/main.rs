//! The keywright binary: the server and the command line.

mod output;
mod serve;
mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use settings::{Flags, Settings};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// API key management that a team runs itself.
#[derive(Parser)]
#[command(name = "keywright", version)]
struct Cli {
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
    /// Prints a generated page of the documentation
    #[command(hide = true)]
    Generate {
        #[command(subcommand)]
        page: Page,
    },
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

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, with every cause.
            output::notice(&format!("keywright: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Generate { page } => {
            let text = match page {
                Page::Openapi => keywright_server::openapi().to_pretty_json()?,
                Page::Configuration => settings::reference(),
                Page::Errors => keywright_api::reference::catalogue_markdown(),
            };
            output::line(text.trim_end());
            Ok(())
        }
        Command::Serve { flags } => {
            let settings = Settings::load(&flags, variable)?;
            log(&settings)?;
            runtime()?.block_on(serve::serve(&settings))
        }
    }
}

/// The one place that reads the environment.
fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "settings are read here and nowhere else")]
    std::env::var(name).ok()
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // The first thing: as soon as two providers are linked, rustls would not know which to take.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn log(settings: &Settings) -> anyhow::Result<()> {
    let filter: EnvFilter = settings.parsed("log")?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.text("log_format") {
        "json" => subscriber.json().init(),
        "text" => subscriber.init(),
        other => anyhow::bail!("setting `log_format` is `{other}`; it is `text` or `json`"),
    }
    Ok(())
}
