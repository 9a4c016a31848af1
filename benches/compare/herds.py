"""Rows of several servers: how news spreads."""

import re
import time

import programs
from load import CLIENTS, CONNECTIONS, PATIENCE_S, ask, load


def flood(bench, name, seconds):
    """Measures news at one of five servers, until all five have applied it."""
    with bench.herd(name) as (processes, ports, place):
        wait_until_applied("before", ports)  # all links are up
        cpu = sum(process.cpu_s() for process in processes.values())
        begun = time.monotonic()
        options = ["--connections", CONNECTIONS, "--depth", 64, "--clients", CLIENTS, "--fresh"]
        outcome = load(bench, ports["Hill"], [], *options, "--duration", seconds)
        answered_s = time.monotonic() - begun
        # Two, one after the other: the first may overtake others where a neighbour is sent the whole table, and
        # when it is everywhere nobody is sent the table any more.
        wait_until_applied("after", ports)
        wait_until_applied("last", ports)
        applied_s = time.monotonic() - begun
        cpu = sum(process.cpu_s() for process in processes.values()) - cpu
        # The load tool reports every client once before it measures, and that is news too.
        reports = CLIENTS + outcome["iamat"]["count"]
        applied = reports * len(processes)
        if name in programs.HERDS:
            applied = 0
            for server, process in processes.items():
                process.stop()
                applied += records_applied(place / "log" / f"{server}.log")
    return {
        "reports_per_second": reports / applied_s,
        "records_per_cpu_second": applied / cpu,
        "applied_share": applied / (reports * len(ports)),
        "behind_s": applied_s - answered_s,
    }


def records_applied(log):
    """What a herd server that has stopped says last: its counters."""
    return int(re.findall(r"\brecords: (\d+)", log.read_text())[-1])


def wait_until_applied(client, ports):
    """Reports `client` to Hill and waits until every server knows it."""
    report = f"IAMAT {client} +34.0-118.4 {time.time():.9f}\n"
    if not ask(ports["Hill"], report).startswith("AT "):
        raise RuntimeError(f"Hill did not take {report}")
    for port in ports.values():
        deadline = time.monotonic() + PATIENCE_S
        while not ask(port, f"WHATSAT {client} 10 1\n").startswith("AT "):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server on port {port} has not heard of {client}")
            time.sleep(0.002)
