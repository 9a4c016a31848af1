// A herd server on Node.js: its net module and its fetch, no framework.
//
//     node_net.js SERVER PORT [NEIGHBOUR_PORT...]
//
// All lines that one read brings are answered by one write.
//
// Between servers: a connection to each neighbour, opened when there is first something to say and then kept. What
// is said is the AT line and the port of who says it, so that nobody is told what they have just told. What a
// neighbour does not get because it is down is lost to it. Everybody who connects is believed.

'use strict';

const net = require('node:net');

const LOCATION = /^([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)$/;
const TIME = /^[+-]?\d+(?:\.\d{1,9})?$/;
const RADIUS = /^\d+(?:\.\d+)?$/;
const BOUND = /^\d+$/;
const SPACES = /[ \t\r\v\f]+/;
const MOST_OF_A_LINE = 64 * 1024;
const PATIENCE_MS = 10_000;
const HOST = '127.0.0.1';
const UPSTREAM = process.env.PEER_UPSTREAM ?? 'http://127.0.0.1:12000/maps/api/place/nearbysearch/json';

const [name, port, ...neighbourPorts] = process.argv.slice(2);
const records = new Map(); // client: { seconds, at }

/** The connection on which a neighbour is told what is new. */
class Neighbour {
  constructor(port) {
    this.port = port;
    this.socket = null;
  }

  tell(line) {
    if (!this.socket?.writable) this.open();
    this.socket.write(line, 'latin1'); // kept until the connection is there
  }

  open() {
    this.socket = net.connect({ host: HOST, port: this.port, noDelay: true });
    this.socket.on('error', () => {}); // it closes, and the next line opens another
    this.socket.resume(); // or else we would not see its end
  }
}

const neighbours = neighbourPorts.map((port) => new Neighbour(port));

/** What is on one read's lines for a neighbour goes to it in one write. */
function flood(news, hop) {
  const lines = news.map((at) => `${at} ${port}\n`).join('');
  for (const neighbour of neighbours) if (neighbour.port !== hop) neighbour.tell(lines);
}

/** Keeps a record that is newer than what is known, and says whether it was. */
function learn(client, time, at) {
  const seconds = Number(time);
  const known = records.get(client);
  if (known && seconds <= known.seconds) return false;
  records.set(client, { seconds, at });
  return true;
}

function skew(time) {
  const difference = Date.now() / 1000 - Number(time);
  return (difference < 0 ? '' : '+') + difference.toFixed(9);
}

/** What the upstream is to be asked, or null where it is not to be. */
function query(client, radius, bound) {
  if (!RADIUS.test(radius) || !BOUND.test(bound) || Number(radius) > 50 || Number(bound) > 20) return null;
  const known = records.get(client);
  if (!known) return null;
  const [, latitude, longitude] = LOCATION.exec(known.at.split(' ')[4]);
  const location = `${latitude.replace('+', '')},${longitude.replace('+', '')}`;
  return { at: known.at, url: `${UPSTREAM}?location=${location}&radius=${Math.round(radius * 1000)}` };
}

async function lookUp(url, bound) {
  let body;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    body = await response.json();
  } catch (error) {
    body = { html_attributions: [], results: [], status: 'UNKNOWN_ERROR', error_message: error.message };
  }
  body.results = (body.results ?? []).slice(0, bound);
  return JSON.stringify(body, null, 3) + '\n\n';
}

/** A client, or a neighbour that tells what is new. */
function serve(socket) {
  let rest = ''; // a line that is not complete
  let lines = []; // lines that wait for the answer to the one before, the next one last
  let isAsking = false;
  let hasEnded = false;

  // Bytes, not characters: no byte is changed on the way.
  socket.setEncoding('latin1');
  socket.on('error', () => {});
  socket.on('data', (data) => {
    const more = (rest + data).split('\n');
    rest = more.pop();
    if (rest.length > MOST_OF_A_LINE) socket.destroy();
    lines = more.reverse().concat(lines);
    goOn();
  });
  socket.on('end', () => {
    hasEnded = true;
    if (rest) lines.unshift(rest);
    goOn();
  });
  socket.on('drain', () => {
    if (!isAsking) socket.resume();
  });

  function say(bytes) {
    if (!socket.write(bytes)) socket.pause();
  }

  /** Answers lines up to one that has to wait for the upstream. */
  function goOn() {
    const news = [];
    let answers = '';
    let hop;
    while (lines.length > 0 && !isAsking) {
      const line = lines.pop();
      const [command, ...fields] = line.split(SPACES).filter((field) => field !== '');
      let asked;
      if (command === 'IAMAT' && fields.length === 3 && LOCATION.test(fields[1]) && TIME.test(fields[2])) {
        const [client, location, time] = fields;
        const at = `AT ${name} ${skew(time)} ${client} ${location} ${time}`;
        if (learn(client, time, at)) news.push(at);
        answers += at + '\n';
      } else if (command === 'AT' && (fields.length === 5 || fields.length === 6) && LOCATION.test(fields[3])
          && TIME.test(fields[4])) {
        hop = fields[5];
        const at = 'AT ' + fields.slice(0, 5).join(' ');
        if (learn(fields[2], fields[4], at)) news.push(at);
      } else if (command === 'WHATSAT' && fields.length === 3 && (asked = query(...fields))) {
        isAsking = true;
        socket.pause();
        lookUp(asked.url, Number(fields[2])).then((body) => {
          isAsking = false;
          socket.resume();
          say(Buffer.concat([Buffer.from(`${asked.at}\n`, 'latin1'), Buffer.from(body)]));
          goOn();
        });
      } else {
        answers += `? ${line.endsWith('\r') ? line.slice(0, -1) : line}\n`;
      }
    }
    if (news.length > 0) flood(news, hop);
    if (answers) say(Buffer.from(answers, 'latin1'));
    if (hasEnded && !isAsking) socket.end();
  }
}

const server = net.createServer({ noDelay: true, allowHalfOpen: true }, serve);
server.listen({ host: HOST, port: Number(port), backlog: 1024 }, () => {
  console.log(`node: ${name} listens on ${HOST}:${port}`);
});
