//! How many connections a client address has open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client_address::SourceNetwork;

/// Open connections by network; an address without any takes no room.
#[derive(Debug)]
pub(super) struct Admission {
    each: usize,
    open: Mutex<HashMap<SourceNetwork, usize>>,
}

/// One admitted connection, until dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    network: SourceNetwork,
}

impl Admission {
    pub(super) fn new(each: usize) -> Arc<Self> {
        Arc::new(Self {
            each,
            open: Mutex::default(),
        })
    }

    /// Counts a connection of `peer`, or `None` when it has its fill.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admitted> {
        let network = SourceNetwork::of(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Admitted {
            admission: Arc::clone(self),
            network,
        })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self
            .admission
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn an_address_has_its_fill_until_one_of_its_connections_ends() {
        let admission = Admission::new(2);
        let peer = "2001:db8::1".parse().unwrap();
        let neighbour = "2001:db8::ffff".parse().unwrap();
        let other = "2001:db8:0:1::1".parse().unwrap();
        let first = admission.admit(peer).unwrap();
        let _second = admission.admit(neighbour).unwrap();
        assert!(admission.admit(peer).is_none());
        let elsewhere = admission.admit(other).unwrap();
        drop(first);
        assert!(admission.admit(peer).is_some());
        drop(elsewhere);
        assert_eq!(admission.open.lock().unwrap().len(), 1);
    }
}
