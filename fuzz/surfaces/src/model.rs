//! A server and a naive one live through the same day.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use arbitrary::{Arbitrary, Unstructured};
use herd_core::{ConnId, LinkKind, Listener};

use crate::driver::{Driver, config};
use crate::naive::{Naive, Reply};

/// `data` says what happens: reports, updates of a plain server, questions, answers in any order and too
/// late, time, clients that leave.
///
/// Both must keep the same table, and every client gets one reply to each of its lines, in order, with the
/// answer to its own question.
///
/// # Panics
///
/// Where it is not so.
pub fn model(data: &[u8]) {
    let Ok(story) = Vec::<Event>::arbitrary(&mut Unstructured::new(data)) else { return };
    let mut day = Day::new();
    for event in &story {
        day.live(event);
        day.check_tables();
    }
    day.end();
}

#[derive(Arbitrary, Debug)]
enum Event {
    Report { by: u8, client: u8, stamp: i8, place: i8 },
    Update { server: u8, client: u8, stamp: i8, place: i8 },
    Ask { by: u8, client: u8, bound: u8 },
    Nonsense { by: u8 },
    Answer { which: u8, is_json: bool },
    LateAnswer { which: u8 },
    Wait { millis: u16 },
    Leave { by: u8 },
}

const CONNECTIONS: usize = 2;
const LOOKUPS: u16 = 2;
const QUEUE: u16 = 1;

/// What a client is owed.
enum Owed {
    Line(Vec<u8>),
    /// A line, and the answer to the question of this number.
    Answer(Vec<u8>, u32),
}

/// What became of a question.
enum Outcome {
    Body(String),
    Error,
}

struct Day {
    driver: Driver,
    naive: Naive,
    clients: [ConnId; CONNECTIONS],
    plain: ConnId,
    owed: [Vec<Owed>; CONNECTIONS],
    questions: u32,
    /// Questions at the provider, and those that wait for their turn, with who asked.
    out: Vec<(u32, usize)>,
    waiting: VecDeque<(u32, usize)>,
    outcomes: BTreeMap<u32, Outcome>,
}

impl Day {
    fn new() -> Self {
        let mut config = config("Hill", &["Xeno"], LinkKind::Plain);
        config.limits.clients = 2;
        config.limits.lookups = LOOKUPS.into();
        config.limits.lookup_queue = QUEUE.into();
        config.limits.pipeline = 4;
        config.limits.idle_s = 0;
        let mut driver = Driver::new(config);
        let naive = Naive {
            name: "Hill",
            now: driver.now.wall.nanos(),
            line_bytes: 8192,
            clients: 2,
            table: BTreeMap::new(),
        };
        let mut accept = |plain| {
            let listener = Listener::Clients { from: Ipv4Addr::LOCALHOST.into(), plain };
            driver.act(|herd, now, out| herd.handle_accept(now, listener, out))
        };
        let (clients, plain) = ([accept(false), accept(false)], accept(true));
        Self {
            driver,
            naive,
            clients,
            plain,
            owed: Default::default(),
            questions: 0,
            out: Vec::new(),
            waiting: VecDeque::new(),
            outcomes: BTreeMap::new(),
        }
    }

    fn live(&mut self, event: &Event) {
        match *event {
            Event::Report { by, client, stamp, place } => {
                let line =
                    format!("IAMAT {} {} {}", name(client), location(place), self.time(stamp));
                self.say(by, &line);
            }
            Event::Ask { by, client, bound } => {
                self.questions += 1;
                // The radius, in metres, tells the questions apart.
                let line = format!("WHATSAT {} 0.{:06} {bound}", name(client), self.questions);
                self.say(by, &line);
            }
            Event::Nonsense { by } => self.say(by, " IAMAT \t"),
            Event::Update { server, client, stamp, place } => {
                let server = char::from(b'A' + server % 3);
                let line = format!(
                    "AT {server} +0.1 {} {} {}",
                    name(client),
                    location(place),
                    self.time(stamp)
                );
                self.naive.merge(line.as_bytes());
                let plain = self.plain;
                self.input(plain, &line);
            }
            Event::Answer { which, is_json } => self.answer(usize::from(which), is_json),
            Event::LateAnswer { which } => {
                let given_up = &self.driver.given_up;
                let id = given_up.get(usize::from(which) % given_up.len().max(1)).copied();
                if let Some(id) = id {
                    self.driver.reply(id, r#"{"late":1}"#);
                }
            }
            Event::Wait { millis } => {
                self.driver.wait(Duration::from_millis(u64::from(millis)));
                self.naive.now = self.driver.now.wall.nanos();
            }
            Event::Leave { by } => {
                let by = usize::from(by) % CONNECTIONS;
                let left = self.clients[by];
                self.driver.act(|herd, now, out| herd.handle_close(now, left, out));
                self.driver.paused.remove(&left);
                let listener = Listener::Clients { from: Ipv4Addr::LOCALHOST.into(), plain: false };
                self.clients[by] =
                    self.driver.act(|herd, now, out| herd.handle_accept(now, listener, out));
                self.owed[by].clear();
                self.waiting.retain(|(_, asker)| *asker != by);
                self.out.retain(|(_, asker)| *asker != by);
                self.take_turns();
            }
        }
        self.note_time_outs();
        assert!(self.driver.asked.len() <= LOOKUPS.into(), "too many lookups at once");
        assert_eq!(self.driver.asked.len(), self.out.len(), "lookups under way");
    }

    /// A client says a line, unless the server does not read from it just now.
    fn say(&mut self, by: u8, line: &str) {
        let by = usize::from(by) % CONNECTIONS;
        let conn = self.clients[by];
        if self.driver.paused.contains(&conn) {
            return;
        }
        match self.naive.reply(line.as_bytes()) {
            Reply::Line(line) => self.owed[by].push(Owed::Line(line)),
            Reply::WithBody(line, _) => {
                self.owed[by].push(Owed::Answer(line, self.questions));
                if self.out.len() < LOOKUPS.into() || self.waiting.len() < QUEUE.into() {
                    self.waiting.push_back((self.questions, by));
                    self.take_turns();
                } else {
                    self.outcomes.insert(self.questions, Outcome::Error);
                }
            }
        }
        self.input(conn, line);
    }

    fn input(&mut self, conn: ConnId, line: &str) {
        let line = format!("{line}\n");
        self.driver.act(|herd, now, out| herd.handle_input(now, conn, line.as_bytes(), out));
    }

    fn answer(&mut self, which: usize, is_json: bool) {
        if self.driver.asked.is_empty() {
            return;
        }
        let (id, request) = self.driver.asked.remove(which % self.driver.asked.len());
        let question = question(&request);
        let body = if is_json { format!(r#"{{"n":{question}}}"#) } else { "oh dear".into() };
        let outcome = if is_json { Outcome::Body(body.clone()) } else { Outcome::Error };
        self.outcomes.insert(question, outcome);
        self.out.retain(|(out, _)| *out != question);
        self.take_turns();
        self.driver.reply(id, &body);
    }

    fn take_turns(&mut self) {
        while self.out.len() < LOOKUPS.into()
            && let Some(next) = self.waiting.pop_front()
        {
            self.out.push(next);
        }
    }

    /// What the server gave up because of the time, and only that, has no answer.
    fn note_time_outs(&mut self) {
        loop {
            let asked: Vec<u32> =
                self.driver.asked.iter().map(|(_, request)| question(request)).collect();
            let Some(at) = self.out.iter().position(|(question, _)| !asked.contains(question))
            else {
                return;
            };
            let (question, _) = self.out.remove(at);
            self.outcomes.insert(question, Outcome::Error);
            self.take_turns();
        }
    }

    fn check_tables(&self) {
        let mut kept: Vec<_> = self.driver.herd.lines().collect();
        kept.sort_unstable();
        assert_eq!(kept, self.naive.lines());
    }

    /// Everything is answered, and everybody looks at what they got.
    fn end(mut self) {
        while !self.driver.asked.is_empty() {
            self.answer(0, true);
        }
        for (conn, owed) in self.clients.into_iter().zip(&self.owed) {
            let heard = self.driver.heard(conn);
            let mut rest = heard.as_slice();
            for reply in owed {
                let (Owed::Line(line) | Owed::Answer(line, _)) = reply;
                rest =
                    rest.strip_prefix(line.as_slice()).expect("the line that is owed comes next");
                let Owed::Answer(_, question) = reply else { continue };
                let end =
                    rest.windows(2).position(|two| two == b"\n\n").expect("a body comes next");
                let body = core::str::from_utf8(&rest[..end]).expect("it is text");
                rest = &rest[end + 2..];
                match self.outcomes.get(question).expect("every question came to an end") {
                    Outcome::Body(text) => assert_eq!(body, text),
                    Outcome::Error => assert!(body.contains("UNKNOWN_ERROR"), "{body}"),
                }
            }
            assert_eq!(rest.escape_ascii().to_string(), "", "nobody asked for this");
        }
    }

    /// A time some hours from now, two days at most.
    fn time(&self, stamp: i8) -> String {
        let seconds = self.naive.now / 1_000_000_000 + i64::from(stamp) * 1_350;
        format!("{seconds}.5")
    }
}

fn name(client: u8) -> char {
    char::from(b'a' + client % 4)
}

fn location(place: i8) -> String {
    format!("{:+}{:+}.25", place / 2, place)
}

/// The number of a question, from the radius in its request.
fn question(request: &str) -> u32 {
    let (_, metres) = request.rsplit_once("radius=").expect("a request has a radius");
    let (metres, thousandths) = metres.split_once('.').expect("it was given to the millimetre");
    format!("{metres}{thousandths}").parse().expect("two numbers")
}
