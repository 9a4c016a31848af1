//! What fields cost, beside what is below them.

/// What a list costs beside its entries: a statement.
const STATEMENT: usize = 25;

/// What a search, a count of tags or a password costs.
pub(super) const HEAVY: usize = 2000;

/// What a page costs of which each entry costs `entry`.
pub(super) fn page_cost(first: i32, entry: usize) -> usize {
    let entries = usize::try_from(first.clamp(1, crate::page::MAX_PAGE)).unwrap_or(1);
    // A sum of those that a request has room for is still a number.
    STATEMENT + entries.saturating_mul(entry).min(1 << 40)
}
