"""The rows of the comparison: what is measured, of which programs, and how."""

import contextlib
import re
import socket
from dataclasses import dataclass
from typing import Callable

import programs
from herds import flood, hops, lone, stalled
from load import CLIENTS, CONNECTIONS, ask, load, protocol, ramp
from lookups import lookups
from programs import HOST

MANY_CLIENTS = 1_000_000
# More than a server logs in a round.
LOG_BYTES = 2 << 30
# As many as a server takes unless told otherwise, less one that asks whether the others are in.
IDLE_CONNECTIONS = 9_999
# So many connections wait to be accepted at a time: more and the kernel has some of them try again a second later.
BACKLOG = 40


@dataclass
class Setting:
    """What all rows go by."""

    seconds: float  # how long there is load
    stall_seconds: float  # how long a server stands still


@dataclass
class Row:
    """One question to several programs. `measure(programs, name, setting)` gives the figures of one round."""

    title: str
    unit: str
    figure: str  # the one of the figures that programs are compared by
    less_is_better: bool
    names: list
    measure: Callable
    rounds: int | None = None  # so many at most, where one takes long


def settled(depth, log="off", workers=1):
    """Measures reports that everybody knows already, `depth` unanswered on each connection."""
    return reports(depth, log=log, workers=workers)


def reports(depth, *more, log="off", workers=1):
    """Measures reports, `depth` unanswered on each connection, with `more` options of the load tool."""

    def measure(bench, name, setting):
        if log == "lines":
            bench.use_memory(LOG_BYTES)
        with bench.one(name, log, workers=workers) as (process, port, place):
            options = ["--connections", CONNECTIONS, "--depth", depth, "--clients", CLIENTS]
            options += ["--duration", setting.seconds, "--ramp", ramp(name), "--protocol", protocol(name), *more]
            outcome = load(bench, port, [process.pid], *options)
            figures = {
                "lines_per_cpu_second": outcome["per_server_cpu_second"],
                "lines_per_second": outcome["per_second"],
                "p50_us": outcome["iamat"]["p50"],
                "p99_us": outcome["iamat"]["p99"],
            }
            if log == "lines":
                process.stop()
                figures["missing_in_log"] = missing_share(place / "log")
            return figures

    return measure


def missing_share(directory):
    """How many of its lines a log is without, from 0 to 1: it says so where they would be."""
    written = missing = 0
    for file in directory.iterdir():
        text = file.read_bytes()
        written += text.count(b"\n")
        missing += sum(map(int, re.findall(rb" ! (\d+) lines? (?:is|are) missing here", text)))
    return missing / (missing + written)


def memory_of_clients(bench, name, _setting):
    """Measures what a client in the table takes."""
    with bench.one(name) as (process, port, _place):
        before = process.resident_bytes()
        options = ["--connections", CONNECTIONS, "--depth", 64, "--clients", MANY_CLIENTS, "--count", 1]
        load(bench, port, [process.pid], *options)
        return {"bytes": (process.resident_bytes() - before) / MANY_CLIENTS}


def memory_of_connections(bench, name, _setting):
    """Measures what a connection takes that says nothing."""
    with bench.one(name) as (process, port, _place), contextlib.ExitStack() as idle:
        before = process.resident_bytes()
        for count in range(1, IDLE_CONNECTIONS + 1):
            idle.enter_context(socket.create_connection((HOST, port)))
            if count % BACKLOG and count < IDLE_CONNECTIONS:
                continue
            # Connections are accepted in turn: who is answered comes after all of them.
            if not ask(port, "IAMAT last +34.0-118.4 1520023934.9\n").startswith("AT "):
                raise RuntimeError(f"{name} does not take {count + 1} connections")
        return {"bytes": (process.resident_bytes() - before) / IDLE_CONNECTIONS}


def start(bench, name, _setting):
    """Measures the time from the start of the process until it says that it listens."""
    with bench.one(name) as (process, _port, _place):
        return {"ms": process.start_s * 1e3}


SERVERS = [*programs.HERDS, *programs.PEERS]
ANSWERING = [*programs.HERDS, *programs.ECHOES, *programs.REDIS, *programs.PEERS]
PER_CPU = "lines per second of the server's processor time"
ROWS = {
    "settled-64": Row("64 in flight", PER_CPU, "lines_per_cpu_second", False, ANSWERING, settled(64)),
    "news-64": Row(
        "64 in flight, all of it news", PER_CPU, "lines_per_cpu_second", False, SERVERS, reports(64, "--fresh")
    ),
    "settled-1": Row("1 in flight", PER_CPU, "lines_per_cpu_second", False, ANSWERING, settled(1)),
    "logged-64": Row(
        "64 in flight, every line logged", PER_CPU, "lines_per_cpu_second", False, programs.HERDS, settled(64, "lines")
    ),
    "logged-1": Row(
        "1 in flight, every line logged", PER_CPU, "lines_per_cpu_second", False, programs.HERDS, settled(1, "lines")
    ),
    "workers-64": Row(
        "64 in flight, two workers", PER_CPU, "lines_per_cpu_second", False, programs.HERDS, settled(64, workers=2)
    ),
    "workers-1": Row(
        "1 in flight, two workers", PER_CPU, "lines_per_cpu_second", False, programs.HERDS, settled(1, workers=2)
    ),
    "flood": Row(
        "five servers, news at one of them",
        "reports a second, until all five have applied them",
        "reports_per_second",
        False,
        [*programs.HERDS, "asyncio"],
        flood,
    ),
    "lone": Row(
        "five servers that do not talk, each with as much news",
        "records applied per second of the servers' processor time",
        "records_per_cpu_second",
        False,
        programs.HERDS,
        lone,
    ),
    "hops": Row(
        "news at one server, two hops away",
        "µs at the median",
        "p50_us",
        True,
        [*programs.HERDS, *programs.RELAYS],
        hops,
    ),
    "stalled": Row(
        "one of five servers stands still under load",
        "s from its return until it knows what was reported before",
        "caught_up_s",
        True,
        [*programs.HERDS, "asyncio"],
        stalled,
        rounds=1,
    ),
    "lookups": Row(
        "a provider asked, 50 at a time",
        "lookups per second of the asking program's processor time",
        "lookups_per_cpu_second",
        False,
        [*programs.HERDS, *programs.LOOPS, *programs.ASKERS],
        lookups,
    ),
    "memory-clients": Row("1,000,000 clients", "bytes a client", "bytes", True, programs.HERDS, memory_of_clients),
    "memory-connections": Row(
        f"{IDLE_CONNECTIONS:,} idle connections", "bytes a connection", "bytes", True, SERVERS, memory_of_connections
    ),
    "start": Row("start", "ms until it listens", "ms", True, [*SERVERS, "redis-set"], start),
}
