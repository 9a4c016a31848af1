//! How long the steps of the core take.
//!
//! `cargo bench -p herd-benches --bench steps`. The one to look at is `settled/100000`: from bytes to reply and
//! table for reports of 100,000 clients, 64 lines in a call; divide by 64, or read the elements a second.

use core::hint::black_box;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use herd_benches::{AT, GRAMMAR, Hill, IAMAT, LINES, Pair, WHATSAT, body, newcomers, reports};
use herd_core::{Command, Update, cut_results};

const CLIENTS: [u32; 3] = [1_000, 100_000, 1_000_000];

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("line");
    group.bench_function("parse IAMAT", |bencher| {
        bencher.iter(|| Command::parse(black_box(IAMAT), &GRAMMAR).is_ok());
    });
    group.bench_function("parse WHATSAT", |bencher| {
        bencher.iter(|| Command::parse(black_box(WHATSAT), &GRAMMAR).is_ok());
    });
    group.bench_function("parse AT", |bencher| {
        bencher.iter(|| Update::parse(black_box(AT)).is_ok());
    });
    // No table is asked: framing and a copy.
    let invalid = b"hello\n".repeat(LINES);
    group.throughput(Throughput::Elements(LINES as u64));
    group.bench_function("refuse", |bencher| {
        let mut hill = Hill::knowing(1);
        bencher.iter(|| hill.hear(black_box(&invalid)));
    });
}

fn tables(criterion: &mut Criterion) {
    for clients in CLIENTS {
        let settled = reports(clients, 0);
        let mut hill = Hill::knowing(clients);
        let mut group = criterion.benchmark_group("settled");
        group.throughput(Throughput::Elements(LINES as u64));
        let mut calls = settled.iter().filter(|call| call.len() == settled[0].len()).cycle();
        group.bench_function(BenchmarkId::from_parameter(clients), |bencher| {
            bencher.iter(|| hill.hear(calls.next().expect("a circle has no end")));
        });
        group.finish();

        // Each round is newer than the one before: what is kept changes with each line.
        let mut group = criterion.benchmark_group("fresh");
        group.throughput(Throughput::Elements(LINES as u64));
        let mut fresh = (1..).flat_map(|second| reports(clients, second));
        group.bench_function(BenchmarkId::from_parameter(clients), |bencher| {
            bencher.iter_batched(
                || fresh.next().expect("time has no end"),
                |call| hill.hear(&call),
                criterion::BatchSize::SmallInput,
            );
        });
        group.finish();

        // Each line is of a client that is not known, in whose favour the smallest record goes.
        let mut group = criterion.benchmark_group("evict");
        group.throughput(Throughput::Elements(LINES as u64));
        let mut hill = Hill::full(clients);
        let mut calls = (0..).map(newcomers);
        group.bench_function(BenchmarkId::from_parameter(clients), |bencher| {
            bencher.iter_batched(
                || calls.next().expect("numbers have no end"),
                |call| hill.hear(&call),
                criterion::BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

fn others(criterion: &mut Criterion) {
    let body = body();
    criterion.bench_function("splice/20 results to 5", |bencher| {
        bencher.iter(|| cut_results(black_box(&body), 5).is_ok());
    });
    criterion.bench_function("lookup", |bencher| {
        let mut hill = Hill::knowing(1);
        bencher.iter(|| hill.look_up(b"WHATSAT walker-0000000 10 5\n", black_box(&body)));
    });
    criterion.bench_function("handshake", |bencher| {
        bencher.iter_batched(Pair::new, Pair::meet, criterion::BatchSize::SmallInput);
    });
    let mut group = criterion.benchmark_group("flood");
    group.throughput(Throughput::Elements(LINES as u64));
    group.bench_function("one hop", |bencher| {
        let mut pair = Pair::new().meet();
        let mut fresh = (1..).flat_map(|second| reports(100_000, second));
        bencher.iter_batched(
            || fresh.next().expect("time has no end"),
            |call| pair.tell(&call),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = lines, tables, others
}
criterion_main!(benches);
