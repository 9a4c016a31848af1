"""A herd server on asyncio's Protocol class and uvloop: asyncio, tuned.

    uvloop_protocol.py SERVER PORT [NEIGHBOUR_PORT...]

What is tuned: all lines that one read brings are answered by one write, and told to each neighbour by one write;
a report is recognized by one regular expression; a record is kept as the line it is answered by.

Between servers: a connection to each neighbour, opened when there is first something to say and then kept. What
is said is the AT line and the port of who says it, so that nobody is told what they have just told. What a
neighbour does not get because it is down is lost to it. Everybody who connects is believed.
"""

import asyncio
import gc
import json
import os
import re
import sys
import time

import aiohttp
import uvloop

SPACE = rb"[ \t\r\v\f]"
LOCATION = rb"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)"
TIME = rb"[+-]?\d+(?:\.\d{1,9})?"
IAMAT = re.compile(rb"%b*IAMAT%b+(\S+)%b+(%b)%b+(%b)%b*" % (SPACE, SPACE, SPACE, LOCATION, SPACE, TIME, SPACE))
AT = re.compile(rb"AT (\S+) ([+-]\S+) (\S+) (%b) (%b)(?: (\S+))?%b*" % (LOCATION, TIME, SPACE))
WHATSAT = re.compile(rb"%b*WHATSAT%b+(\S+)%b+(\d+(?:\.\d+)?)%b+(\d+)%b*" % ((SPACE,) * 5))
MOST_OF_A_LINE = 64 * 1024
HOST = "127.0.0.1"
UPSTREAM = os.environ.get("PEER_UPSTREAM", "http://127.0.0.1:12000/maps/api/place/nearbysearch/json")


class Neighbour(asyncio.Protocol):
    """The connection on which a neighbour is told what is new."""

    def __init__(self, port):
        self.port = port
        self.id = b"%d" % port  # as the last field of what it says
        self.transport = None
        self.waiting = []

    def tell(self, lines):
        if self.transport:
            self.transport.write(lines)
            return
        self.waiting.append(lines)
        if len(self.waiting) == 1:
            self.opening = asyncio.create_task(self.open())

    async def open(self):
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, HOST, self.port)
        except OSError:
            self.waiting.clear()

    def connection_made(self, transport):
        self.transport = transport
        transport.writelines(self.waiting)
        self.waiting.clear()

    def connection_lost(self, _error):
        self.transport = None


class Server:
    def __init__(self, name, port, neighbours):
        self.name = name
        self.port = port
        self.answer_form = f"AT {name} %+.9f %b %b %b\n".encode()
        self.hop = b" %d\n" % port
        self.neighbours = [Neighbour(neighbour) for neighbour in neighbours]
        self.records = {}  # client: (time, AT line with its line end)

    async def run(self):
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as self.http:
            server = await asyncio.get_running_loop().create_server(lambda: Connection(self), HOST, self.port)
            gc.freeze()
            print(f"uvloop: {self.name} listens on {HOST}:{self.port}", flush=True)
            await server.serve_forever()

    def report(self, client, location, stamp):
        """The answer to a report, and whether it is news."""
        seconds = float(stamp)
        at = self.answer_form % (time.time() - seconds, client, location, stamp)
        return at, self.learn(client, seconds, at)

    def learn(self, client, seconds, at):
        known = self.records.get(client)
        if known and seconds <= known[0]:
            return False
        self.records[client] = seconds, at
        return True

    def flood(self, news, came_from):
        """Tells all neighbours but the one that told it."""
        hop = self.hop
        lines = b"".join([at[:-1] + hop for at in news])
        for neighbour in self.neighbours:
            if neighbour.id != came_from:
                neighbour.tell(lines)

    def query(self, client, radius, bound):
        """The AT line and what to ask the upstream for, where there is such a client and the limits are kept."""
        if float(radius) > 50 or int(bound) > 20 or client not in self.records:
            return None
        at = self.records[client][1]
        latitude, longitude = re.fullmatch(LOCATION, at.split()[4]).groups()
        location = f"{latitude.decode().lstrip('+')},{longitude.decode().lstrip('+')}"
        return at, {"location": location, "radius": f"{float(radius) * 1000:.0f}"}

    async def look_up(self, query, bound):
        try:
            async with self.http.get(UPSTREAM, params=query) as response:
                response.raise_for_status()
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            body = {"html_attributions": [], "results": [], "status": "UNKNOWN_ERROR", "error_message": str(error)}
        body["results"] = body.get("results", [])[:bound]
        return b"%b\n\n" % json.dumps(body, indent=3).encode()


class Connection(asyncio.Protocol):
    """A client, or a neighbour that tells what is new."""

    def __init__(self, server):
        self.server = server
        self.rest = b""  # a line that is not complete
        self.lines = []  # lines that wait for the answer to the one before, the next one last
        self.lookup = None
        self.is_full = False  # the other side does not read
        self.has_ended = False
        self.neighbour = None  # its port, once it has said it

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _error):
        if self.lookup:
            self.lookup.cancel()

    def data_received(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > MOST_OF_A_LINE:
            self.transport.close()
        lines.reverse()
        self.lines = lines + self.lines
        self.go_on()

    def eof_received(self):
        self.has_ended = True
        if self.rest:
            self.lines.insert(0, self.rest)
        self.go_on()
        return True

    def pause_writing(self):
        self.is_full = True
        self.read_or_not()

    def resume_writing(self):
        self.is_full = False
        self.read_or_not()

    def read_or_not(self):
        if self.has_ended or self.transport.is_closing():
            return
        if self.is_full or self.lookup:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def go_on(self):
        """Answers lines up to one that has to wait for the upstream."""
        server, lines, answers, news = self.server, self.lines, [], []
        while lines and not self.lookup:
            line = lines.pop()
            if report := IAMAT.fullmatch(line):
                answer, is_news = server.report(report[1], report[2], report[5])
                answers.append(answer)
                if is_news:
                    news.append(answer)
            elif heard := AT.fullmatch(line):
                self.neighbour = heard[8]
                at = b"AT %b %b %b %b %b\n" % heard.group(1, 2, 3, 4, 7)
                if server.learn(heard[3], float(heard[7]), at):
                    news.append(at)
            elif (asked := WHATSAT.fullmatch(line)) and (query := server.query(*asked.groups())):
                self.lookup = asyncio.create_task(self.look_up(*query, int(asked[3])))
            else:
                answers.append(b"? %b\n" % line.removesuffix(b"\r"))
        if news:
            server.flood(news, self.neighbour)
        if answers:
            self.transport.write(b"".join(answers))
        if self.has_ended and not self.lookup:
            self.transport.close()
        self.read_or_not()

    async def look_up(self, at, query, bound):
        self.transport.write(at + await self.server.look_up(query, bound))
        self.lookup = None
        self.go_on()


if __name__ == "__main__":
    name, port, *neighbours = sys.argv[1:]
    try:
        uvloop.run(Server(name, int(port), [int(neighbour) for neighbour in neighbours]).run())
    except KeyboardInterrupt:
        pass
