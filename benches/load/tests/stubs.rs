//! Runs against servers that this file plays: good ones, lying ones, and ones that go away.
#![expect(clippy::unwrap_used, reason = "a test that can not go on panics")]

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use herd_load::{Distribution, End, Error, Outcome, Pace, Plan, Protocol, Server};
use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

/// What a server does with the line that is its `u64`th.
type Behaviour = dyn Fn(u64, &str) -> Reply + Send + Sync;

enum Reply {
    Line(String),
    /// And nothing after it, though more is read.
    Last(String),
    HangUp,
}

/// A server that treats every line alike, on whichever connection it comes.
fn server(behaviour: impl Fn(u64, &str) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behaviour: Arc<Behaviour> = Arc::new(behaviour);
    let lines = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (behaviour, lines) = (Arc::clone(&behaviour), Arc::clone(&lines));
            thread::spawn(move || serve(&stream.unwrap(), &lines, &*behaviour));
        }
    });
    address
}

fn serve(mut stream: &TcpStream, lines: &AtomicU64, behaviour: &Behaviour) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
        let number = lines.fetch_add(1, Ordering::Relaxed);
        let (reply, is_last) = match behaviour(number, line.trim_end()) {
            Reply::Line(reply) => (reply, false),
            Reply::Last(reply) => (reply, true),
            Reply::HangUp => return,
        };
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
        if is_last {
            drop(stream.shutdown(Shutdown::Write));
            drop(io::copy(&mut reader, &mut io::sink()));
            return;
        }
        line.clear();
    }
}

/// What a herd server called Hill says to an IAMAT, and to a WHATSAT about whomever.
fn at(line: &str) -> String {
    let operands = line.strip_prefix("IAMAT ").expect("a report");
    format!("AT Hill +0.000000001 {operands}\n")
}

fn run(plan: &Plan) -> Result<Outcome, Error> {
    herd_load::run(plan, &mut |_| {})
}

/// Four connections with four lines in flight each, ten clients, so many lines.
fn plan(address: SocketAddr, lines: u64) -> Plan {
    Plan {
        connections: 4,
        depth: 4,
        clients: 10,
        end: End::Count(lines),
        ..Plan::new(vec![Server::from(address)])
    }
}

#[test]
fn a_good_server_has_every_line_counted_and_none_wrong() {
    let address = server(|_, line| Reply::Line(at(line)));

    let outcome = run(&plan(address, 1000)).unwrap();

    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert_eq!((outcome.answered, outcome.unsent), (1000, 0));
    assert_eq!(outcome.iamat.unwrap().count, 1000);
    assert!(outcome.whatsat.is_none());
}

#[test]
fn every_client_is_reported_before_anything_is_measured() {
    let clients = Arc::new(Mutex::new(Vec::<String>::new()));
    let address = server({
        let clients = Arc::clone(&clients);
        move |_, line| {
            clients.lock().unwrap().push(line.split(' ').nth(1).unwrap().to_owned());
            Reply::Line(at(line))
        }
    });

    let outcome = run(&plan(address, 7)).unwrap();

    assert_eq!(outcome.answered, 7);
    let clients = clients.lock().unwrap();
    assert_eq!(clients.len(), 17);
    assert_eq!(clients[..10].iter().collect::<BTreeSet<_>>().len(), 10, "{clients:?}");
}

#[test]
fn fresh_reports_have_newer_stamps_each_time() {
    let stamps = Arc::new(Mutex::new(Vec::<String>::new()));
    let address = server({
        let stamps = Arc::clone(&stamps);
        move |_, line| {
            stamps.lock().unwrap().push(line.rsplit_once(' ').unwrap().1.to_owned());
            Reply::Line(at(line))
        }
    });

    let plan = Plan { connections: 1, fresh: true, prime: false, ..plan(address, 100) };
    let outcome = run(&plan).unwrap();

    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    let stamps = stamps.lock().unwrap();
    assert_eq!(stamps.len(), 100);
    assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
}

#[test]
fn a_wrong_reply_is_shown_with_what_was_asked() {
    let address = server(|number, line| {
        Reply::Line(if number == 30 { at(line).replace("walker", "Walker") } else { at(line) })
    });

    let outcome = run(&plan(address, 100)).unwrap();

    assert_eq!(outcome.errors.wrong, 1);
    let [wrong] = &outcome.errors.first_wrong[..] else { panic!("{:?}", outcome.errors) };
    assert!(wrong.asked.starts_with("IAMAT walker-"), "{wrong:?}");
    assert!(wrong.answered.starts_with("AT Hill +0.000000001 Walker-"), "{wrong:?}");
    assert_eq!(outcome.answered, 100);
}

#[test]
fn replies_in_the_wrong_order_are_wrong() {
    let held = Mutex::new(None::<String>);
    let address = server(move |number, line| {
        let mut held = held.lock().unwrap();
        Reply::Line(match number {
            20 => {
                *held = Some(at(line));
                String::new()
            }
            21 => at(line) + &held.take().unwrap(),
            _ => at(line),
        })
    });

    let plan = Plan { connections: 1, ..plan(address, 100) };
    let outcome = run(&plan).unwrap();

    assert_eq!(outcome.errors.wrong, 2, "{:?}", outcome.errors);
}

#[test]
fn a_connection_that_is_closed_is_counted_and_the_others_go_on() {
    let address = server(|number, line| match number {
        40 => Reply::HangUp,
        _ => Reply::Line(at(line)),
    });

    let outcome = run(&plan(address, 1000)).unwrap();

    let errors = &outcome.errors;
    assert_eq!(errors.lost.values().sum::<u64>(), 1, "{errors:?}");
    assert!((1..=4).contains(&errors.unanswered), "{errors:?}");
    assert_eq!(outcome.answered + errors.unanswered, 1000);
}

#[test]
fn a_server_that_ends_ends_the_run() {
    let address = server(|number, line| match number {
        100.. => Reply::HangUp,
        _ => Reply::Line(at(line)),
    });

    let outcome = run(&plan(address, 1_000_000)).unwrap();

    assert_eq!(outcome.errors.lost.values().sum::<u64>(), 4);
    assert!(outcome.answered < 100);
}

/// The answer and the reset lie in the system when the driver looks, and come in one event.
#[test]
fn a_connection_that_is_reset_after_an_answer_ends_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stream, accepted) = mpsc::channel();
    thread::spawn(move || stream.send(listener.accept().unwrap().0).unwrap());

    let plan = Plan { connections: 1, depth: 2, prime: false, ..plan(address, 100) };
    let outcome = herd_load::run(&plan, &mut |_| {
        let Ok(mut stream) = accepted.recv() else { return };
        let mut line = String::new();
        // One line is read and one is not: that makes the close a reset.
        while !line.ends_with('\n') {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            line.push(char::from(byte[0]));
        }
        stream.write_all(at(line.trim_end()).as_bytes()).unwrap();
    });

    let outcome = outcome.unwrap();
    assert_eq!(outcome.answered, 1);
    assert_eq!(outcome.errors.unanswered, 1);
    assert_eq!(outcome.errors.lost, [("reset by the server".to_owned(), 1)].into());
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let address = server(|_, _| Reply::Line(String::new()));

    let plan = Plan { patience: Duration::from_millis(200), ..plan(address, 1000) };
    let error = run(&plan).unwrap_err();

    assert!(matches!(&error, Error::NotPrimed(why) if why == "no answer for 0.2 s"), "{error}");
}

#[test]
fn nobody_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let error = run(&plan(address, 10)).unwrap_err();

    assert!(matches!(error, Error::Connect { .. }), "{error}");
}

/// One stall must be seen by all lines that were due meanwhile, not only by the one that met it.
#[test]
fn in_an_open_loop_a_stall_makes_every_line_late_that_was_due_meanwhile() {
    const STALL: Duration = Duration::from_millis(400);
    let address = server(|number, line| {
        if number == 100 {
            thread::sleep(STALL);
        }
        Reply::Line(at(line))
    });

    let plan = Plan { connections: 1, depth: 1, pace: Pace::Open(1000.0), ..plan(address, 500) };
    let outcome = run(&plan).unwrap();

    // Of 500 lines 400 were due in the stall: of the later half of these each waited 200 ms or less.
    let waits = outcome.iamat.unwrap();
    assert_eq!((waits.count, outcome.unsent), (500, 0));
    assert!(waits.max >= 399_000.0, "{waits:?}");
    assert!(waits.p50 >= 100_000.0, "{waits:?}");
}

#[test]
fn what_would_be_due_after_the_end_is_not_unsent() {
    let address = server(|number, line| {
        if number == 100 {
            thread::sleep(Duration::from_millis(400));
        }
        Reply::Line(at(line))
    });

    let end = End::After(Duration::from_millis(200));
    let plan = Plan { depth: 1000, pace: Pace::Open(1000.0), end, ..plan(address, 0) };
    let outcome = run(&plan).unwrap();

    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert_eq!(outcome.unsent, 0);
}

/// The end may come with the last answer, in one event.
#[test]
fn a_connection_that_ends_with_an_answer_is_not_waited_for() {
    let address = server(
        |number, line| {
            if number == 100 { Reply::Last(at(line)) } else { Reply::Line(at(line)) }
        },
    );

    let plan = Plan { connections: 1, depth: 1, ..plan(address, 1000) };
    let outcome = run(&plan).unwrap();

    let why: Vec<_> = outcome.errors.lost.keys().collect();
    assert_eq!(why, ["closed by the server"]);
}

#[test]
fn an_open_loop_keeps_to_its_rate() {
    let address = server(|_, line| Reply::Line(at(line)));

    let plan =
        Plan { pace: Pace::Open(2000.0), ramp: Duration::from_millis(100), ..plan(address, 400) };
    let outcome = run(&plan).unwrap();

    // It can be slower on a busy machine, never faster.
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    assert_eq!(outcome.iamat.unwrap().count, 400);
    assert!(outcome.seconds >= 0.199, "{outcome:?}", outcome = outcome.seconds);
}

#[test]
fn an_echo_is_checked_too() {
    let good = server(|_, line| Reply::Line(format!("{line}\n")));
    let bad = server(|_, line| Reply::Line(format!("{line} \n")));
    let echo = |address| Plan { protocol: Protocol::Echo, ..plan(address, 100) };

    assert!(run(&echo(good)).unwrap().errors.is_empty());
    assert_eq!(run(&echo(bad)).unwrap().errors.wrong, 110);
}

#[test]
fn several_servers_have_names_of_their_own() {
    let hill = server(|_, line| Reply::Line(at(line)));
    let smith = server(|_, line| Reply::Line(at(line).replace("Hill", "Smith")));
    let servers = vec![
        Server { address: hill, name: Some("Hill".to_owned()) },
        Server { address: smith, name: None },
    ];

    let plan = Plan { servers, distribution: Distribution::Zipf(1.0), ..plan(hill, 1000) };
    let outcome = run(&plan).unwrap();

    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    let servers = vec![Server { address: hill, name: Some("Smith".to_owned()) }];
    assert_eq!(run(&Plan { servers, ..plan }).unwrap().errors.wrong, 1010);
}

#[test]
fn a_reply_without_end_is_given_up_before_it_fills_the_memory() {
    let address = server(|_, _| Reply::Line("x".repeat(17 << 20)));

    let Err(Error::NotPrimed(why)) = run(&plan(address, 100)) else { panic!("it is measured") };

    assert_eq!(why, "sent more than 16 MiB without the end of a reply");
}
