//! Hardening of the running process: its memory holds root keys, so it must not be
//! dumped to disk or read by another process of the same user.

/// Switches off core dumps and attaching for this process (Linux: `PR_SET_DUMPABLE`,
/// which also closes `/proc/self/environ` and `/proc/self/mem`; any Unix: `RLIMIT_CORE` 0).
///
/// # Errors
/// What the operating system answered; the caller may warn and go on.
#[cfg(unix)]
pub fn forbid_dumps() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Nothing to do where there are no core dumps.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn forbid_dumps() -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn process_is_not_dumpable_afterwards() {
        forbid_dumps().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
