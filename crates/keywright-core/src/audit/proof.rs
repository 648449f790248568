//! Proofs over the trail's Merkle tree (RFC 9162, 2.1.3 and 2.1.4): that a leaf is in it, and that a
//! larger tree continues a smaller one. Pure functions over hashes; nothing here reads leaves.

use alloc::vec::Vec;

use super::{Frontier, Hash, node_hash};

/// The hashes beside the way from leaf `index` to the root of `leaves`; `None` when there is no such
/// leaf.
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    leaves.get(index)?;
    let mut proof = Vec::new();
    let (mut part, mut index) = (leaves, index);
    while part.len() > 1 {
        let (left, right) = halves(part);
        if index < left.len() {
            proof.push(root(right));
            part = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            part = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Whether leaf `index` of a tree of `size` leaves with this root has this hash.
#[must_use]
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf_hash;
    for beside in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(beside, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, beside);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// The hashes that show that `leaves` continue their first `before`; `None` when there are fewer, or
/// `before` is 0, of which nothing needs to be shown.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], before: usize) -> Option<Vec<Hash>> {
    if before == 0 || before > leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    // Whether the part that is left is a whole tree that the verifier knows as the former root.
    let (mut part, mut before, mut known) = (leaves, before, true);
    while before < part.len() {
        let (left, right) = halves(part);
        if before <= left.len() {
            proof.push(root(right));
            part = left;
        } else {
            proof.push(root(left));
            before -= left.len();
            part = right;
            known = false;
        }
    }
    if !known {
        proof.push(root(part));
    }
    proof.reverse();
    Some(proof)
}

/// Whether a tree of `size` leaves continues one of `before` leaves: a checkpoint that was kept holds.
#[must_use]
pub fn verify_consistency(
    before: u64,
    former: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> bool {
    if before == 0 || before > size {
        return false;
    }
    if before == size {
        return proof.is_empty() && former == root;
    }
    // A perfect former tree is a node of the new one, and stands at the begin of its own proof.
    let mut hashes = before
        .is_power_of_two()
        .then_some(former)
        .into_iter()
        .chain(proof);
    let Some(first) = hashes.next() else {
        return false;
    };
    let (mut node, mut last) = (before - 1, size - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old, mut new) = (*first, *first);
    for beside in hashes {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(beside, &old);
            new = node_hash(beside, &new);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, beside);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old == *former && new == *root
}

/// The largest perfect tree that is not the whole, and the rest (RFC 9162, 2.1.1).
fn halves(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(leaves.len().next_power_of_two() / 2)
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )]
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::audit::leaf_hash;

    /// Every tree up to this size, and every index and former size in it.
    const SIZES: usize = 34;

    fn trees() -> (Vec<Hash>, Vec<Hash>) {
        let leaves: Vec<Hash> = (0..SIZES)
            .map(|number| leaf_hash(format!("{number}").as_bytes()))
            .collect();
        let roots = (0..=SIZES).map(|size| root(&leaves[..size])).collect();
        (leaves, roots)
    }

    fn number(size: usize) -> u64 {
        u64::try_from(size).unwrap()
    }

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The roots of the reference tree of Certificate Transparency's test suites.
    #[test]
    fn roots_are_those_of_the_certificate_transparency_reference_tree() {
        let inputs: [&[u8]; 8] = [
            b"",
            &[0],
            &[0x10],
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves: Vec<Hash> = inputs.iter().map(|input| leaf_hash(input)).collect();
        for (index, expected) in roots.iter().enumerate() {
            assert_eq!(
                hex(&root(&leaves[..=index])),
                *expected,
                "{} leaves",
                index + 1
            );
        }
    }

    #[test]
    fn every_leaf_of_every_tree_is_proven_and_nothing_else_is() {
        let (leaves, roots) = trees();
        for size in 1..=SIZES {
            for index in 0..size {
                let proof = inclusion_proof(&leaves[..size], index).unwrap();
                let holds = |leaf: usize, at: usize, of: usize, proof: &[Hash]| {
                    verify_inclusion(&leaves[leaf], number(at), number(of), proof, &roots[size])
                };
                assert!(holds(index, index, size, &proof), "{index} of {size}");
                assert!(
                    !holds((index + 1) % SIZES, index, size, &proof),
                    "another leaf"
                );
                assert!(!holds(index, size, size, &proof), "beyond the tree");
                for other in (0..size).filter(|other| *other != index) {
                    assert!(
                        !holds(index, other, size, &proof),
                        "{index} as {other} of {size}"
                    );
                }
                let mut longer = proof.clone();
                longer.push(leaves[0]);
                assert!(!holds(index, index, size, &longer), "a longer proof");
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!holds(index, index, size, shorter), "a shorter proof");
                }
                for place in 0..proof.len() {
                    let mut turned = proof.clone();
                    turned[place][31] ^= 1;
                    assert!(!holds(index, index, size, &turned), "a turned bit");
                }
            }
            assert_eq!(inclusion_proof(&leaves[..size], size), None);
        }
    }

    #[test]
    fn every_tree_is_shown_to_continue_every_smaller_one_and_no_other() {
        let (leaves, roots) = trees();
        for size in 1..=SIZES {
            for before in 1..=size {
                let proof = consistency_proof(&leaves[..size], before).unwrap();
                let holds = |from: usize, former: &Hash, to: usize, proof: &[Hash]| {
                    verify_consistency(number(from), former, number(to), &roots[size], proof)
                };
                let former = &roots[before];
                assert!(holds(before, former, size, &proof), "{before} to {size}");
                assert!(
                    !holds(before, &leaves[before - 1], size, &proof) || before == 1,
                    "another past"
                );
                for other in (1..=size).filter(|other| *other != before) {
                    assert!(
                        !holds(other, former, size, &proof),
                        "{before} as {other} to {size}"
                    );
                }
                let mut longer = proof.clone();
                longer.push(leaves[0]);
                assert!(!holds(before, former, size, &longer), "a longer proof");
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!holds(before, former, size, shorter), "a shorter proof");
                }
                for place in 0..proof.len() {
                    let mut turned = proof.clone();
                    turned[place][0] ^= 1;
                    assert!(!holds(before, former, size, &turned), "a turned bit");
                }
            }
            assert_eq!(consistency_proof(&leaves[..size], 0), None);
            assert_eq!(consistency_proof(&leaves[..size], size + 1), None);
        }
    }
}
