"""A herd server on Twisted's LineReceiver.

    twisted_lines.py SERVER PORT [NEIGHBOUR_PORT...]

Between servers: a connection to each neighbour, opened when there is first something to say and then kept. What
is said is the AT line and the port of who says it, so that nobody is told what they have just told. What a
neighbour does not get because it is down is lost to it. Everybody who connects is believed.
"""

import json
import os
import re
import sys
import time

from twisted.internet import endpoints, protocol, reactor
from twisted.protocols.basic import LineReceiver
from twisted.web.client import Agent, HTTPConnectionPool, readBody

LOCATION = re.compile(rb"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)")
TIME = re.compile(rb"[+-]?\d+(?:\.\d{1,9})?")
RADIUS = re.compile(rb"\d+(?:\.\d+)?")
BOUND = re.compile(rb"\d+")
HOST = "127.0.0.1"
UPSTREAM = os.environ.get("PEER_UPSTREAM", "http://127.0.0.1:12000/maps/api/place/nearbysearch/json")
PATIENCE_S = 10


class Neighbour(protocol.Protocol):
    """The connection on which a neighbour is told what is new."""

    def __init__(self, port):
        self.port = port
        self.id = b"%d" % port  # as the last field of what it says
        self.waiting = []

    def tell(self, line):
        if self.connected:
            self.transport.write(line)
            return
        self.waiting.append(line)
        if len(self.waiting) == 1:
            endpoint = endpoints.TCP4ClientEndpoint(reactor, HOST, self.port)
            endpoints.connectProtocol(endpoint, self).addErrback(lambda _: self.waiting.clear())

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.transport.writeSequence(self.waiting)
        self.waiting.clear()

    def connectionLost(self, reason):
        self.connected = 0


class Connection(LineReceiver):
    """A client, or a neighbour that tells what is new."""

    delimiter = b"\n"
    MAX_LENGTH = 64 * 1024

    def __init__(self):
        self.lookup = None
        self.isFull = False  # the other side does not read

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason):
        if self.lookup:
            self.lookup.cancel()

    def pauseProducing(self):
        self.isFull = True
        super().pauseProducing()

    def resumeProducing(self):
        self.isFull = False
        self.goOn()

    def goOn(self):
        if self.transport.connected and not self.lookup and not self.isFull:
            super().resumeProducing()

    def lineReceived(self, line):
        answer = self.answer(line.split())
        if answer is None:
            answer = b"? %b\n" % line.removesuffix(b"\r")
        self.transport.write(answer)

    def answer(self, fields):
        match fields:
            case [b"IAMAT", client, location, stamp]:
                return self.factory.report(client, location, stamp)
            case [b"WHATSAT", client, radius, bound]:
                return self.places(client, radius, bound)
            case [b"AT", server, skew, client, location, stamp, *hop] if len(hop) <= 1:
                return self.factory.hear(server, skew, client, location, stamp, *hop)

    def places(self, client, radius, bound):
        """Asks the upstream; the lines behind this one wait."""
        if not RADIUS.fullmatch(radius) or not BOUND.fullmatch(bound):
            return None
        if float(radius) > 50 or int(bound) > 20 or client not in self.factory.records:
            return None
        at = self.factory.records[client][1]
        super().pauseProducing()
        self.lookup = self.factory.lookUp(at.split()[4], float(radius))
        self.lookup.addErrback(failed).addCallback(self.tellPlaces, at, int(bound))
        return b""

    def tellPlaces(self, body, at, bound):
        body["results"] = body.get("results", [])[:bound]
        self.transport.write(b"%b\n%b\n\n" % (at, json.dumps(body, indent=3).encode()))
        self.lookup = None
        self.goOn()


class Server(protocol.Factory):
    protocol = Connection

    def __init__(self, name, port, neighbours):
        self.name = name.encode()
        self.port = port
        self.neighbours = [Neighbour(neighbour) for neighbour in neighbours]
        self.records = {}  # client: (time, AT line)
        pool = HTTPConnectionPool(reactor)
        pool.maxPersistentPerHost = 100
        self.agent = Agent(reactor, connectTimeout=PATIENCE_S, pool=pool)

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

    def lookUp(self, location, radius):
        latitude, longitude = LOCATION.fullmatch(location).groups()
        location = f"{latitude.decode().lstrip('+')},{longitude.decode().lstrip('+')}"
        url = f"{UPSTREAM}?location={location}&radius={radius * 1000:.0f}"
        lookup = self.agent.request(b"GET", url.encode())
        lookup.addCallback(goodBody)
        lookup.addCallback(json.loads)
        return lookup.addTimeout(PATIENCE_S, reactor)


def goodBody(response):
    if response.code != 200:
        raise ValueError(f"status {response.code}")
    return readBody(response)


def failed(failure):
    message = failure.getErrorMessage()
    return {"html_attributions": [], "results": [], "status": "UNKNOWN_ERROR", "error_message": message}


if __name__ == "__main__":
    name, port, *neighbours = sys.argv[1:]
    server = Server(name, int(port), [int(neighbour) for neighbour in neighbours])
    reactor.listenTCP(int(port), server, backlog=1024, interface=HOST)
    print(f"twisted: {name} listens on {HOST}:{port}", flush=True)
    reactor.run()
