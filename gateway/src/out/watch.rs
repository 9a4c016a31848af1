//! What one subscriber has seen, and what is news to it.
//!
//! Nothing is queued for a subscriber. It remembers the version of the table it has seen, and which clients it has
//! been told of; when it can take more, it is told how those are by then that have changed. So one that is slow is
//! told of each client once, and one that does not read at all costs no more than this.

use std::collections::HashMap;

use crate::replica::{Bounds, Found, Handle, Table};

/// Which clients somebody wants to know of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Interest {
    /// Those in a box.
    Within(Bounds),
    /// Those of these IDs.
    Of(Vec<Vec<u8>>),
}

impl Interest {
    /// Calls `each` for the clients of interest that have changed after version `since`, until it says `false`.
    fn each<'a>(&self, table: &'a Table, since: u64, mut each: impl FnMut(Found<'a>) -> bool) {
        match self {
            Self::Within(bounds) => table.within(*bounds, since, each),
            Self::Of(ids) => {
                let found = ids.iter().filter_map(|id| table.client(id));
                _ = found.filter(|found| found.version > since).all(&mut each);
            }
        }
    }
}

/// What one subscriber has seen. `L` is what it calls a client.
#[derive(Debug)]
pub(super) struct Watch<L> {
    interest: Interest,
    /// The most clients it is told of.
    limit: usize,
    /// The version of the table it has seen.
    seen: u64,
    /// Whether it has seen nothing of what it is interested in but what it knows.
    is_new: bool,
    /// Whether it was told of clients that it does not know any more, by a watch before this one.
    is_resumed: bool,
    /// Whether there were clients for which there was no room.
    more: bool,
    known: HashMap<Handle, L>,
}

/// What is news: clients that have changed, and those it was told of that have left or are forgotten.
#[derive(Debug)]
pub(super) struct News<'a, L> {
    pub(super) changed: Vec<Found<'a>>,
    pub(super) gone: Vec<L>,
    /// Whether there are clients it is not told of for want of room.
    pub(super) more: bool,
}

impl<L: Clone> Watch<L> {
    /// Has seen the table at version `seen`; 0 is nothing of it.
    pub(super) fn new(interest: Interest, limit: usize, seen: u64) -> Self {
        let is_resumed = seen > 0;
        Self {
            interest,
            limit,
            seen,
            is_new: false,
            is_resumed,
            more: false,
            known: HashMap::new(),
        }
    }

    /// Wants to know of others from now on. What it knows already and still wants is not told again.
    pub(super) fn turn_to(&mut self, interest: Interest) {
        self.interest = interest;
        // Clients that have come into view need not have changed.
        self.is_new = true;
    }

    /// What is news, each client that is new to it being called `name` of it.
    pub(super) fn news<'a>(
        &mut self,
        table: &'a Table,
        mut name: impl FnMut(&Found<'a>) -> L,
    ) -> News<'a, L> {
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        if core::mem::take(&mut self.is_resumed) {
            self.know_again(table, &mut name);
        }
        let seen = self.seen;
        let since = if self.is_new { 0 } else { seen };
        let interest = &self.interest;
        // Clients that are forgotten, or elsewhere.
        self.known.retain(|handle, name| {
            let stays = table.by_handle(*handle).is_some_and(|found| match interest {
                Interest::Within(bounds) => bounds.contains(found.latitude, found.longitude),
                Interest::Of(_) => true,
            });
            if !stays {
                gone.push(name.clone());
            }
            stays
        });
        let (limit, known) = (self.limit, &mut self.known);
        // Those for whom there was no room need not have changed since.
        let fills_up = self.more && since > 0;
        let mut more = fills_up && known.len() >= limit;
        let mut see = |found: Found<'a>| {
            if known.contains_key(&found.handle) {
                if found.version > seen {
                    changed.push(found);
                }
            } else if known.len() < limit {
                known.insert(found.handle, name(&found));
                changed.push(found);
            } else {
                more = true;
            }
        };
        interest.each(table, since, |found| {
            see(found);
            true
        });
        if fills_up && !more {
            interest.each(table, 0, |found| {
                if !known.contains_key(&found.handle) {
                    more = known.len() >= limit;
                    if !more {
                        known.insert(found.handle, name(&found));
                        changed.push(found);
                    }
                }
                !more
            });
        }
        self.more = more;
        self.seen = table.version();
        self.is_new = false;
        News { changed, gone, more }
    }

    /// Knows what it was told of by version `seen`, without its being told again: who of them leaves is gone.
    fn know_again<'a>(&mut self, table: &'a Table, name: &mut impl FnMut(&Found<'a>) -> L) {
        let Self { interest, limit, seen, known, more, .. } = self;
        interest.each(table, 0, |found| {
            if found.version <= *seen {
                *more = known.len() >= *limit;
                if !*more {
                    known.insert(found.handle, name(&found));
                }
            }
            !*more
        });
    }

    /// The version it has seen.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// What it calls a client it knows.
    pub(super) fn name_of(&self, handle: Handle) -> Option<&L> {
        self.known.get(&handle)
    }

    /// How many clients it knows.
    pub(super) fn count(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use crate::replica::{Record, Replica};

    use super::*;

    fn report(replica: &Replica, client: &str, latitude: u32, time: u32) {
        let line = format!("AT Hill +0.1 {client} +{latitude}+1 {time}");
        replica.apply(Record::of_line(line.as_bytes()));
    }

    fn news(watch: &mut Watch<String>, replica: &Replica) -> (Vec<String>, Vec<String>) {
        replica.read(|table| {
            let name =
                |found: &Found<'_>| String::from_utf8_lossy(found.record.client()).into_owned();
            let News { changed, mut gone, .. } = watch.news(table, name);
            let mut changed: Vec<_> = changed.iter().map(name).collect();
            changed.sort();
            gone.sort();
            (changed, gone)
        })
    }

    fn near_the_equator() -> Interest {
        Interest::Within(Bounds { south: 0.0, north: 10.0, ..Bounds::WORLD })
    }

    #[test]
    fn a_client_is_told_of_once_however_often_it_has_moved() {
        let replica = Replica::new(10);
        let mut watch = Watch::new(near_the_equator(), 10, 0);
        report(&replica, "a", 1, 1);
        report(&replica, "b", 20, 1);
        assert_eq!(news(&mut watch, &replica), (vec!["a".into()], vec![]));
        assert_eq!(news(&mut watch, &replica), (vec![], vec![]));
        for time in 2..50 {
            report(&replica, "a", time % 10, time);
        }
        assert_eq!(news(&mut watch, &replica), (vec!["a".into()], vec![]));
    }

    #[test]
    fn who_leaves_the_box_or_the_table_is_gone() {
        let replica = Replica::new(10);
        let mut watch = Watch::new(near_the_equator(), 10, 0);
        report(&replica, "a", 1, 1);
        report(&replica, "b", 1, 1);
        news(&mut watch, &replica);
        report(&replica, "a", 20, 2);
        replica.remove(b"b");
        assert_eq!(news(&mut watch, &replica), (vec![], vec!["a".into(), "b".into()]));
        report(&replica, "a", 2, 3);
        assert_eq!(news(&mut watch, &replica), (vec!["a".into()], vec![]));
    }

    #[test]
    fn another_box_shows_what_has_not_moved() {
        let replica = Replica::new(10);
        report(&replica, "a", 1, 1);
        report(&replica, "b", 20, 1);
        let mut watch = Watch::new(near_the_equator(), 10, 0);
        news(&mut watch, &replica);
        watch.turn_to(Interest::Within(Bounds::WORLD));
        assert_eq!(news(&mut watch, &replica), (vec!["b".into()], vec![]));
        watch.turn_to(Interest::Within(Bounds { south: 15.0, north: 30.0, ..Bounds::WORLD }));
        assert_eq!(news(&mut watch, &replica), (vec![], vec!["a".into()]));
    }

    #[test]
    fn what_is_known_has_a_limit() {
        let replica = Replica::new(10);
        let mut watch = Watch::new(near_the_equator(), 2, 0);
        for client in ["a", "b", "c"] {
            report(&replica, client, 1, 1);
        }
        assert_eq!(news(&mut watch, &replica).0.len(), 2);
        assert_eq!(watch.count(), 2);
    }

    #[test]
    fn who_had_no_room_is_told_of_when_there_is_some() {
        let replica = Replica::new(10);
        let mut watch = Watch::new(near_the_equator(), 2, 0);
        for client in ["a", "b", "c", "d"] {
            report(&replica, client, 1, 1);
        }
        let first = news(&mut watch, &replica).0;
        let has_more = |watch: &mut Watch<String>| {
            replica.read(|table| watch.news(table, |_| String::new()).more)
        };
        assert!(has_more(&mut watch), "although nothing has changed");

        replica.remove(first[0].as_bytes());
        let second = news(&mut watch, &replica);
        assert_eq!((second.0.len(), second.1), (1, vec![first[0].clone()]));
        assert!(!first.contains(&second.0[0]));
        assert!(has_more(&mut watch));

        replica.remove(first[1].as_bytes());
        assert_eq!(news(&mut watch, &replica).0.len(), 1, "the last of the four");
        assert!(!has_more(&mut watch));
    }

    #[test]
    fn who_was_told_of_before_a_stream_was_resumed_is_gone_when_it_leaves() {
        let replica = Replica::new(10);
        for (client, latitude) in [("a", 1), ("b", 1), ("away", 20)] {
            report(&replica, client, latitude, 1);
        }
        let seen = replica.read(Table::version);
        report(&replica, "b", 2, 2);

        let mut watch = Watch::new(near_the_equator(), 10, seen);
        assert_eq!(news(&mut watch, &replica), (vec!["b".into()], vec![]), "a has not changed");
        report(&replica, "a", 20, 3);
        replica.remove(b"b");
        assert_eq!(news(&mut watch, &replica), (vec![], vec!["a".into(), "b".into()]));
    }

    #[test]
    fn some_ids_are_followed_wherever_they_are() {
        let replica = Replica::new(10);
        let mut watch = Watch::new(Interest::Of(vec![b"a".to_vec(), b"later".to_vec()]), 10, 0);
        report(&replica, "a", 1, 1);
        report(&replica, "b", 1, 1);
        assert_eq!(news(&mut watch, &replica), (vec!["a".into()], vec![]));
        report(&replica, "later", 80, 1);
        report(&replica, "b", 2, 2);
        assert_eq!(news(&mut watch, &replica), (vec!["later".into()], vec![]));
        replica.remove(b"a");
        assert_eq!(news(&mut watch, &replica), (vec![], vec!["a".into()]));
    }
}
