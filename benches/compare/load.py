"""What drives a server, and asks it a question."""

import contextlib
import json
import socket
import subprocess

import programs
from programs import HOST

CONNECTIONS = 50
CLIENTS = 100_000
RAMP_S = 0.3
# Programs that are compiled while they run get as long as it takes until what is used is compiled.
COMPILED_RAMP_S = 8
# How long an answer may take.
PATIENCE_S = 60


def load(bench, port, pids, *options):
    """The outcome of one `herd load`; an error if any reply was wrong or missing."""
    with loading(bench, port, pids, *options) as outcome:
        return outcome()


@contextlib.contextmanager
def loading(bench, port, pids, *options):
    """A `herd load` that goes on in the `with` block: a function that waits for its outcome."""
    command = [bench.binary("herd"), "load", f"{HOST}:{port}", "--json", *map(str, options)]
    for pid in pids:
        command += ["--pid", str(pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:

        def outcome():
            said, errors = run.communicate()
            if run.returncode:
                raise RuntimeError(f"{' '.join(map(str, command))} ended with {run.returncode}: {errors}{said}")
            return json.loads(said)["outcome"]

        try:
            yield outcome
        finally:
            run.kill()


def ramp(name):
    """For how many seconds the load grows before anything is measured."""
    return COMPILED_RAMP_S if name in programs.COMPILED else RAMP_S


def protocol(name):
    if name in programs.ECHOES:
        return "echo"
    return name if name in programs.REDIS else "herd"


def ask(port, line):
    """The first line of the answer."""
    with socket.create_connection((HOST, port), timeout=PATIENCE_S) as connection:
        connection.sendall(line.encode())
        with connection.makefile() as answer:
            return answer.readline()
