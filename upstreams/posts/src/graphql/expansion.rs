//! How much a document expands to, counted before the library looks at it.
//!
//! The library walks into a fragment wherever it is spread, again each time, to check the depth, to validate and
//! to add up the complexity. A few fragments that spread each other twice make that a walk without end, which no
//! time-out interrupts, for it never waits. Here every fragment is walked once and its size is remembered.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::nesting::MAX_NESTING;
use crate::Error;

/// The most selections and arguments that a document may expand to: more than any within the limit on
/// complexity needs.
const MAX_SELECTIONS: usize = 10_000;

/// The most `__typename`s of one object: to the library they cost nothing, and in a list they multiply.
const MAX_TYPENAMES: usize = 32;

/// Refuses a document that expands to more than [`MAX_SELECTIONS`], or without end.
pub(crate) fn check(document: &ExecutableDocument) -> Result<(), Error> {
    let mut count = Count { document, fragments: HashMap::new(), merged: 0, typenames: 0 };
    let mut whole = Size::default();
    for (_, operation) in document.operations.iter() {
        whole.add(0, count.selection_set(&operation.node.selection_set.node, 0));
    }
    // Those that nothing spreads are validated, too.
    #[expect(clippy::disallowed_methods, reason = "a sum is the same in any order")]
    for name in document.fragments.keys() {
        whole.add(0, count.fragment(name, 0));
    }
    if whole.expanded.saturating_add(count.merged) > MAX_SELECTIONS {
        let why = format!("the query expands to more than {MAX_SELECTIONS} selections");
        return Err(Error::Invalid(why));
    }
    if count.typenames > MAX_TYPENAMES {
        let why =
            format!("the query asks for more than {MAX_TYPENAMES} `__typename`s of an object");
        return Err(Error::Invalid(why));
    }
    Ok(())
}

/// What a selection set expands to.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// With all that is selected below its fields.
    expanded: usize,
    /// Without: its own fields and those of the fragments in it, which the library compares with each other.
    flat: usize,
    /// How many of the latter are `__typename`.
    typenames: usize,
}

impl Size {
    const ENDLESS: Self = Self { expanded: usize::MAX, flat: usize::MAX, typenames: usize::MAX };

    fn add(&mut self, own: usize, below: Self) {
        self.expanded = self.expanded.saturating_add(own).saturating_add(below.expanded);
        self.flat = self.flat.saturating_add(own).saturating_add(below.flat);
        self.typenames = self.typenames.saturating_add(below.typenames);
    }
}

#[derive(Debug)]
struct Count<'d> {
    document: &'d ExecutableDocument,
    /// The sizes of the fragments that were met.
    fragments: HashMap<&'d str, Size>,
    /// What there is to compare in all selection sets that were met.
    merged: usize,
    /// The most `__typename`s in one of them.
    typenames: usize,
}

impl<'d> Count<'d> {
    fn selection_set(&mut self, set: &'d SelectionSet, depth: usize) -> Size {
        if depth > MAX_NESTING {
            return Size::ENDLESS;
        }
        let mut size = Size::default();
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let below = self.selection_set(&field.node.selection_set.node, depth + 1);
                    let typenames = usize::from(field.node.name.node == "__typename");
                    let own = 1 + field.node.arguments.len();
                    size.add(own, Size { flat: 0, typenames, ..below });
                }
                Selection::InlineFragment(fragment) => {
                    let below = self.selection_set(&fragment.node.selection_set.node, depth + 1);
                    size.add(1, below);
                }
                Selection::FragmentSpread(spread) => {
                    size.add(1, self.fragment(&spread.node.fragment_name.node, depth + 1));
                }
            }
        }
        self.merged = self.merged.saturating_add(size.flat);
        self.typenames = self.typenames.max(size.typenames);
        size
    }

    fn fragment(&mut self, name: &'d str, depth: usize) -> Size {
        if let Some(known) = self.fragments.get(name) {
            return *known;
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Size::default() };
        // What spreads itself comes by here again before its size is known.
        self.fragments.insert(name, Size::ENDLESS);
        let size = self.selection_set(&fragment.node.selection_set.node, depth);
        self.fragments.insert(name, size);
        size
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn fragments_that_double_are_too_much_without_walking_them() {
        assert!(is_too_much_of(&multiplying(30, 2)));
        assert!(is_too_much_of(&multiplying(10, 100)));
        assert!(is_too_much_of(&multiplying(60, 3)));
        assert!(!is_too_much_of(&multiplying(4, 2)));
    }

    #[test]
    fn many_spreads_of_a_large_fragment_are_too_much() {
        let wide = |spreads: usize, fields: &str| {
            format!("{{ {} }} fragment f on User {{ {fields} }}", "me { ...f } ".repeat(spreads))
        };
        assert!(is_too_much_of(&wide(2000, &"id ".repeat(3000))));
        // Arguments are compared each with each.
        let many: String = (0..2000).map(|n| format!("a{n}: 1 ")).collect();
        assert!(is_too_much_of(&wide(2000, &format!("posts({many}) posts({many})"))));
        assert!(!is_too_much_of(&wide(20, &"id ".repeat(30))));
    }

    #[test]
    fn what_nests_in_inline_fragments_is_compared_at_each_of_them() {
        let nested = |n: usize, fields: usize| {
            format!("{{ {} {} {} }}", "... {".repeat(n), "id ".repeat(fields), "}".repeat(n))
        };
        assert!(is_too_much_of(&nested(30, 1000)));
        assert!(!is_too_much_of(&nested(3, 1000)));
    }

    #[test]
    fn cycles_and_chains_without_end_are_too_much_even_where_nothing_spreads_them() {
        assert!(is_too_much_of("{ ...a } fragment a on Query { ...a }"));
        assert!(is_too_much_of("{ id } fragment a on Q { ...b } fragment b on Q { ...a }"));
        let chain: String =
            (0..1500).map(|n| format!("fragment f{n} on Q {{ ...f{} }} ", n + 1)).collect();
        assert!(is_too_much_of(&format!("{{ id }} {chain}")));
        assert!(!is_too_much_of("{ ...unknown }"));
    }

    #[test]
    fn an_object_has_few_type_names() {
        let named = |n: usize| {
            let names: String = (0..n).map(|n| format!("a{n}: __typename ")).collect();
            format!("{{ posts {{ __typename ...f }} me {{ ...f }} }} fragment f on P {{ {names} }}")
        };
        assert!(is_too_much_of(&named(MAX_TYPENAMES)));
        assert!(!is_too_much_of(&named(MAX_TYPENAMES - 1)));
    }

    /// Fragments of which each spreads the next a number of times.
    fn multiplying(fragments: usize, times: usize) -> String {
        let mut document = format!("{{ {} }} ", "...f0 ".repeat(times));
        for n in 1..fragments {
            let spreads = format!("...f{n} ").repeat(times);
            document += &format!("fragment f{} on Query {{ {spreads} }} ", n - 1);
        }
        document + &format!("fragment f{} on Query {{ __typename }}", fragments - 1)
    }

    fn is_too_much_of(document: &str) -> bool {
        check(&parse_query(document).unwrap()).is_err()
    }
}
