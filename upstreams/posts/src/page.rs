//! Pages of a list: how many, and after which one.

use crate::Error;

/// The most entries of a page.
pub(crate) const MAX_PAGE: i32 = 100;

/// Which part of a list is asked for. A cursor is the id of the last entry of the page before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Page {
    first: i64,
    after: Option<i64>,
}

impl Page {
    /// Takes what a user wrote.
    ///
    /// # Errors
    ///
    /// When it is not 1 to [`MAX_PAGE`] entries, or no cursor of ours.
    pub(crate) fn new(first: i32, after: Option<&str>) -> Result<Self, Error> {
        if !(1..=MAX_PAGE).contains(&first) {
            return Err(Error::Invalid(format!("`first` is 1 to {MAX_PAGE}")));
        }
        let after = after
            .map(|cursor| id(cursor).ok_or_else(|| Error::Invalid("`after` is no cursor".into())))
            .transpose()?;
        Ok(Self { first: first.into(), after })
    }

    /// How many rows to read: one more than are shown, to know whether another page follows.
    pub(crate) fn limit(self) -> i64 {
        self.first + 1
    }

    /// Where the list goes down: ids below this.
    pub(crate) fn below(self) -> i64 {
        self.after.unwrap_or(i64::MAX)
    }

    /// Where the list goes up: ids above this.
    pub(crate) fn above(self) -> i64 {
        self.after.unwrap_or(-1)
    }

    /// Takes the row that was read beyond the page off, and says whether it was there.
    pub(crate) fn cut<T>(self, rows: &mut Vec<T>) -> bool {
        let first = usize::try_from(self.first).unwrap_or(usize::MAX);
        let has_next = rows.len() > first;
        rows.truncate(first);
        has_next
    }
}

/// An id as users write it.
pub(crate) fn id(text: &str) -> Option<i64> {
    let is_plain = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_cursors_have_limits() {
        for (first, after) in [
            (0, None),
            (-1, None),
            (101, None),
            (1, Some("")),
            (1, Some("-1")),
            (1, Some("1 OR 1")),
        ] {
            assert!(Page::new(first, after).is_err(), "{first} {after:?}");
        }
        let page = Page::new(2, Some("77")).unwrap();
        assert_eq!((page.limit(), page.below(), page.above()), (3, 77, 77));

        let mut rows = vec![3, 2, 1];
        assert!(page.cut(&mut rows));
        assert_eq!(rows, [3, 2]);
        assert!(!page.cut(&mut rows));
    }
}
