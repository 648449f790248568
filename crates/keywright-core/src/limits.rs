//! The bounds of what Keywright stores. Nothing is unbounded: each has a number and a reason.

/// Bytes of a name: fits a table cell and any sentence about it.
pub const NAME_BYTES_MAX: usize = 200;
/// Bytes of a description: a paragraph.
pub const DESCRIPTION_BYTES_MAX: usize = 2_000;
/// Bytes of metadata as JSON text (requirement A7).
pub const METADATA_BYTES_MAX: usize = 16 * 1024;
/// Tags of a key: more are categories, which metadata holds better.
pub const TAGS_MAX: usize = 32;
/// Bytes of a tag: a word or two.
pub const TAG_BYTES_MAX: usize = 64;
/// Bytes of an end customer's identifier in the operator's own system.
pub const EXTERNAL_ID_BYTES_MAX: usize = 256;
/// Grants of a key or a role: above this, a role or a wildcard says it better.
pub const GRANTS_MAX: usize = 200;
/// Roles of a key.
pub const KEY_ROLES_MAX: usize = 32;
/// Roles of a tenant.
pub const TENANT_ROLES_MAX: usize = 500;
/// Plans of a tenant.
pub const TENANT_PLANS_MAX: usize = 500;
/// Environments of a tenant.
pub const ENVIRONMENTS_MAX: usize = 32;
/// Rules of a tenant's expiry policy.
pub const EXPIRY_RULES_MAX: usize = 64;
/// Days of the longest finite life: a century; longer is "never" in disguise.
pub const EXPIRY_DAYS_MAX: u32 = 36_500;
/// Bytes of an e-mail address (RFC 5321, 4.5.3.1.3: a path of 256 with its brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Bytes of a tenant's slug: stands in URLs and logs.
pub const SLUG_BYTES_MAX: usize = 63;
/// Sites, apps or countries on one list of a key's restrictions: all countries fit.
pub const RESTRICTIONS_MAX: usize = 256;
/// Time windows of a key: one for each day of the week, twice.
pub const TIME_WINDOWS_MAX: usize = 14;
/// Days before expiry from which a check's answer warns (requirement F4's first warning).
pub const EXPIRY_WARNING_DAYS: u32 = 30;
/// The largest number of a limit: far above any service, and its sums and products fit 128 bits.
pub const LIMIT_MAX: u64 = 1_000_000_000_000;
/// Gigabytes a day of a transfer limit: a petabyte.
pub const TRANSFER_GB_MAX: u32 = 1_000_000;
/// Megabits a second of a transfer limit: a terabit.
pub const TRANSFER_MBPS_MAX: u32 = 1_000_000;
/// Seconds over which a burst's allowance refills: the longest month, the longest period of a limit.
pub const BURST_WINDOW_SECONDS_MAX: u32 = 31 * 24 * 60 * 60;
/// Concurrent requests of a limit: each holds some 24 bytes while it runs.
pub const CONCURRENCY_MAX: u32 = 10_000;
/// Meters of a key or a plan: a check looks at each.
pub const METERS_MAX: usize = 16;
/// Bytes of a meter's name.
pub const METER_NAME_BYTES_MAX: usize = 32;
/// Milliseconds of a target latency: an hour; a slower service is down.
pub const TARGET_LATENCY_MS_MAX: u32 = 60 * 60 * 1000;
/// Units that a node leases ahead of use at once: bounds what a crash forfeits.
pub const CHUNK_MAX: u64 = 10_000;
