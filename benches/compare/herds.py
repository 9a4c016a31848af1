"""Rows of several servers: how news spreads, what that costs, and what one that stands still does to the others."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import time

import programs
from load import CLIENTS, CONNECTIONS, PATIENCE_S, ask, load, loading
from programs import HOST

# Reports of which each is news, as fast as they are answered.
NEWS = ["--connections", CONNECTIONS, "--depth", 64, "--clients", CLIENTS, "--fresh"]
# Who stands still: all its neighbours dial it, and it is one of Hill's.
STILL = "Smith"
# How long there is load after it has come back.
AFTERWARDS_S = 3
MIB = 1 << 20


def hops(bench, name, setting):
    """Measures how long news takes from the first of three servers, or relays, to what listens to the last."""
    with bench.line(name) as (port, to):
        what = "herd" if name in programs.HERDS else "relay"
        command = [bench.binary("herd-hops"), str(port), str(to), str(setting.seconds), what]
        run = subprocess.run(command, capture_output=True, text=True, timeout=setting.seconds + PATIENCE_S)
    if run.returncode:
        raise RuntimeError(f"herd-hops ended with {run.returncode}: {run.stderr}")
    return json.loads(run.stdout)


def flood(bench, name, setting):
    """Measures news at one of five servers, until all five have applied it."""
    with bench.herd(name) as (processes, ports, place):
        wait_until_applied("before", ports)  # all links are up
        cpu = sum(process.cpu_s() for process in processes.values())
        begun = time.monotonic()
        outcome = load(bench, ports["Hill"], [], *NEWS, "--duration", setting.seconds)
        answered_s = time.monotonic() - begun
        # Two, one after the other: the first may overtake others where a neighbour is sent the whole table, and
        # when it is everywhere nobody is sent the table any more.
        wait_until_applied("after", ports)
        wait_until_applied("last", ports)
        applied_s = time.monotonic() - begun
        cpu = sum(process.cpu_s() for process in processes.values()) - cpu
        reports = news(outcome)
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


def lone(bench, name, setting):
    """Measures five servers that do not talk with each other, each with reports of its own like a herd's."""
    with contextlib.ExitStack() as servers:
        started = [servers.enter_context(bench.one(name, "events")) for _ in programs.ROSTER]
        cpu = sum(process.cpu_s() for process, _, _ in started)
        with contextlib.ExitStack() as loads:
            outcomes = [
                loads.enter_context(loading(bench, port, [], *NEWS, "--duration", setting.seconds))
                for _, port, _ in started
            ]
            reports = sum(news(outcome()) for outcome in outcomes)
        cpu = sum(process.cpu_s() for process, _, _ in started) - cpu
        applied = 0
        for process, _, place in started:
            process.stop()
            applied += records_applied(place / "log/Hill.log")
    if applied < reports:
        raise RuntimeError(f"of {reports} reports that were news {applied} were applied")
    return {"records_per_cpu_second": applied / cpu}


def stalled(bench, name, setting):
    """Measures the others while one of five stands still under load, and how soon it has caught up."""
    with bench.herd(name) as (processes, ports, _place):
        wait_until_applied("before", ports)  # all links are up
        load(bench, ports["Hill"], [], *NEWS, "--count", 1)
        wait_until_applied("known", ports)  # the tables have their size
        still = processes[STILL]
        others = [process for server, process in processes.items() if server != STILL]
        duration = setting.seconds + setting.stall_seconds + AFTERWARDS_S
        with loading(bench, ports["Hill"], [], *NEWS, "--duration", duration) as outcome:
            time.sleep(setting.seconds)
            before = most = resident_mib(others)
            still.popen.send_signal(signal.SIGSTOP)
            returns = time.monotonic() + setting.stall_seconds
            while time.monotonic() < returns:
                time.sleep(0.1)
                most = max(most, resident_mib(others))
            report("missed", ports)
            still.popen.send_signal(signal.SIGCONT)
            begun = time.monotonic()
            # Who queues whatever was missed needs about as long as that took to come.
            wait_until_known("missed", ports[STILL], PATIENCE_S + 2 * setting.stall_seconds)
            caught_up_s = time.monotonic() - begun
            reports = outcome()["iamat"]["count"]
        wait_until_applied("after", ports)
        return {
            "caught_up_s": caught_up_s,
            "others_before_mib": before,
            "others_most_mib": most,
            "others_after_mib": resident_mib(others),
            "reports_per_second": reports / duration,
        }


def resident_mib(processes):
    return sum(process.resident_bytes() for process in processes) / MIB


def news(outcome):
    """How many reports were news, but for the last few: the load tool reports every client before it measures."""
    return CLIENTS + outcome["iamat"]["count"]


def records_applied(log):
    """What a herd server that has stopped says last: its counters."""
    return int(re.findall(r"\brecords: (\d+)", log.read_text())[-1])


def wait_until_applied(client, ports):
    """Reports `client` to Hill and waits until every server knows it."""
    report(client, ports)
    for port in ports.values():
        wait_until_known(client, port)


def report(client, ports):
    line = f"IAMAT {client} +34.0-118.4 {time.time():.9f}\n"
    if not ask(ports["Hill"], line).startswith("AT "):
        raise RuntimeError(f"Hill did not take {line}")


def wait_until_known(client, port, within_s=PATIENCE_S):
    deadline = time.monotonic() + within_s
    with socket.create_connection((HOST, port), timeout=within_s) as connection, connection.makefile() as answers:
        while time.monotonic() < deadline:
            connection.sendall(f"WHATSAT {client} 10 1\n".encode())
            if answers.readline().startswith("AT "):
                return
            time.sleep(0.002)
    raise RuntimeError(f"the server on port {port} has not heard of {client}")
