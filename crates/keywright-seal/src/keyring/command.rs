//! Running the operator's command that prints the keyring: bounded in time and output.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::keyring::MAX_TEXT_BYTES;
use crate::keyring::source::CommandProblem;

/// Time a keyring command may take: a vault over the network answers in one or two seconds.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Runs `sh -c command` and gives what it printed, at most one byte more than a keyring may have.
pub(super) fn run(
    command: &str,
    time_limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, CommandProblem> {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    // A group of its own, so that the time limit also ends what the shell started.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    let child = shell.spawn()?;
    let process_id = child.id();
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // Nobody listens any more after the time limit.
        let _ = sender.send(read_and_wait(child));
    });
    receiver.recv_timeout(time_limit).unwrap_or_else(|_| {
        end_group(process_id);
        Err(CommandProblem::TimeLimit)
    })
}

fn read_and_wait(mut child: Child) -> Result<Zeroizing<Vec<u8>>, CommandProblem> {
    let limit = MAX_TEXT_BYTES.saturating_add(1);
    let mut output = Zeroizing::new(Vec::with_capacity(limit));
    if let Some(stdout) = child.stdout.take() {
        // The pipe closes after this, so a command that says more ends by itself.
        stdout.take(limit as u64).read_to_end(&mut output)?;
    }
    if output.len() == limit {
        end_group(child.id());
        child.wait()?;
        return Ok(output);
    }
    match child.wait()? {
        status if status.success() => Ok(output),
        status => Err(CommandProblem::Failed(status)),
    }
}

#[cfg(unix)]
fn end_group(process_id: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(process_id).ok().and_then(Pid::from_raw) {
        // It may have ended in this moment, which is as good.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_: u32) {}
