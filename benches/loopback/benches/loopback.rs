//! How long both runtimes' servers take for what is asked of them over loopback, side by side.
//!
//! `cargo bench -p herd-loopback`. docs/loopback.md says what is measured and how to read it.

use core::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use herd_benches::LINES;
use herd_loopback::{Exchange, Flood, Lookups, Newcomers};
use herd_tests::{RUNTIMES, Runtime};

/// Connections on which lines are pipelined, where there are several.
const CONNECTIONS: u32 = 8;
/// Lookups at once, where there are several.
const LOOKUPS: u32 = 16;
const IDLE: u32 = 10_000;

fn exchanges(criterion: &mut Criterion) {
    let lines = u32::try_from(LINES).expect("there are few");
    compare(criterion, "ping-pong", 1, |runtime| Exchange::start(runtime, 1), Exchange::turn);
    for (name, clients) in [("pipelined-1x64", lines), ("pipelined-8x64", CONNECTIONS * lines)] {
        let start = |runtime| Exchange::start(runtime, clients);
        compare(criterion, name, clients, start, Exchange::turn);
    }
}

fn others(criterion: &mut Criterion) {
    compare(criterion, "flood-two-hops", 1, Flood::start, Flood::turn);
    for (name, clients) in [("lookup-1", 1), ("lookup-16", LOOKUPS)] {
        let start = |runtime| Lookups::start(runtime, clients);
        compare(criterion, name, clients, start, Lookups::turn);
    }
    compare(criterion, "set-up", 1, Newcomers::start, Newcomers::turn);
    let start = |runtime| Exchange::start_amid(runtime, IDLE);
    compare(criterion, "ping-pong-amid-10000", 1, start, Exchange::turn);
}

/// A group with an entry for each runtime, whose servers start when its turn has come and run only until it is over.
/// `elements` are answered in each turn.
fn compare<T>(
    criterion: &mut Criterion,
    name: &str,
    elements: u32,
    start: impl Fn(Runtime) -> T,
    turn: impl Fn(&mut T) -> Duration,
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(elements.into()));
    for runtime in RUNTIMES {
        let mut started = None;
        group.bench_function(runtime.program(), |bencher| {
            let started = started.get_or_insert_with(|| start(*runtime));
            bencher.iter_custom(|turns| (0..turns).map(|_| turn(started)).sum());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).warm_up_time(Duration::from_secs(1));
    targets = exchanges, others
}
criterion_main!(benches);
