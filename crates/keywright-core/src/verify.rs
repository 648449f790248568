//! The heart: may this key do this, now? `judge` applies the rules of `spec/verify.md` in their
//! order and `settle` turns the judgement into the verdict. Nothing else in Keywright decides.

mod question;
mod trace;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::denial::Denial;
use crate::key::{Status, status};
use crate::limits::EXPIRY_WARNING_DAYS;
use crate::permission::Expression;
use crate::restriction::AddressDenial;
use crate::signature::SignatureError;
use crate::time::Timestamp;

pub use question::{KeyFacts, PresentedIn, Proof, Request};
pub use trace::{Rule, Step, Trace};

/// What `judge` found: a refusal, or that the rules are met.
pub type Judgement = Result<(), Denial>;

/// Applies the rules to a key that was found, cheapest first, and stops at the first refusal.
/// Never allocates but to explain, and to read the site of a request that has referrer rules.
pub fn judge(
    key: KeyFacts<'_>,
    request: &Request<'_>,
    now: Timestamp,
    trace: &mut impl Trace,
) -> Judgement {
    secret(key, request, trace)?;
    life(key, now, trace)?;
    environment(key, request, trace)?;
    place(key, request, trace)?;
    address(key, request, trace)?;
    if let Some(restrictions) = key.restrictions {
        restrictions.judge(&request.circumstances, now, trace)?;
    }
    permissions(key, request, trace)?;
    payload(key, request, trace)
}

fn secret(key: KeyFacts<'_>, request: &Request<'_>, trace: &mut impl Trace) -> Judgement {
    if let Some(proof) = request.signature {
        return signature(key, request, proof, trace);
    }
    let right = match (key.secret, request.secret.as_ref()) {
        (None, None) if !key.signed => return Ok(()),
        (Some(stored), Some(presented)) => stored.constant_time_eq(presented),
        // A pair without its secret, or a secret for a key that has none.
        (Some(_) | None, None) | (None, Some(_)) => false,
    };
    let denial = match (right, key.signed) {
        (true, false) => None,
        (true, true) => Some(Denial::SignatureRequired),
        (false, _) => Some(Denial::InvalidKey),
    };
    trace.step(Rule::Secret, denial.is_none(), || {
        String::from(if denial == Some(Denial::SignatureRequired) {
            "the secret is right, but requests with this key must be signed"
        } else {
            "the secret of the pair was compared"
        })
    });
    denial.map_or(Ok(()), Err)
}

/// Stands for the secret. That a signature is stale or used is only told once it is right.
fn signature(
    key: KeyFacts<'_>,
    request: &Request<'_>,
    proof: Proof,
    trace: &mut impl Trace,
) -> Judgement {
    let denial = match (key.signed && request.secret.is_none(), proof) {
        (true, Proof::Right) => None,
        (true, Proof::Replayed) => Some(Denial::SignatureReplayed),
        (true, Proof::Wrong(SignatureError::Stale)) => Some(Denial::SignatureExpired),
        (_, Proof::Wrong(_)) | (false, _) => Some(Denial::InvalidKey),
    };
    trace.step(Rule::Secret, denial.is_none(), || {
        match (key.signed, proof) {
            (false, _) => String::from("the key has no request signing"),
            (true, Proof::Right) => String::from("the signature of the request is right"),
            (true, Proof::Replayed) => String::from("the signature was used before"),
            (true, Proof::Wrong(error)) => format!("{error}"),
        }
    });
    denial.map_or(Ok(()), Err)
}

fn life(key: KeyFacts<'_>, now: Timestamp, trace: &mut impl Trace) -> Judgement {
    let status = status(key.state, key.not_before, key.expires_at, now);
    let rests = key
        .restrictions
        .and_then(|restrictions| restrictions.paused_until)
        .filter(|end| now < *end);
    let denial = match status {
        Status::Revoked => Some(Denial::Revoked),
        Status::Expired => Some(Denial::Expired),
        Status::Pending => Some(Denial::NotYetValid),
        Status::Disabled => Some(Denial::Disabled),
        Status::Active if key.tenant_active && key.owner_active => rests.map(|_| Denial::Paused),
        Status::Active => Some(Denial::Disabled),
    };
    trace.step(Rule::Status, denial.is_none(), || {
        let whose = match (key.tenant_active, key.owner_active, rests) {
            (false, ..) => "; its tenant is suspended",
            (true, false, _) => "; its owner is disabled",
            (true, true, Some(_)) => "; it is paused",
            (true, true, None) => "",
        };
        format!("the key is {}{whose}", status.as_str())
    });
    denial.map_or(Ok(()), Err)
}

fn environment(key: KeyFacts<'_>, request: &Request<'_>, trace: &mut impl Trace) -> Judgement {
    let Some(asked) = request.environment else {
        return Ok(());
    };
    let same = asked == key.environment;
    trace.step(Rule::Environment, same, || {
        format!(
            "the key is for `{}`, the request for `{asked}`",
            key.environment
        )
    });
    if same {
        Ok(())
    } else {
        Err(Denial::EnvironmentMismatch)
    }
}

fn place(key: KeyFacts<'_>, request: &Request<'_>, trace: &mut impl Trace) -> Judgement {
    if request.presented_in != PresentedIn::Query {
        return Ok(());
    }
    trace.step(Rule::Place, key.query_allowed, || {
        let whether = if key.query_allowed { "may" } else { "must not" };
        format!("the key was presented in a query, where it {whether} stand")
    });
    if key.query_allowed {
        Ok(())
    } else {
        Err(Denial::QueryNotAllowed)
    }
}

fn address(key: KeyFacts<'_>, request: &Request<'_>, trace: &mut impl Trace) -> Judgement {
    if key.addresses.is_empty() {
        return Ok(());
    }
    let verdict = key.addresses.judge(request.address);
    trace.step(Rule::Address, verdict.is_ok(), || {
        match (request.address, &verdict) {
            (None, _) => String::from("the key has address rules and the request gave no address"),
            (Some(address), Ok(())) => format!("{address} may use the key"),
            (Some(address), Err(AddressDenial::Denied { rule })) => {
                format!("{address} is denied by the rule {rule}")
            }
            (Some(address), Err(_)) => format!("{address} is not on the allow list"),
        }
    });
    verdict.map_err(|denial| match denial {
        AddressDenial::Required => Denial::IpRequired,
        AddressDenial::NotAllowed | AddressDenial::Denied { .. } => Denial::IpDenied,
    })
}

fn permissions(key: KeyFacts<'_>, request: &Request<'_>, trace: &mut impl Trace) -> Judgement {
    let Some(wanted) = request.permissions else {
        return Ok(());
    };
    let granted = wanted.evaluate(|scope| key.grants.allows(scope));
    trace.step(Rule::Permissions, granted, || {
        explain_permissions(key, wanted)
    });
    if granted {
        Ok(())
    } else {
        Err(Denial::InsufficientScope)
    }
}

fn explain_permissions(key: KeyFacts<'_>, wanted: &Expression) -> String {
    let missing = wanted.smallest_missing(|scope| key.grants.allows(scope));
    if missing.is_empty() {
        return format!("the key has `{wanted}`");
    }
    let names: Vec<&str> = missing.iter().map(AsRef::as_ref).collect();
    format!(
        "`{wanted}` is required; granting `{}` would be enough",
        names.join("`, `")
    )
}

fn payload(key: KeyFacts<'_>, request: &Request<'_>, trace: &mut impl Trace) -> Judgement {
    let Some(most) = key.payload_bytes_max else {
        return Ok(());
    };
    let fits = request.bytes <= most;
    trace.step(Rule::Payload, fits, || {
        format!("the body has {} bytes of at most {most}", request.bytes)
    });
    if fits {
        Ok(())
    } else {
        Err(Denial::PayloadTooLarge)
    }
}

/// What a check answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why not, or nothing.
    pub denial: Option<Denial>,
    /// What the holder should know, though the key passed.
    pub warning: Option<Warning>,
}

impl Verdict {
    /// Whether the key passed.
    #[must_use]
    pub const fn allowed(&self) -> bool {
        self.denial.is_none()
    }

    /// A refusal.
    #[must_use]
    pub const fn refused(denial: Denial) -> Self {
        Self {
            denial: Some(denial),
            warning: None,
        }
    }
}

/// What the holder of a key should know, though it passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The key ends within [`EXPIRY_WARNING_DAYS`] days.
    ExpiresSoon {
        /// When.
        at: Timestamp,
    },
}

/// Turns a judgement, and what the counters said where it allowed, into the verdict.
#[must_use]
pub fn settle(judgement: Judgement, key: KeyFacts<'_>, now: Timestamp) -> Verdict {
    match judgement {
        Err(denial) => Verdict::refused(denial),
        Ok(()) => Verdict {
            denial: None,
            warning: key
                .expires_at
                .filter(|end| *end <= now.plus_days(EXPIRY_WARNING_DAYS))
                .map(|at| Warning::ExpiresSoon { at }),
        },
    }
}

#[cfg(test)]
mod tests;
