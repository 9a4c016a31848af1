//! Who sees whom: a block hides each of the two from the other, wherever a post or a person is shown.
//!
//! This is SQL to put into statements, so that what is hidden is never read, counted or paged over.

/// The viewer who is not logged in. It is nobody's id, so nobody has blocked it.
pub(crate) const NOBODY: i64 = 0;

/// True where neither has blocked the other; both are SQL expressions, never text of a user.
pub(crate) fn no_block(one: &str, other: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM blocks b WHERE (b.blocker_id = {one} AND b.blocked_id = {other}) \
         OR (b.blocker_id = {other} AND b.blocked_id = {one}))"
    )
}

/// True where `viewer` may see the post that has the alias `post`: a repost is seen by whom both who
/// reposted and who wrote are seen.
pub(crate) fn visible(post: &str, viewer: &str) -> String {
    format!(
        "{} AND ({post}.repost_of_id IS NULL OR NOT EXISTS (SELECT 1 FROM posts o JOIN blocks b \
         ON (b.blocker_id = {viewer} AND b.blocked_id = o.author_id) \
         OR (b.blocker_id = o.author_id AND b.blocked_id = {viewer}) \
         WHERE o.id = {post}.repost_of_id))",
        no_block(&format!("{post}.author_id"), viewer)
    )
}
