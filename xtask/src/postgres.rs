//! A private PostgreSQL for the length of one command: a new cluster in a temporary folder, on a free loopback
//! port, stopped and removed however the command ends. It shares nothing with a PostgreSQL that the machine runs.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::{console, process};

/// What tests read. When it is set already, that server is used and none is started.
const URL_VARIABLE: &str = "KEYWRIGHT_TEST_POSTGRES_URL";
/// Enough for a test process per core, each with a few pools.
const MAX_CONNECTIONS: u32 = 200;
/// Another program may take the free port before the server does; more than twice is no accident.
const START_ATTEMPTS: u32 = 3;
/// A cluster starts in under a second; this is for machines under heavy load.
const START_SECONDS_MAX: u32 = 60;
const POLLS_PER_SECOND: u32 = 50;

/// `-- COMMAND...`: runs the command with [`URL_VARIABLE`] set, and ends with its exit code.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let words = match arguments.split_first() {
        Some((dashes, words)) if dashes == "--" => words,
        _ => arguments,
    };
    let Some((program, rest)) = words.split_first() else {
        bail!("usage: cargo xtask with-postgres -- COMMAND...");
    };
    let mut command = Command::new(program);
    command.args(rest);
    // One thread, so that the server's death signal is tied to the thread that lives longest.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if console::variable(URL_VARIABLE).is_some() {
        console::say(&format!(
            "with-postgres: using the server of {URL_VARIABLE}"
        ));
        return runtime.block_on(run_to_end(command));
    }
    runtime.block_on(async {
        // Before the server starts: from here on an interrupt reaches `run_to_end`, and `cluster` is dropped after it.
        let waiting = Interrupts::listen()?;
        let cluster = Cluster::start()?;
        command.env(URL_VARIABLE, cluster.url());
        waiting.run_to_end(command).await
    })
}

/// The folder with PostgreSQL's server programs: Debian's newest version, else one from `PATH`.
pub(crate) fn programs() -> Option<PathBuf> {
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    debian.sort();
    let newest_first = debian.into_iter().rev().map(|(_, folder)| folder);
    newest_first.chain(process::search_path()).find(|folder| {
        process::holds(folder, &["initdb", "postgres"])
            && process::succeeds(Command::new(folder.join("initdb")).arg("--version"))
            && process::succeeds(Command::new(folder.join("postgres")).arg("--version"))
    })
}

/// A running server; dropping it stops the server, and after that removes its folder.
struct Cluster {
    server: Child,
    port: u16,
    _folder: Folder,
}

impl Cluster {
    fn start() -> Result<Self> {
        let programs =
            programs().context("PostgreSQL is not installed; run `cargo xtask setup`")?;
        let account = Account::for_server()?;
        let mut failure = None;
        for attempt in 1..=START_ATTEMPTS {
            let folder = Folder::make(account.as_ref(), attempt)?;
            match Self::start_in(folder, &programs, account.as_ref()) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| anyhow::anyhow!("no attempt was made")))
    }

    fn start_in(folder: Folder, programs: &Path, account: Option<&Account>) -> Result<Self> {
        let data = folder.0.join("data");
        let mut initdb = command_as(account, &programs.join("initdb"), &folder.0);
        initdb.args(["--no-sync", "-U", "keywright", "-A", "trust"]);
        initdb
            .args(["-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data);
        let made = initdb.output().context("cannot run initdb")?;
        if !made.status.success() {
            bail!(
                "initdb failed: {}",
                String::from_utf8_lossy(&made.stderr).trim()
            );
        }
        let port = free_port()?;
        let log = folder.0.join("log");
        let mut server = command_as(account, &programs.join("postgres"), &folder.0);
        server.arg("-D").arg(&data);
        server.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-N",
            &MAX_CONNECTIONS.to_string(),
        ]);
        // No Unix socket: its path has a length limit that a long TMPDIR breaks.
        server.args(["-c", "unix_socket_directories="]);
        // The cluster never outlives the command, so it need not survive a power cut.
        server.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        // A group of its own: Ctrl-C at the terminal must not stop it under tests that still run.
        server
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        server.stderr(fs::File::create(&log)?);
        let server = server.spawn().context("cannot start postgres")?;
        let mut cluster = Self {
            server,
            port,
            _folder: folder,
        };
        if cluster.becomes_ready(&data)? {
            Ok(cluster)
        } else {
            bail!(
                "postgres did not start: {}",
                fs::read_to_string(log).unwrap_or_default().trim()
            )
        }
    }

    /// Waits until the server's own status line says so, as `pg_ctl` does; false when it ended or time is up.
    fn becomes_ready(&mut self, data: &Path) -> Result<bool> {
        for _ in 0..START_SECONDS_MAX * POLLS_PER_SECOND {
            let status = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            if status.lines().any(|line| line.trim() == "ready") {
                return Ok(true);
            }
            if self.server.try_wait()?.is_some() {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_secs(1) / POLLS_PER_SECOND);
        }
        Ok(false)
    }

    fn url(&self) -> String {
        format!("postgres://keywright@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !matches!(self.server.try_wait(), Ok(Some(_))) {
            // SIGINT is PostgreSQL's "fast" shutdown: it ends sessions and its own children, which SIGKILL would leave.
            send_signal("INT", self.server.id());
        }
        if let Err(error) = self.server.wait() {
            console::say(&format!(
                "with-postgres: cannot wait for the server to stop: {error}"
            ));
        }
    }
}

/// A private temporary folder, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make(account: Option<&Account>, attempt: u32) -> Result<Self> {
        // The server's account must be able to enter the folder, which root's own TMPDIR may not allow.
        let parent = if account.is_some() {
            PathBuf::from("/tmp")
        } else {
            std::env::temp_dir()
        };
        let path = parent.join(format!(
            "keywright-postgres-{}-{attempt}",
            std::process::id()
        ));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make `{}`", path.display()))?;
        let folder = Self(path);
        if let Some(Account { user, group }) = account {
            chown(&folder.0, Some(*user), Some(*group))?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            console::say(&format!(
                "with-postgres: cannot remove `{}`: {error}",
                self.0.display()
            ));
        }
    }
}

/// An unprivileged account to run the server as, since PostgreSQL refuses root.
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// `None` when we are not root and simply run it ourselves.
    fn for_server() -> Result<Option<Self>> {
        if !process::is_root() {
            return Ok(None);
        }
        let passwd =
            fs::read_to_string("/etc/passwd").context("cannot read the list of accounts")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::named(name, &passwd))
            .map(Some)
            .context("PostgreSQL refuses root, and there is no account `postgres` or `nobody`")
    }

    fn named(name: &str, passwd: &str) -> Option<Self> {
        let line = passwd
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(user)), Some(Ok(group))) => Some(Self { user, group }),
            _ => None,
        }
    }
}

/// A command that runs as the account, and that gets SIGINT when xtask dies, even by SIGKILL.
fn command_as(account: Option<&Account>, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if let Some(Account { user, group }) = account {
        command.args([format!("--reuid={user}"), format!("--regid={group}")]);
        command.arg("--clear-groups");
    }
    command.arg(program).current_dir(folder);
    command
}

/// The signals that would end us before we have cleaned up.
struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Interrupts {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Runs the command until it ends by itself: an interrupt is the command's affair, and we wait for it all the same.
    async fn run_to_end(mut self, command: Command) -> Result<ExitCode> {
        let shown = process::show(&command);
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .with_context(|| format!("cannot run `{shown}`"))?;
        let status = loop {
            let name = tokio::select! {
                status = child.wait() => break status?,
                // The terminal sends SIGINT to the command as well, and cargo-nextest takes a second one as "at once".
                _ = self.interrupt.recv() => continue,
                _ = self.terminate.recv() => "TERM",
                _ = self.hang_up.recv() => "HUP",
            };
            if let Some(id) = child.id() {
                send_signal(name, id);
            }
        };
        Ok(process::exit_code(status))
    }
}

async fn run_to_end(command: Command) -> Result<ExitCode> {
    Interrupts::listen()?.run_to_end(command).await
}

/// Through the shell's builtin: the workspace forbids `unsafe`, and slim systems have no `kill` program.
fn send_signal(name: &str, process_id: u32) {
    let sent =
        process::succeeds(Command::new("sh").args(["-c", &format!("kill -{name} {process_id}")]));
    if !sent {
        console::say(&format!(
            "with-postgres: process {process_id} is gone already"
        ));
    }
}

fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "tests fail by panicking")]
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\npostgres:x:104:110::/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn account_is_read_by_its_whole_name() {
        let Some(account) = Account::named("postgres", PASSWD) else {
            panic!("postgres is in the list");
        };
        assert_eq!((account.user, account.group), (104, 110));
        assert!(Account::named("post", PASSWD).is_none());
        assert!(Account::named("x", PASSWD).is_none());
    }

    #[test]
    fn account_without_numbers_is_none() {
        assert!(Account::named("odd", "odd:x:one:two::/:/bin/sh").is_none());
    }
}
