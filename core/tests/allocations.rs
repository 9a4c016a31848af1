//! What a settled report costs: nothing is allocated for it.
#![expect(clippy::unwrap_used, reason = "where a test is wrong it may fail at once")]

use allocation_counter::{AllocationInfo, measure};
use core::net::{IpAddr, Ipv4Addr};
use herd_core::{
    Action, Config, ConnId, Dialled, Herd, Instant, LinkKind, Listener, Neighbour, Now, Output,
    PeerId, Secret, Timestamp,
};

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[test]
fn a_settled_report_allocates_nothing() {
    let mut hill = Hill::alone();
    let reports: Vec<_> = (1..=10).map(|second| report("kiwi", second)).collect();
    assert_eq!(hill.settled(&reports), Costs::default());
}

#[test]
fn a_report_with_the_longest_client_id_allocates_nothing() {
    let mut hill = Hill::alone();
    let client = "k".repeat(255);
    let reports: Vec<_> = (1..=10).map(|second| report(&client, second)).collect();
    assert_eq!(hill.settled(&reports), Costs::default());
}

#[test]
fn sixty_four_lines_a_call_allocate_nothing() {
    let mut hill = Hill::alone();
    let calls: Vec<_> = (1..=10).map(sixty_four).collect();
    assert_eq!(hill.settled(&calls), Costs::default());
}

#[test]
fn a_line_that_comes_in_two_parts_costs_what_is_kept_of_it() {
    let mut hill = Hill::alone();
    let reports: Vec<_> = (1..=10).map(|second| report("kiwi", second)).collect();
    let parts: Vec<_> = reports.iter().flat_map(|line| [&line[..20], &line[20..]]).collect();
    hill.settles(&parts[..2]);
    let costs = hill.costs(&parts[2..]);
    assert!(costs.allocations <= 2 * 9, "{costs:?}");
    assert_eq!(costs.bytes_kept, 0);
}

#[test]
fn telling_a_neighbour_allocates_nothing() {
    let mut hill = Hill::alone();
    hill.links();
    let calls: Vec<_> = (1..=10).map(sixty_four).collect();
    assert_eq!(hill.settled(&calls), Costs::default());
    assert!(hill.herd.counters().updates_sent >= 640);
}

#[test]
fn an_invalid_line_allocates_nothing() {
    let mut hill = Hill::alone();
    assert_eq!(hill.settled(&[b"hello\n".to_vec(), b"hello\n".to_vec()]), Costs::default());
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let mut hill = Hill::alone();
    let mut come_and_go = |count| {
        measure(|| {
            for _ in 0..count {
                let listener = Listener::Clients { from: FROM, plain: false };
                let conn = hill.herd.handle_accept(hill.now, listener, &mut hill.out);
                hill.herd.handle_input(hill.now, conn, b"hello\n", &mut hill.out);
                hill.herd.handle_eof(hill.now, conn, &mut hill.out);
                hill.herd.handle_drained(hill.now, conn, usize::MAX, &mut hill.out);
                hill.out.clear();
            }
        })
        .bytes_current
    };
    come_and_go(2_000);
    assert_eq!(come_and_go(20_000), 0);
}

/// A server, one client of it, and the memory of its driver.
struct Hill {
    herd: Herd,
    client: ConnId,
    link: Option<ConnId>,
    now: Now,
    out: Output,
}

#[derive(Debug, Default, Eq, PartialEq)]
struct Costs {
    allocations: u64,
    bytes_kept: i64,
}

impl Hill {
    fn alone() -> Self {
        let mut herd = server("Hill", "Jaquez");
        let now = Now {
            wall: Timestamp::from_nanos(1_520_023_935_182_837_383),
            mono: Instant::from_nanos(1_000_000_000),
        };
        let mut out = Output::new();
        let listener = Listener::Clients { from: FROM, plain: false };
        let client = herd.handle_accept(now, listener, &mut out);
        out.clear();
        Self { herd, client, link: None, now, out }
    }

    /// Links with Jaquez, which then says nothing more.
    fn links(&mut self) {
        let mut jaquez = server("Jaquez", "Hill");
        let mut answers = Output::new();
        self.herd.handle_timeout(self.now, &mut self.out);
        self.out.clear();
        let peer = PeerId::at(0).unwrap();
        let link =
            self.herd.handle_dial(self.now, peer, Dialled::Connected, &mut self.out).unwrap();
        let theirs = jaquez.handle_accept(
            self.now,
            Listener::Links { from: [127, 0, 0, 1].into() },
            &mut answers,
        );
        while self.herd.counters().links == 0 {
            jaquez.handle_input(self.now, theirs, &sent(&mut self.out, link), &mut answers);
            self.herd.handle_input(self.now, link, &sent(&mut answers, theirs), &mut self.out);
        }
        self.out.clear();
        self.link = Some(link);
    }

    /// What all calls but the first, which are alike, cost together.
    fn settled(&mut self, calls: &[Vec<u8>]) -> Costs {
        self.settles(&calls[..1]);
        self.costs(&calls[1..])
    }

    fn costs<T: AsRef<[u8]>>(&mut self, calls: &[T]) -> Costs {
        let AllocationInfo { count_total, bytes_current, .. } = measure(|| self.settles(calls));
        Costs { allocations: count_total, bytes_kept: bytes_current }
    }

    fn settles<T: AsRef<[u8]>>(&mut self, calls: &[T]) {
        for call in calls {
            self.herd.handle_input(self.now, self.client, call.as_ref(), &mut self.out);
            let (mut to_client, mut to_neighbour) = (0, 0);
            for action in self.out.actions() {
                let Action::Send { conn, bytes, .. } = action else {
                    panic!("not a settled call: {action:?}")
                };
                if conn == self.client {
                    to_client += bytes.len();
                } else {
                    to_neighbour += bytes.len();
                }
            }
            self.out.clear();
            self.herd.handle_drained(self.now, self.client, to_client, &mut self.out);
            if let Some(link) = self.link {
                self.herd.handle_drained(self.now, link, to_neighbour, &mut self.out);
            }
            assert!(self.out.is_empty());
        }
    }
}

fn server(name: &str, neighbour: &str) -> Herd {
    Herd::new(Config {
        neighbours: vec![Neighbour { name: neighbour.into(), kind: LinkKind::Herd }],
        secret: Secret::new(*b"correct horse battery staple"),
        ..Config::new(name, herd_core::Seed([1; 32]))
    })
    .unwrap()
}

/// What was sent on a connection.
fn sent(out: &mut Output, to: ConnId) -> Vec<u8> {
    let bytes = |action| {
        if let Action::Send { conn, bytes, .. } = action {
            (conn == to).then_some(bytes)
        } else {
            None
        }
    };
    let sent: Vec<_> = out.actions().filter_map(bytes).collect();
    let sent = sent.concat();
    out.clear();
    sent
}

fn report(client: &str, second: u32) -> Vec<u8> {
    format!("IAMAT {client} +34.068930-118.445127 15200239{second:02}.918963997\n").into_bytes()
}

fn sixty_four(second: u32) -> Vec<u8> {
    let lines: Vec<_> = (10..74).map(|client| report(&format!("c{client}"), second)).collect();
    lines.concat()
}
