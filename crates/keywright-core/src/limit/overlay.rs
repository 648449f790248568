//! A key's own limits over those of its plan.

use super::{Limits, Requests, Transfer};

impl Limits {
    /// These limits, and from `plan` what they do not set. How requests are counted, and whether
    /// exactly, comes from whoever sets the limit of requests: the key if it sets any, else the plan.
    #[must_use]
    pub fn over(&self, plan: &Self) -> Self {
        let (own, base) = (self.requests, plan.requests);
        let counts = own.set().next().is_some();
        let counting = if counts { self } else { plan };
        let mut meters = self.meters.clone();
        for meter in &plan.meters {
            if !meters.iter().any(|own| own.name == meter.name) {
                meters.push(meter.clone());
            }
        }
        Self {
            requests: Requests {
                second: own.second.or(base.second),
                minute: own.minute.or(base.minute),
                hour: own.hour.or(base.hour),
                day: own.day.or(base.day),
                month: own.month.or(base.month),
            },
            algorithm: counting.algorithm,
            exact: counting.exact,
            burst: if counts {
                self.burst
            } else {
                self.burst.or(plan.burst)
            },
            concurrency: self.concurrency.or(plan.concurrency),
            payload_bytes_max: self.payload_bytes_max.or(plan.payload_bytes_max),
            transfer: Transfer {
                upload_mbps: self.transfer.upload_mbps.or(plan.transfer.upload_mbps),
                download_mbps: self.transfer.download_mbps.or(plan.transfer.download_mbps),
                total_gb_per_day: self
                    .transfer
                    .total_gb_per_day
                    .or(plan.transfer.total_gb_per_day),
            },
            credits: self.credits.or(plan.credits),
            meters,
            adaptive: self.adaptive.or(plan.adaptive),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloc::string::ToString;

    use super::*;

    #[test]
    fn what_a_key_sets_outranks_its_plan() {
        let over = |own: &str, plan: &str| {
            let own: Limits = own.parse().unwrap();
            own.over(&plan.parse().unwrap()).to_string()
        };
        let plan = "per_second=10 per_day=100 algorithm=token_bucket burst=20/5 exact=true meter:a=1 meter:b=2";
        assert_eq!(over("", plan), plan);
        assert_eq!(
            over("per_day=200 meter:b=3", plan),
            "per_second=10 per_day=200 meter:b=3 meter:a=1"
        );
        assert_eq!(
            over("concurrency=5", "concurrency=9 gb_per_day=1"),
            "concurrency=5 gb_per_day=1"
        );
    }
}
