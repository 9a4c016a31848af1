//! Who is next among those who wait.
//!
//! What waits is served in turn: one sharer after the other, and of a sharer one connection after the other.
//! What a connection has waiting keeps its order. So nobody is kept waiting by how much another has waiting:
//! whoever waits is served after at most one of each other sharer, and of each other connection of its own.
//! This module does not know what waits.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ids::ConnId;
use crate::sources::Source;

/// Who has one turn, however many connections.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sharer {
    /// All connections of an address together.
    Address(Source),
    /// One connection, whose address has no limits.
    Connection(ConnId),
}

/// What waits, by connection and sharer.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    /// The connections that have something waiting.
    lines: BTreeMap<ConnId, Line<T>>,
    /// The sharers of those.
    shares: BTreeMap<Sharer, Share>,
    round: Round<Sharer>,
    sizes: BTreeSet<(usize, Sharer)>,
    /// All that waits.
    len: usize,
}

/// What waits for one connection, oldest first; never empty.
#[derive(Debug)]
struct Line<T> {
    sharer: Sharer,
    waiting: VecDeque<T>,
    /// Its turn among the connections of its sharer; none while it is held back.
    turn: Option<u64>,
}

/// What waits for one sharer.
#[derive(Debug, Default)]
struct Share {
    /// Its turn among all; none while all its connections are held back.
    turn: Option<u64>,
    round: Round<ConnId>,
    sizes: BTreeSet<(usize, ConnId)>,
    len: usize,
}

/// Whose turn it is: each was given the number after the last one.
#[derive(Debug)]
struct Round<K> {
    turns: BTreeMap<u64, K>,
    last: u64,
}

impl<K> Default for Round<K> {
    fn default() -> Self {
        Self { turns: BTreeMap::new(), last: 0 }
    }
}

impl<K: Copy> Round<K> {
    fn first(&self) -> Option<K> {
        self.turns.first_key_value().map(|(_, key)| *key)
    }

    fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Comes last, unless it has a turn already.
    fn join(&mut self, key: K, turn: &mut Option<u64>) {
        if turn.is_none() {
            self.last += 1;
            self.turns.insert(self.last, key);
            *turn = Some(self.last);
        }
    }

    fn leave(&mut self, turn: &mut Option<u64>) {
        if let Some(turn) = turn.take() {
            self.turns.remove(&turn);
        }
    }
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            lines: BTreeMap::new(),
            shares: BTreeMap::new(),
            round: Round::default(),
            sizes: BTreeSet::new(),
            len: 0,
        }
    }
}

impl<T> Turns<T> {
    /// How much waits, what is held back included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds what waits for a connection.
    pub(crate) fn push(&mut self, sharer: Sharer, conn: ConnId, item: T) {
        let fresh = || Line { sharer, waiting: VecDeque::new(), turn: None };
        let is_new = !self.lines.contains_key(&conn);
        self.lines.entry(conn).or_insert_with(fresh).waiting.push_back(item);
        self.resize(sharer, conn, 0, 1);
        if is_new {
            self.release(conn);
        }
    }

    /// What is next, and for which connection.
    pub(crate) fn peek(&self) -> Option<(ConnId, &T)> {
        let conn = self.shares.get(&self.round.first()?)?.round.first()?;
        Some((conn, self.lines.get(&conn)?.waiting.front()?))
    }

    /// Takes what is next: its connection, and the sharer of that, come last from now on.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (conn, _) = self.peek()?;
        self.hold_back(conn);
        let line = self.lines.get_mut(&conn)?;
        let (sharer, item) = (line.sharer, line.waiting.pop_front()?);
        if let Some(share) = self.shares.get_mut(&sharer) {
            self.round.leave(&mut share.turn);
            if !share.round.is_empty() {
                self.round.join(sharer, &mut share.turn);
            }
        }
        self.resize(sharer, conn, 1, 0);
        self.release(conn);
        Some(item)
    }

    /// Passes a connection over until it is released.
    pub(crate) fn hold_back(&mut self, conn: ConnId) {
        let Some(line) = self.lines.get_mut(&conn) else { return };
        let Some(share) = self.shares.get_mut(&line.sharer) else { return };
        share.round.leave(&mut line.turn);
        if share.round.is_empty() {
            self.round.leave(&mut share.turn);
        }
    }

    /// Gives a connection that was held back a turn again, the last one.
    pub(crate) fn release(&mut self, conn: ConnId) {
        let Some(line) = self.lines.get_mut(&conn) else { return };
        let Some(share) = self.shares.get_mut(&line.sharer) else { return };
        share.round.join(conn, &mut line.turn);
        self.round.join(line.sharer, &mut share.turn);
    }

    /// Makes room for one more of a connection: takes out the newest of whoever has most waiting, or nothing
    /// where that is the connection itself, or as good as it.
    pub(crate) fn make_room(&mut self, sharer: Sharer, conn: ConnId) -> Option<T> {
        let own = self.shares.get(&sharer).map_or(0, |share| share.len);
        let (most, fullest) = *self.sizes.last()?;
        let fullest = if most > own + 1 { fullest } else { sharer };
        let (most, longest) = *self.shares.get(&fullest)?.sizes.last()?;
        let own = self.lines.get(&conn).map_or(0, |line| line.waiting.len());
        if fullest == sharer && most <= own + 1 {
            return None;
        }
        let newest = self.lines.get_mut(&longest)?.waiting.pop_back();
        self.resize(fullest, longest, 1, 0);
        newest
    }

    /// Takes out all that waits for a connection.
    pub(crate) fn remove(&mut self, conn: ConnId) -> VecDeque<T> {
        let Some(line) = self.lines.get_mut(&conn) else { return VecDeque::new() };
        let (sharer, waiting) = (line.sharer, core::mem::take(&mut line.waiting));
        self.resize(sharer, conn, waiting.len(), 0);
        waiting
    }

    /// Takes note that the line of a connection, which is as it is now, had `less` taken out or `more` put in.
    fn resize(&mut self, sharer: Sharer, conn: ConnId, less: usize, more: usize) {
        let Some(length) = self.lines.get(&conn).map(|line| line.waiting.len()) else { return };
        if length == 0 {
            self.hold_back(conn);
            self.lines.remove(&conn);
        }
        let share = self.shares.entry(sharer).or_default();
        share.sizes.remove(&(length + less - more, conn));
        self.sizes.remove(&(share.len, sharer));
        share.len = share.len + more - less;
        self.len = self.len + more - less;
        if length > 0 {
            share.sizes.insert((length, conn));
        }
        if share.len > 0 {
            self.sizes.insert((share.len, sharer));
        } else {
            self.shares.remove(&sharer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::num::NonZeroU32;
    use proptest::prelude::*;

    fn conn(index: u32) -> ConnId {
        ConnId { index, generation: NonZeroU32::MIN }
    }

    /// Twelve connections: of the first address six, of the second three, and three whose address has no limits.
    fn sharer(index: u32) -> Sharer {
        match index {
            0..6 => Sharer::Address(Source::V4([192, 0, 2, 1])),
            6..9 => Sharer::Address(Source::V4([192, 0, 2, 2])),
            _ => Sharer::Connection(conn(index)),
        }
    }

    const CONNS: u32 = 12;
    const MOST: usize = 24;

    #[test]
    fn one_that_has_much_waiting_has_one_turn_in_each_round() {
        let mut turns = Turns::default();
        (0..100).for_each(|n| turns.push(sharer(0), conn(0), (0, n)));
        turns.push(sharer(1), conn(1), (1, 0));
        turns.push(sharer(6), conn(6), (6, 0));
        turns.push(sharer(9), conn(9), (9, 0));
        turns.push(sharer(9), conn(9), (9, 1));
        let served: Vec<_> = core::iter::from_fn(|| turns.pop()).take(8).collect();
        assert_eq!(served, [(0, 0), (6, 0), (9, 0), (1, 0), (9, 1), (0, 1), (0, 2), (0, 3)]);
    }

    /// The same, as plain as it can be: lines in order of their turn.
    #[derive(Debug, Default)]
    struct Model {
        /// Sharers, whose turn it is first.
        sharers: Vec<Sharer>,
        /// Connections, likewise.
        conns: Vec<u32>,
        /// What waits, oldest first.
        waiting: Vec<(u32, u64)>,
        held: Vec<u32>,
    }

    impl Model {
        fn join(&mut self, index: u32) {
            if !self.sharers.contains(&sharer(index)) {
                self.sharers.push(sharer(index));
            }
            if !self.conns.contains(&index) {
                self.conns.push(index);
            }
        }

        /// Drops those from the rounds that are held back or have nothing waiting.
        fn tidy(&mut self) {
            let Self { sharers, conns, waiting, held } = self;
            held.retain(|index| waiting.iter().any(|(of, _)| of == index));
            conns
                .retain(|index| !held.contains(index) && waiting.iter().any(|(of, _)| of == index));
            sharers.retain(|one| conns.iter().any(|index| sharer(*index) == *one));
        }

        fn next(&self) -> Option<(u32, u64)> {
            let first = self.sharers.first()?;
            let index = self.conns.iter().find(|index| sharer(**index) == *first)?;
            self.waiting.iter().find(|(of, _)| of == index).copied()
        }

        fn pop(&mut self) -> Option<(u32, u64)> {
            let (index, n) = self.next()?;
            self.waiting.retain(|waiting| *waiting != (index, n));
            // Both come last, if they still have something.
            self.conns.retain(|other| *other != index);
            self.sharers.retain(|other| *other != sharer(index));
            if self.conns.iter().any(|other| sharer(*other) == sharer(index)) {
                self.sharers.push(sharer(index));
            }
            self.join(index);
            self.tidy();
            Some((index, n))
        }

        fn size(&self, of: impl Fn(u32) -> bool) -> usize {
            self.waiting.iter().filter(|(index, _)| of(*index)).count()
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push(u32),
        Pop,
        HoldBack(u32),
        Release(u32),
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..CONNS).prop_map(Step::Push),
            3 => (0..2_u32).prop_map(Step::Push),
            4 => Just(Step::Pop),
            1 => (0..CONNS).prop_map(Step::HoldBack),
            1 => (0..CONNS).prop_map(Step::Release),
            1 => (0..CONNS).prop_map(Step::Remove),
        ]
    }

    proptest! {
        /// Whatever comes, goes and is held back.
        #[test]
        fn everybody_is_served_in_turn(steps in prop::collection::vec(step(), 0..300)) {
            let mut turns = Turns::default();
            let mut model = Model::default();
            // How often others were served since a sharer that can be served was.
            let mut passed: BTreeMap<Sharer, usize> = BTreeMap::new();
            for (n, step) in (0..).zip(steps) {
                match step {
                    Step::Push(index) => {
                        let own = model.size(|of| sharer(of) == sharer(index));
                        let own_line = model.size(|of| of == index);
                        let mut has_room = turns.len() < MOST;
                        if !has_room && let Some((from, newest)) = turns.make_room(sharer(index), conn(index)) {
                            has_room = true;
                            let share = model.size(|of| sharer(of) == sharer(from));
                            let line = model.size(|of| of == from);
                            for other in 0..CONNS {
                                prop_assert!(share >= model.size(|of| sharer(of) == sharer(other)) || sharer(from) == sharer(index));
                                prop_assert!(line >= model.size(|of| of == other) || sharer(other) != sharer(from));
                            }
                            prop_assert!(share > own + 1 || (sharer(from) == sharer(index) && line > own_line + 1));
                            let last = model.waiting.iter().rev().find(|(of, _)| *of == from);
                            prop_assert_eq!(last, Some(&(from, newest)));
                            model.waiting.retain(|waiting| *waiting != (from, newest));
                            model.tidy();
                        } else if !has_room {
                            for other in 0..CONNS {
                                prop_assert!(own + 1 >= model.size(|of| sharer(of) == sharer(other)));
                                prop_assert!(sharer(other) != sharer(index) || own_line + 1 >= model.size(|of| of == other));
                            }
                        }
                        if has_room {
                            turns.push(sharer(index), conn(index), (index, n));
                            model.waiting.push((index, n));
                            if !model.held.contains(&index) {
                                model.join(index);
                            }
                        }
                    }
                    Step::Pop => {
                        let able = model.sharers.clone();
                        let served = turns.pop();
                        prop_assert_eq!(served, model.pop());
                        if let Some((index, _)) = served {
                            passed.remove(&sharer(index));
                            passed.retain(|one, _| able.contains(one));
                            for other in able.iter().filter(|one| **one != sharer(index)) {
                                *passed.entry(*other).or_default() += 1;
                            }
                        }
                    }
                    Step::HoldBack(index) => {
                        turns.hold_back(conn(index));
                        if model.size(|of| of == index) > 0 && !model.held.contains(&index) {
                            model.held.push(index);
                        }
                        model.tidy();
                    }
                    Step::Release(index) => {
                        turns.release(conn(index));
                        model.held.retain(|held| *held != index);
                        if model.size(|of| of == index) > 0 {
                            model.join(index);
                        }
                    }
                    Step::Remove(index) => {
                        let removed: Vec<_> = turns.remove(conn(index)).into();
                        let of_it = model.waiting.iter().filter(|(of, _)| *of == index).copied();
                        prop_assert_eq!(removed, of_it.collect::<Vec<_>>());
                        model.waiting.retain(|(of, _)| *of != index);
                        model.tidy();
                    }
                }
                passed.retain(|one, _| model.sharers.contains(one));
                prop_assert!(passed.values().all(|times| *times < 5), "of five sharers one was passed over: {passed:?}");
                prop_assert_eq!(turns.len(), model.waiting.len());
                prop_assert!(turns.len() <= MOST);
                prop_assert_eq!(turns.peek().map(|(_, next)| *next), model.next());
            }
        }
    }
}
