//! How many instructions the steps of the core take, counted by valgrind.
//!
//! Run by `benches/core/instructions/run`, which compares them with what they were.

#![expect(missing_docs, unused_qualifications, reason = "of what the macros of gungraun make")]

use core::hint::black_box;
use gungraun::{library_benchmark, library_benchmark_group, main};
use herd_benches::{AT, GRAMMAR, Hill, IAMAT, Pair, WHATSAT, body, newcomers, reports};
use herd_core::{Command, Update, cut_results};

/// A server that has heard all of this once, and has its buffers.
fn hill(second: u32) -> (Hill, Vec<u8>) {
    let mut hill = Hill::knowing(1000);
    let mut calls = reports(1000, second);
    hill.hear(&reports(1000, 0)[1]);
    (hill, calls.swap_remove(0))
}

/// A server that has no room left, and has made room before.
fn full() -> (Hill, Vec<u8>) {
    let mut hill = Hill::full(1000);
    hill.hear(&newcomers(0));
    (hill, newcomers(1))
}

fn lookup() -> (Hill, Vec<u8>) {
    let mut hill = Hill::knowing(1);
    hill.look_up(b"WHATSAT walker-0000000 10 5\n", &body());
    (hill, body())
}

fn pair() -> (Pair, Vec<u8>) {
    let mut pair = Pair::new().meet();
    pair.tell(&reports(1000, 0)[0]);
    (pair, reports(1000, 1).swap_remove(0))
}

// Any report. Of those that are written as they usually are a server reads less: `settled` and `fresh` have them.
#[library_benchmark]
fn parse_iamat() -> bool {
    Command::parse(black_box(IAMAT), &GRAMMAR).is_ok()
}

#[library_benchmark]
fn parse_whatsat() -> bool {
    Command::parse(black_box(WHATSAT), &GRAMMAR).is_ok()
}

#[library_benchmark]
fn parse_at() -> bool {
    Update::parse(black_box(AT)).is_ok()
}

#[library_benchmark(setup = hill)]
#[bench::lines_64(0)]
fn settled((mut hill, call): (Hill, Vec<u8>)) -> (Hill, Vec<u8>) {
    hill.hear(black_box(&call));
    (hill, call)
}

#[library_benchmark(setup = hill)]
#[bench::lines_64(1)]
fn fresh((mut hill, call): (Hill, Vec<u8>)) -> (Hill, Vec<u8>) {
    hill.hear(black_box(&call));
    (hill, call)
}

#[library_benchmark(setup = full)]
#[bench::lines_64()]
fn evict((mut hill, call): (Hill, Vec<u8>)) -> (Hill, Vec<u8>) {
    hill.hear(black_box(&call));
    (hill, call)
}

#[library_benchmark(setup = lookup)]
#[bench::five_of_20()]
fn whatsat((mut hill, body): (Hill, Vec<u8>)) -> (Hill, Vec<u8>) {
    hill.look_up(b"WHATSAT walker-0000000 10 5\n", black_box(&body));
    (hill, body)
}

#[library_benchmark(setup = body)]
#[bench::five_of_20()]
fn splice(body: Vec<u8>) -> Vec<u8> {
    black_box(cut_results(black_box(&body), 5).is_ok());
    body
}

#[library_benchmark(setup = pair)]
#[bench::lines_64()]
fn one_hop((mut pair, call): (Pair, Vec<u8>)) -> (Pair, Vec<u8>) {
    pair.tell(black_box(&call));
    (pair, call)
}

#[library_benchmark(setup = Pair::new)]
#[bench::both_sides()]
fn handshake(pair: Pair) -> Pair {
    black_box(pair.meet())
}

library_benchmark_group!(
    name = steps,
    benchmarks = [
        parse_iamat,
        parse_whatsat,
        parse_at,
        settled,
        fresh,
        evict,
        whatsat,
        splice,
        one_hop,
        handshake
    ]
);

main!(library_benchmark_groups = steps);
