"""The programs that are compared: how each is started, and what it costs while it runs."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
HERDS = ["herd-tokio", "herd-async-std"]
ECHOES = ["echo-tokio", "echo-async-std"]
RELAYS = ["relay-tokio", "relay-async-std"]
# The bare loops, by the HTTP clients that they ask with.
LOOPS = {"reqwest": "herd-lookup-tokio", "surf": "herd-lookup-async-std"}
PEERS = ["asyncio", "uvloop", "twisted", "node", "java"]
COMPILED = ["node", "java"]
REDIS = {"redis-set": "Redis SET", "redis-geoadd": "Redis GEOADD"}
# The same programs as servers that ask whenever they are asked.
ASKERS = {"asker-tokio": "herd-lookup-tokio", "asker-async-std": "herd-lookup-async-std"}
# What belongs to this project, and needs nothing installed.
OWN = [*HERDS, *ECHOES, *RELAYS, *LOOPS, *ASKERS]
ALL = [*OWN, *REDIS, *PEERS]

# The herd that floods: the roster places-2020.
ROSTER = {
    "Hill": ["Jaquez", "Smith"],
    "Jaquez": ["Hill", "Singleton"],
    "Smith": ["Hill", "Campbell", "Singleton"],
    "Campbell": ["Smith", "Singleton"],
    "Singleton": ["Jaquez", "Smith", "Campbell"],
}

# The servers of the row hops, which stand in a line.
LINE = ["A", "B", "C"]
# The provider of a server that is to have none: nobody listens there.
NOBODY = f"http://{HOST}:1/"
# One thread for each program, as for the servers.
ONE_THREAD = {"ASYNC_STD_THREAD_COUNT": "1"}

# How long a program may take until it listens: a peer's first start fetches what it needs.
PATIENCE_S = 300
NOT_INSTALLED = 3  # exit code of benches/peers/start


class LeftOut(Exception):
    """A program can not be measured here; the text says why."""


class Process:
    """A program that listens, until the `with` block ends."""

    def __init__(self, command, directory, ready="listens on", environment=None):
        self.errors = directory / "errors.txt"
        begun = time.monotonic()
        with self.errors.open("w") as errors:
            self.popen = subprocess.Popen(
                command,
                cwd=directory,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.pid = self.popen.pid
        try:
            self.wait_until(ready, command)
        except BaseException:
            self.stop()
            raise
        self.start_s = time.monotonic() - begun

    def wait_until(self, ready, command):
        timer = threading.Timer(PATIENCE_S, self.popen.kill)
        timer.start()
        try:
            listens = any(ready in line for line in self.popen.stdout)
        finally:
            timer.cancel()
        if listens:
            return
        code = self.popen.wait()
        said = self.errors.read_text().strip()
        if code == NOT_INSTALLED:
            raise LeftOut(said.splitlines()[-1].removeprefix("benches/peers/start: "))
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {code} before it listened: {said}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.popen.stdout.close()

    def cpu_s(self):
        """Processor time so far, in the program and in the kernel."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10


class Programs:
    """Starts programs from `binaries`, each with files of its own below `directory`."""

    def __init__(self, binaries, directory):
        self.binaries = binaries
        self.directory = directory
        self.count = 0

    def binary(self, name):
        for directory in self.binaries:
            if (directory / name).is_file():
                return directory / name
        raise LeftOut(f"there is no {name} in {', '.join(map(str, self.binaries))}")

    @contextlib.contextmanager
    def place(self):
        """A directory that is there for the `with` block."""
        self.count += 1
        place = self.directory / str(self.count)
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place)

    def use_memory(self, count):
        """Has so many bytes of the machine's memory hold a file, and lets go of them.

        The host of a virtual machine may have taken back what was free. Giving it again costs whoever asks for it
        three times as much as writing to it does, which is then the host's time and not the program's.
        """
        block = bytes(1 << 20)
        with tempfile.TemporaryFile(dir=self.directory, buffering=0) as file:
            for _ in range(count // len(block)):
                file.write(block)

    @contextlib.contextmanager
    def one(self, name, log="off", upstream=NOBODY, workers=1):
        """One server without neighbours: the process, its port and its directory. A herd's may have more workers."""
        port, link = free_ports(2)
        with self.place() as place:
            if name in HERDS:
                write_configuration(place, {"Hill": (port, link, [])}, log, upstream)
                process = self.herd_server(name, "Hill", place, place, workers)
            elif name in ECHOES:
                process = Process([self.binary(f"herd-{name}"), str(port)], place, environment=ONE_THREAD)
            elif name in REDIS:
                process = redis(port, place)
            else:
                process = peer(name, "Hill", port, [], place)
            with process:
                yield process, port, place

    @contextlib.contextmanager
    def herd(self, name):
        """Five servers: their processes and ports, by name, and the directory."""
        ports = free_ports(2 * len(ROSTER))
        clients = dict(zip(ROSTER, ports))
        links = dict(zip(ROSTER, ports[len(ROSTER) :]))
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(self.place())
            if name in HERDS:
                write_configuration(place, {s: (clients[s], links[s], ROSTER[s]) for s in ROSTER}, "events")
            processes = {}
            for server, neighbours in ROSTER.items():
                own = place / server
                own.mkdir()
                if name in HERDS:
                    process = self.herd_server(name, server, place, own)
                else:
                    process = peer(name, server, clients[server], [clients[n] for n in neighbours], own)
                processes[server] = stack.enter_context(process)
            yield processes, clients, place

    @contextlib.contextmanager
    def line(self, name):
        """Three servers or relays in a line: the port of the first, and the port that the last connects to."""
        ports = free_ports(7)
        clients, links, to = ports[:3], ports[3:6], ports[6]
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(self.place())
            if name in HERDS:
                # Neighbours may be written on one side.
                neighbours = [[server] for server in [*LINE[1:], "Listener"]]
                servers = dict(zip(LINE, zip(clients, links, neighbours)))
                write_configuration(place, {**servers, "Listener": (to, None, [])}, "off")
            for server, port, next_port in zip(LINE, clients, [*clients[1:], to]):
                own = place / server
                own.mkdir()
                if name in HERDS:
                    process = self.herd_server(name, server, place, own)
                else:
                    program = self.binary(f"herd-{name.replace('relay', 'echo')}")
                    process = Process([program, str(port), str(next_port)], own, environment=ONE_THREAD)
                stack.enter_context(process)
            yield clients[0], to

    def herd_server(self, name, server, place, own, workers=1):
        state = {"XDG_STATE_HOME": str(place)}  # where the servers keep the secret they share
        command = [self.binary(name), server, "--config", place / "herd.toml", "--workers", str(workers)]
        return Process(command, own, environment=state)


def write_configuration(place, servers, log, upstream=NOBODY):
    """Each of `servers` has a port, a port for links, where it is not a plain server, and neighbours."""
    lines = ["[upstream]", f'url = "{upstream}"']
    lines += ["[log]", f'level = "{log}"', 'dir = "log"', "keep = 1000"]
    for name, (port, link, neighbours) in servers.items():
        talks_with = ", ".join(f'"{neighbour}"' for neighbour in neighbours)
        lines += ["[[server]]", f'name = "{name}"', f'address = "{HOST}:{port}"', f"talks_with = [{talks_with}]"]
        lines.append(f'link_address = "{HOST}:{link}"' if link else 'links = "plain"')
    (place / "herd.toml").write_text("\n".join(lines) + "\n")


def peer(name, server, port, neighbours, place):
    command = [ROOT / "benches/peers/start", name, server, str(port), *map(str, neighbours)]
    return Process(command, place, environment={"PEER_UPSTREAM": NOBODY})


def redis(port, place):
    if not shutil.which("redis-server"):
        raise LeftOut("redis-server is not installed")
    command = ["redis-server", "--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no"]
    return Process(command, place, ready="Ready to accept connections")


def free_ports(count):
    """Ports above those that the kernel gives to outgoing connections, and that nobody listens on."""
    ports = []
    with contextlib.ExitStack() as stack:
        for port in range(61000 + os.getpid() % 1000, 65000):
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise RuntimeError("there are no free ports")
