"""The row of lookups: a provider with places near one client, and what it takes to ask it for them."""

import contextlib
import http.client
import json
import os
import subprocess

from load import CONNECTIONS, PATIENCE_S, RAMP_S, ask, load
from programs import ASKERS, HOST, LOOPS, ONE_THREAD, Process, free_ports

# Where the load tool has its first client, and as many places around it as a provider names at once.
CLIENT = "walker-0000000"
LATITUDE, LONGITUDE = 8.344582, -145.423880
RADIUS_KM = 10
PLACES = 20
# How many of them a client wants, and by how many blanks the provider indents.
BOUND = 5
INDENT = 3
PATH = "/maps/api/place/nearbysearch/json"
QUERY = f"?location={LATITUDE:.6f},{LONGITUDE:.6f}&radius={RADIUS_KM * 1000}"


def lookups(bench, name, setting):
    """Measures how often a provider is asked, by a server or by a bare loop, for its own processor time."""
    with provider(bench) as (url, answer):
        if name in LOOPS:
            return asked_by_loop(bench, name, url, setting)
        with asker(bench, name, url, answer) if name in ASKERS else bench.one(name, upstream=url) as server:
            return asked_by_server(bench, name, server, setting)


@contextlib.contextmanager
def provider(bench):
    """A `herd-places` with those places: its URL, up to the `?`, and what it answers."""
    (port,) = free_ports(1)
    with bench.place() as place:
        data = place / "places.csv"
        lines = [f"Hut {n},{LATITUDE + n / 1000:.6f},{LONGITUDE:.6f},cafe|food,{n},{n} Main St" for n in range(PLACES)]
        data.write_text("\n".join(["name,lat,lng,types,population,vicinity", *lines]) + "\n")
        command = [bench.binary("herd-places"), "--listen", f"{HOST}:{port}", "--data", data]
        with Process(command, place):
            connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)
            connection.request("GET", PATH + QUERY)
            answer = json.load(connection.getresponse())
            found = len(answer["results"])
            if found != PLACES:
                raise RuntimeError(f"the provider knows {found} of {PLACES} places")
            yield f"http://{HOST}:{port}{PATH}", answer


@contextlib.contextmanager
def asker(bench, name, url, answer):
    """A bare server that asks, and answers with as many bytes as a herd's: the process, its port and its directory."""
    (port,) = free_ports(1)
    with bench.place() as place:
        file = place / "answer.json"
        # With the blanks that the provider has, and the line ends that a client gets.
        file.write_text(json.dumps({**answer, "results": answer["results"][:BOUND]}, indent=INDENT) + "\n\n")
        command = [bench.binary(ASKERS[name]), "serve", str(port), url + QUERY, file]
        with Process(command, place, environment={**ONE_THREAD, "no_proxy": HOST}) as process:
            yield process, port, place


def asked_by_server(bench, name, server, setting):
    process, port, _place = server
    options = ["--connections", CONNECTIONS, "--clients", 1, "--mix", 1, "--radius", RADIUS_KM, "--bound", BOUND]
    options += ["--duration", setting.seconds, "--ramp", RAMP_S]
    outcome = load(bench, port, [process.pid], *options)
    # What is asked for has to be what the bare loops ask for.
    place = f"{LATITUDE:+010.6f}{LONGITUDE:+011.6f}"
    at = ask(port, f"WHATSAT {CLIENT} {RADIUS_KM} 1\n")
    if outcome["unprovided"] or at.split()[4] != place:
        raise RuntimeError(f"{outcome['unprovided']} lookups failed; {CLIENT} is to be at {place}: {at}")
    return {
        "lookups_per_cpu_second": outcome["per_server_cpu_second"],
        "lookups_per_second": outcome["per_second"],
    }


def asked_by_loop(bench, name, url, setting):
    command = [bench.binary(LOOPS[name]), url + QUERY, str(CONNECTIONS), str(setting.seconds)]
    environment = {**os.environ, **ONE_THREAD, "no_proxy": HOST}
    timeout = setting.seconds + PATIENCE_S
    run = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
    if run.returncode:
        raise RuntimeError(f"{command[0]} ended with {run.returncode}: {run.stderr}")
    outcome = json.loads(run.stdout)
    return {
        "lookups_per_cpu_second": outcome["lookups"] / outcome["cpu_seconds"],
        "lookups_per_second": outcome["lookups"] / setting.seconds,
    }
