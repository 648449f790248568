//! The RFC 6962 Merkle tree, as far as appending needs it: the roots of its perfect subtrees.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::Hash;

/// The hash of an inner node (RFC 6962, 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The right edge of a Merkle tree: enough to append to it and to know its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// INVARIANT: one root for each set bit of `size`, the largest subtree first.
    roots: Vec<Hash>,
}

impl Frontier {
    /// Leaves in the tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Hash) {
        let mut right = leaf_hash;
        // Each trailing one bit of the size is a subtree that this leaf completes to a larger one.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                right = node_hash(&left, &right);
            }
        }
        self.roots.push(right);
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree; of an empty one, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => Sha256::new().finalize().into(),
            Some(smallest) => roots.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }

    /// As bytes: the size, then the roots.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.roots.iter().flatten());
        bytes
    }

    /// From bytes; `None` when they are not such.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (roots, rest) = rest.as_chunks::<32>();
        let fits = rest.is_empty() && roots.len() == size.count_ones() as usize;
        fits.then(|| Self {
            size,
            roots: roots.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::leaf_hash;

    /// RFC 6962's own definition, word for word.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::new().finalize().into(),
            [leaf] => *leaf,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(half);
                node_hash(&naive(left), &naive(right))
            }
        }
    }

    #[test]
    fn the_root_is_the_one_of_the_definition_at_every_size() {
        let mut frontier = Frontier::default();
        let mut leaves = Vec::new();
        for number in 0..130_u8 {
            assert_eq!(frontier.root(), naive(&leaves), "{number} leaves");
            assert_eq!(
                Frontier::decode(&frontier.encode()).as_ref(),
                Some(&frontier)
            );
            let hash = leaf_hash(&[number]);
            frontier.push(hash);
            leaves.push(hash);
        }
    }

    #[test]
    fn bytes_that_are_no_frontier_are_refused() {
        let mut frontier = Frontier::default();
        frontier.push([1; 32]);
        let bytes = frontier.encode();
        for cut in 0..bytes.len() {
            assert_eq!(
                Frontier::decode(bytes.get(..cut).unwrap_or_default()),
                None,
                "{cut}"
            );
        }
    }
}
