//! Something scarce, shared between the addresses that ask for it.
//!
//! There are a number of permits. Whoever finds none free waits in a queue; when one is free, the lanes take turns,
//! and within a lane the addresses do, so that an address with a thousand requests waits for itself and not in front
//! of others. One address holds at most its share, so that some permits are left when somebody else comes. When the
//! queue is full, the newest request of the address with the longest queue is refused; where the newcomer's is as long as
//! any, that is the newcomer.

use core::net::IpAddr;
use core::num::NonZero;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// How many threads the machine runs at once.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// What counts as one address: of IPv6 the half that one customer is given as a whole.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// How much there is, and who may have how much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Permits in all.
    pub(crate) permits: usize,
    /// The most permits that one address holds at a time.
    pub(crate) by_address: usize,
    /// The most requests that wait, in all lanes together.
    pub(crate) waiting: usize,
}

/// Permits, and the queue of those who wait for one.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    state: Arc<Mutex<State>>,
}

/// A permit; dropped, it goes to whoever is next.
#[derive(Debug)]
pub(crate) struct Share {
    state: Arc<Mutex<State>>,
    address: IpAddr,
}

/// The queue is full, or this request had to leave it for somebody else's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full;

#[derive(Debug)]
struct State {
    limits: Limits,
    free: usize,
    /// How many permits each address holds; none is 0.
    held: BTreeMap<IpAddr, usize>,
    lanes: Vec<Lane>,
    next_lane: usize,
    waiting: usize,
}

/// A queue with a turn for each address in it.
#[derive(Debug, Default)]
struct Lane {
    /// Each address that has somebody waiting, once.
    turns: VecDeque<IpAddr>,
    waiting: BTreeMap<IpAddr, VecDeque<oneshot::Sender<Share>>>,
}

impl Shares {
    /// With so many lanes, which take turns.
    pub(crate) fn new(lanes: usize, limits: Limits) -> Self {
        let state = State {
            limits,
            free: limits.permits,
            held: BTreeMap::new(),
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            next_lane: 0,
            waiting: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for a permit in this lane. Who no longer waits leaves the queue.
    pub(crate) async fn take(&self, lane: usize, address: IpAddr) -> Result<Share, Full> {
        let address = network(address);
        let receiver = {
            let mut state = lock(&self.state);
            let (sender, receiver) = oneshot::channel();
            let queue = state.lanes[lane].waiting.entry(address).or_default();
            queue.push_back(sender);
            if queue.len() == 1 {
                state.lanes[lane].turns.push_back(address);
            }
            state.waiting += 1;
            if state.waiting > state.limits.waiting {
                state.refuse_one((lane, address));
            }
            receiver
        };
        grant(&self.state);
        let mut place = Place { shares: self, lane, address, receiver };
        (&mut place.receiver).await.map_err(|_| Full)
    }

    /// How many wait.
    #[cfg(test)]
    fn waiting(&self) -> usize {
        lock(&self.state).waiting
    }

    /// Whether all permits are free and nobody waits.
    pub(crate) fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        state.free == state.limits.permits && state.waiting == 0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.state);
            state.free += 1;
            if let Some(held) = state.held.get_mut(&self.address) {
                *held -= 1;
                if *held == 0 {
                    state.held.remove(&self.address);
                }
            }
        }
        grant(&self.state);
    }
}

/// A place in the queue.
struct Place<'s> {
    shares: &'s Shares,
    lane: usize,
    address: IpAddr,
    receiver: oneshot::Receiver<Share>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        // A permit that was sent meanwhile is dropped with the receiver, when the lock is free again.
        lock(&self.shares.state).remove_closed(self.lane, self.address);
    }
}

impl State {
    /// Takes a permit for whoever is next, if there is one and somebody waits who may have it.
    fn next(&mut self) -> Option<(oneshot::Sender<Share>, IpAddr)> {
        if self.free == 0 {
            return None;
        }
        for n in 0..self.lanes.len() {
            let at = (self.next_lane + n) % self.lanes.len();
            let (held, most) = (&self.held, self.limits.by_address);
            let may_have = |address: &IpAddr| held.get(address).copied().unwrap_or(0) < most;
            let lane = &mut self.lanes[at];
            let Some(turn) = lane.turns.iter().position(may_have) else { continue };
            let address = lane.turns.remove(turn).expect("it was found there");
            let queue = lane.waiting.get_mut(&address).expect("whose turn it is waits");
            let sender = queue.pop_front().expect("whose turn it is waits");
            if queue.is_empty() {
                lane.waiting.remove(&address);
            } else {
                lane.turns.push_back(address);
            }
            self.waiting -= 1;
            self.free -= 1;
            *self.held.entry(address).or_default() += 1;
            self.next_lane = (at + 1) % self.lanes.len();
            return Some((sender, address));
        }
        None
    }

    /// Refuses the newest request of the longest queue, of the newcomer's before others of that length.
    fn refuse_one(&mut self, newcomer: (usize, IpAddr)) {
        let queues = self.lanes.iter().enumerate().flat_map(|(lane, queues)| {
            queues.waiting.iter().map(move |(address, queue)| {
                let whose = (lane, *address);
                (queue.len(), whose == newcomer, whose)
            })
        });
        let Some((_, _, (lane, address))) = queues.max() else { return };
        if let Some(queue) = self.lanes[lane].waiting.get_mut(&address) {
            queue.pop_back();
            self.waiting -= 1;
        }
        self.remove_if_empty(lane, address);
    }

    fn remove_closed(&mut self, lane: usize, address: IpAddr) {
        if let Some(queue) = self.lanes[lane].waiting.get_mut(&address) {
            let before = queue.len();
            queue.retain(|sender| !sender.is_closed());
            self.waiting -= before - queue.len();
        }
        self.remove_if_empty(lane, address);
    }

    fn remove_if_empty(&mut self, lane: usize, address: IpAddr) {
        let lane = &mut self.lanes[lane];
        if lane.waiting.get(&address).is_some_and(VecDeque::is_empty) {
            lane.waiting.remove(&address);
            lane.turns.retain(|turn| *turn != address);
        }
    }
}

/// Gives the free permits to those who wait.
fn grant(state: &Arc<Mutex<State>>) {
    loop {
        let Some((sender, address)) = lock(state).next() else { return };
        let share = Share { state: Arc::clone(state), address };
        // Who no longer waits gives it back, which grants it to the next.
        drop(sender.send(share));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing panics while it is locked; if something did, permits are worth more than the report.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::time::timeout;

    use super::*;

    const ANN: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
    const BOB: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 2));

    fn shares(permits: usize, by_address: usize, waiting: usize) -> Shares {
        Shares::new(2, Limits { permits, by_address, waiting })
    }

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }

    #[tokio::test]
    async fn who_comes_once_does_not_wait_for_all_of_who_comes_often() {
        let shares = shares(1, 1, 100);
        let first = shares.take(0, ANN).await.unwrap();
        let mut crowd: Vec<_> = (0..50).map(|_| Box::pin(shares.take(0, ANN))).collect();
        crowd.iter_mut().for_each(|one| assert!(one.now_or_never().is_none()));
        let mut bob = Box::pin(shares.take(0, BOB));
        assert!((&mut bob).now_or_never().is_none());

        drop(first);
        let second = crowd[0].as_mut().now_or_never().unwrap().unwrap();
        drop(second);

        assert!(bob.now_or_never().is_some_and(|taken| taken.is_ok()), "after one of the crowd");
    }

    #[tokio::test]
    async fn the_lanes_take_turns() {
        let shares = shares(1, 1, 100);
        let first = shares.take(0, ANN).await.unwrap();
        let mut one: Vec<_> = (0..50).map(|_| Box::pin(shares.take(0, ANN))).collect();
        one.iter_mut().for_each(|one| assert!(one.now_or_never().is_none()));
        let mut other = Box::pin(shares.take(1, ANN));
        assert!((&mut other).now_or_never().is_none());

        drop(first);

        assert!(other.now_or_never().is_some_and(|taken| taken.is_ok()));
    }

    #[tokio::test]
    async fn one_address_leaves_something_for_others() {
        let shares = shares(4, 3, 100);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(shares.take(0, ANN).await.unwrap());
        }
        assert!(shares.take(0, ANN).now_or_never().is_none());

        assert!(shares.take(0, BOB).now_or_never().is_some());
        drop(held);
        assert!(shares.is_idle());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_who_has_most_in_it() {
        let shares = shares(1, 1, 10);
        let first = shares.take(0, ANN).await.unwrap();
        let mut crowd: Vec<_> = (0..10).map(|_| Box::pin(shares.take(0, ANN))).collect();
        crowd.iter_mut().for_each(|one| assert!(one.now_or_never().is_none()));

        let mut bob = Box::pin(shares.take(0, BOB));
        assert!((&mut bob).now_or_never().is_none(), "he waits");

        assert!(matches!(crowd[9].as_mut().now_or_never(), Some(Err(Full))));
        assert_eq!(shares.waiting(), 10);
        drop(first);
        drop(crowd);
        assert!(timeout(Duration::from_secs(10), bob).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn among_equals_the_newcomer_is_refused() {
        let shares = shares(1, 1, 10);
        let first = shares.take(0, ANN).await.unwrap();
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut crowd: Vec<_> = (10..20).map(|n| Box::pin(shares.take(0, address(n)))).collect();
        crowd.iter_mut().for_each(|one| assert!(one.now_or_never().is_none()));

        assert!(matches!(shares.take(0, ANN).now_or_never(), Some(Err(Full))));

        assert_eq!(shares.waiting(), 10);
        assert!(crowd.iter_mut().all(|one| one.now_or_never().is_none()), "they wait on");
        drop(first);
        assert!(crowd[0].as_mut().now_or_never().is_some_and(|taken| taken.is_ok()));
    }

    #[tokio::test]
    async fn who_no_longer_waits_leaves_the_queue() {
        let shares = shares(1, 1, 2);
        let first = shares.take(0, ANN).await.unwrap();
        for _ in 0..100 {
            assert!(shares.take(0, BOB).now_or_never().is_none());
        }
        assert_eq!(shares.waiting(), 0);

        drop(first);

        assert!(shares.is_idle());
        assert!(shares.take(1, BOB).now_or_never().is_some_and(|taken| taken.is_ok()));
    }
}
