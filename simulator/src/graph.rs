//! Who talks with whom.

use std::collections::BTreeSet;

use crate::random::Random;

/// The shape of a herd. All are connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// One after the other.
    Path,
    /// The same, and the last talks with the first.
    Ring,
    /// All talk with the first.
    Star,
    /// Each but the first talks with two that come after it, at most.
    Tree,
    /// Each but the first talks with some earlier one, and there are as many pairs again.
    Random,
    /// All talk with all.
    Mesh,
}

pub(crate) const SHAPES: [Shape; 6] =
    [Shape::Path, Shape::Ring, Shape::Star, Shape::Tree, Shape::Random, Shape::Mesh];

impl Shape {
    /// What one calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Ring => "ring",
            Self::Star => "star",
            Self::Tree => "tree",
            Self::Random => "random graph",
            Self::Mesh => "full mesh",
        }
    }

    /// The pairs of `count` servers, each with the smaller number first, in order.
    pub(crate) fn pairs(self, count: usize, random: &mut Random) -> Vec<(usize, usize)> {
        let mut pairs = BTreeSet::new();
        for at in 1..count {
            match self {
                Self::Path => drop(pairs.insert((at - 1, at))),
                Self::Ring => pairs.extend([(at - 1, at), (0, count - 1)]),
                Self::Star => drop(pairs.insert((0, at))),
                Self::Tree => drop(pairs.insert(((at - 1) / 2, at))),
                Self::Random => drop(pairs.insert((random.place(at), at))),
                Self::Mesh => pairs.extend((0..at).map(|other| (other, at))),
            }
        }
        if self == Self::Random {
            for _ in 0..count {
                let (a, b) = (random.place(count), random.place(count));
                if a != b {
                    pairs.insert((a.min(b), a.max(b)));
                }
            }
        }
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_connected() {
        for shape in SHAPES {
            for count in 2..40 {
                let pairs = shape.pairs(count, &mut Random::new(count as u64));
                let mut reached = BTreeSet::from([0]);
                for _ in 0..count {
                    for (a, b) in &pairs {
                        assert!(a < b && *b < count);
                        if reached.contains(a) || reached.contains(b) {
                            reached.extend([*a, *b]);
                        }
                    }
                }
                assert_eq!(reached.len(), count, "{}", shape.name());
            }
        }
    }
}
