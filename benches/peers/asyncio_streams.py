"""A herd server on asyncio's streams: the assignment as it is usually done.

    asyncio_streams.py SERVER PORT [NEIGHBOUR_PORT...]

Between servers: a connection to each neighbour, opened when there is first something to say and then kept. What
is said is the AT line and the port of who says it, so that nobody is told what they have just told. What a
neighbour does not get because it is down is lost to it. Everybody who connects is believed.
"""

import asyncio
import json
import os
import re
import sys
import time

import aiohttp

LOCATION = re.compile(rb"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)")
TIME = re.compile(rb"[+-]?\d+(?:\.\d{1,9})?")
RADIUS = re.compile(rb"\d+(?:\.\d+)?")
BOUND = re.compile(rb"\d+")
HOST = "127.0.0.1"
UPSTREAM = os.environ.get("PEER_UPSTREAM", "http://127.0.0.1:12000/maps/api/place/nearbysearch/json")


class Neighbour:
    """The connection on which a neighbour is told what is new."""

    def __init__(self, port):
        self.port = port
        self.id = b"%d" % port  # as the last field of what it says
        self.writer = None
        self.waiting = []

    def tell(self, line):
        if self.writer and not self.writer.is_closing():
            self.writer.write(line)
            return
        self.waiting.append(line)
        if len(self.waiting) == 1:
            self.opening = asyncio.create_task(self.open())

    async def open(self):
        try:
            _, self.writer = await asyncio.open_connection(HOST, self.port)
            self.writer.writelines(self.waiting)
        except OSError:
            pass
        self.waiting.clear()


class Server:
    def __init__(self, name, port, neighbours):
        self.name = name.encode()
        self.port = port
        self.neighbours = [Neighbour(neighbour) for neighbour in neighbours]
        self.records = {}  # client: (time, AT line)

    async def run(self):
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as self.http:
            server = await asyncio.start_server(self.serve, HOST, self.port)
            print(f"asyncio: {self.name.decode()} listens on {HOST}:{self.port}", flush=True)
            await server.serve_forever()

    async def serve(self, reader, writer):
        try:
            while line := await reader.readline():
                answer = await self.answer(line.removesuffix(b"\n").removesuffix(b"\r"))
                if answer:
                    writer.write(answer)
                    await writer.drain()
        except (ConnectionError, ValueError):
            pass  # The client is gone, or said a line of more than 64 KiB.
        finally:
            writer.close()

    async def answer(self, line):
        match line.split():
            case [b"IAMAT", client, location, stamp]:
                answer = self.report(client, location, stamp)
            case [b"WHATSAT", client, radius, bound]:
                answer = await self.places(client, radius, bound)
            case [b"AT", server, skew, client, location, stamp, *hop] if len(hop) <= 1:
                answer = self.hear(server, skew, client, location, stamp, *hop)
            case _:
                answer = None
        return b"? %b\n" % line if answer is None else answer

    def report(self, client, location, stamp):
        if not LOCATION.fullmatch(location) or not TIME.fullmatch(stamp):
            return None
        skew = time.time() - float(stamp)
        at = b"AT %b %+.9f %b %b %b" % (self.name, skew, client, location, stamp)
        self.learn(client, stamp, at)
        return at + b"\n"

    def hear(self, server, skew, client, location, stamp, hop=None):
        if not LOCATION.fullmatch(location) or not TIME.fullmatch(stamp):
            return None
        self.learn(client, stamp, b"AT %b %b %b %b %b" % (server, skew, client, location, stamp), hop)
        return b""

    def learn(self, client, stamp, at, hop=None):
        """Keeps a record that is newer than what is known, and passes it on to all but who told it."""
        stamp = float(stamp)
        if client in self.records and stamp <= self.records[client][0]:
            return
        self.records[client] = stamp, at
        line = b"%b %d\n" % (at, self.port)
        for neighbour in self.neighbours:
            if neighbour.id != hop:
                neighbour.tell(line)

    async def places(self, client, radius, bound):
        if not RADIUS.fullmatch(radius) or not BOUND.fullmatch(bound):
            return None
        if float(radius) > 50 or int(bound) > 20 or client not in self.records:
            return None
        at = self.records[client][1]
        latitude, longitude = LOCATION.fullmatch(at.split()[4]).groups()
        location = f"{latitude.decode().lstrip('+')},{longitude.decode().lstrip('+')}"
        query = {"location": location, "radius": f"{float(radius) * 1000:.0f}"}
        body = await self.look_up(query)
        body["results"] = body.get("results", [])[: int(bound)]
        return b"%b\n%b\n\n" % (at, json.dumps(body, indent=3).encode())

    async def look_up(self, query):
        try:
            async with self.http.get(UPSTREAM, params=query) as response:
                response.raise_for_status()
                return await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return {"html_attributions": [], "results": [], "status": "UNKNOWN_ERROR", "error_message": str(error)}


if __name__ == "__main__":
    name, port, *neighbours = sys.argv[1:]
    try:
        asyncio.run(Server(name, int(port), [int(neighbour) for neighbour in neighbours]).run())
    except KeyboardInterrupt:
        pass
