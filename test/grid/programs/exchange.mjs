// A process of a job that exchanges numbered messages with the others as fast as it is told, and keeps account of them in its
// checkpoints. Every message carries the digest of all before it, so that whoever receives it knows at once whether one was
// lost, repeated or reordered, or comes from a life of the sender that was rolled back.
//
//     node exchange.mjs '{"directory", "agentState", "address", "secret"?, "rate", "drain"}'
//
// It writes what happens to `<directory>/rank-<n>.log`, and does what `<directory>/orders.json` says when it comes to that point.
import { randomFillSync } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { Channel, ChannelServer, checkpointing, CheckpointVeto } from 'xosaga/callbacks';

const options = JSON.parse(process.argv[2]);
const rank = Number(process.env.XOSAGA_RANK);
const size = Number(process.env.XOSAGA_SIZE);

const TICK = 2;
/** Messages that may be made up for after a pause. */
const MOST_AT_ONCE = 500;
/** Milliseconds between the lines that tell how far it has come. */
const REPORT = 25;
/** A message: its number, bytes that no other life of the sender would choose, and the digest. */
const NUMBER = 6;
const HEAD = NUMBER + 8;
const LENGTH = HEAD + 4;

const pool = randomFillSync(Buffer.alloc(1 << 16));

/** One write each, so that SIGKILL leaves whole lines. */
function log(line) {
  const all = { ...line, pid: process.pid, incarnation: checkpointing.incarnation };
  appendFileSync(join(options.directory, `rank-${rank}.log`), `${JSON.stringify(all)}\n`);
}

function fail(line) {
  log(line);
  process.exit(99);
}

/** What this process has sent to and received from another one: numbers and digests. It is the state that a checkpoint saves. */
class Line {
  sent = 0;
  sentDigest = 0;
  received = 0;
  receivedDigest = 0;

  next() {
    const message = Buffer.alloc(LENGTH);
    message.writeUIntBE(this.sent + 1, 0, NUMBER);
    const at = (this.sent * 13) % (pool.length - 8);
    pool.copy(message, NUMBER, at, at + 8);
    message.writeUInt32BE(crc32(message.subarray(0, HEAD), this.sentDigest), HEAD);
    return message;
  }

  take(message, from) {
    const number = message.readUIntBE(0, NUMBER);
    const digest = crc32(message.subarray(0, HEAD), this.receivedDigest);
    if (message.length !== LENGTH || number !== this.received + 1 || digest !== message.readUInt32BE(HEAD)) {
      const same = digest === message.readUInt32BE(HEAD);
      fail({
        t: 'violation',
        from,
        what: `message ${number} after ${this.received}, digest ${same ? 'right' : 'wrong'}`,
      });
    }
    this.received = number;
    this.receivedDigest = digest;
  }
}

// ---- orders

let orders = [];
const obeyed = new Set();

/** The order for this point, once. */
function orderAt(point) {
  try {
    const { id, incarnation, ranks } = JSON.parse(readFileSync(join(options.directory, 'orders.json'), 'utf8'));
    orders =
      incarnation === checkpointing.incarnation
        ? (ranks[rank] ?? []).map((order, n) => ({ ...order, id: `${id} ${n}` }))
        : [];
  } catch {
    orders = [];
  }
  return orders.find(({ id, at }) => at === point && !obeyed.has(id));
}

function agentPid() {
  const records = readFileSync(join(options.agentState, 'journal'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"t":"agent"'));
  return JSON.parse(records.at(-1)).pid;
}

function kill(whom) {
  try {
    process.kill(whom === 'agent' ? agentPid() : process.pid, 'SIGKILL');
  } catch {
    // The agent is dead already, and the next one is not there yet.
  }
}

async function obey(point) {
  const order = orderAt(point);
  if (!order) return;
  obeyed.add(order.id);
  log({ t: 'obeys', at: point, order: order.do, id: order.id });
  const { for: milliseconds = 0 } = order;
  switch (order.do) {
    case 'kill self':
    case 'kill agent': {
      const whom = order.do.slice('kill '.length);
      if (milliseconds === 0) kill(whom);
      else setTimeout(() => kill(whom), milliseconds);
      break;
    }
    case 'hold':
      await sleep(milliseconds);
      break;
    case 'veto':
      throw new CheckpointVeto('not now', { retryAfter: 1 });
    case 'throw':
      throw new Error('the disk is on fire');
    case 'request':
      checkpointing.request().then(
        (outcome) => log({ t: 'outcome', outcome }),
        (error) => log({ t: 'outcome', outcome: `failed: ${error.message}` }),
      );
      break;
  }
}

// ---- participants

/** The same participant, whose calls are written down, and which obeys. */
function watched(participant) {
  const { name } = participant;
  const result = {
    name,
    ...(participant.priority !== undefined && { priority: participant.priority }),
    get deadline() {
      orderAt('');
      return orders.some(({ late, id }) => late === name && !obeyed.has(id)) ? 0.05 : participant.deadline;
    },
  };
  for (const callback of ['stop', 'checkpoint', 'resumeCp', 'rebuild', 'resumeRst']) {
    const f = participant[callback];
    if (f === undefined) continue;
    result[callback] = async (context) => {
      const { op, generation, aborted } = context;
      log({ t: 'call', name, callback, op, generation, ...(aborted !== undefined && { aborted }) });
      try {
        await obey(`${callback} ${name}`);
        const value = await f.call(participant, context);
        await obey(`${callback}ed ${name}`);
        return value;
      } finally {
        log({ t: 'return', name, callback, op });
      }
    };
  }
  return result;
}

/** Where channels register. Without the drain nothing stops, and each end saves what it has when it is told to. */
const registrar = {
  register: (participant) => {
    const { stop, ...rest } = participant;
    return checkpointing.register(watched(options.drain ? { ...rest, stop } : rest));
  },
  get incarnation() {
    return checkpointing.incarnation;
  },
  publish: (name, address) => checkpointing.publish(name, address),
  resolve: (name, more) => checkpointing.resolve(name, more),
};

const lines = {};
let paused = false;
let goOn = () => undefined;
let gate = Promise.resolve();

function pause() {
  paused = true;
  gate = new Promise((resolve) => (goOn = resolve));
}

function go() {
  paused = false;
  goOn();
}

const shared = { ...(options.secret && { secret: options.secret }), checkpointing: registrar };
const server = rank === 0 ? new ChannelServer({ name: 'exchange', address: options.address, ...shared }) : undefined;
const client = rank === 0 ? undefined : new Channel({ server: 'exchange', name: `rank ${rank}`, ...shared });

checkpointing.register(
  watched({
    name: 'exchange',
    priority: 500,
    stop: () => {
      if (options.drain) pause();
    },
    checkpoint: ({ directory, op }) => {
      writeFileSync(join(directory, 'state.json'), JSON.stringify(lines));
      log({ t: 'state', op, lines });
    },
    resumeCp: go,
    rebuild: ({ directory, generation }) => {
      for (const [peer, line] of Object.entries(JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')))) {
        Object.assign(lineOf(peer), line);
      }
      log({ t: 'restored', generation, lines });
    },
    resumeRst: go,
  }),
);
// The last to stop and the first to go on; nothing of it is saved.
checkpointing.register(
  watched({
    name: 'last',
    priority: -500,
    stop: () => undefined,
    checkpoint: () => undefined,
    resumeCp: () => undefined,
    rebuild: () => undefined,
    resumeRst: () => undefined,
  }),
);
checkpointing.register(
  watched({ name: 'tardy', stop: () => undefined, checkpoint: () => undefined, resumeCp: () => undefined }),
);

function lineOf(peer) {
  return (lines[peer] ??= new Line());
}

// ---- the exchange

let finishing = false;

async function send(peer, end) {
  const line = lineOf(peer);
  let last = performance.now();
  while (!finishing) {
    await gate;
    const now = performance.now();
    let due = Math.min(MOST_AT_ONCE, Math.round(((now - last) / 1000) * options.rate));
    last = now;
    for (; due > 0 && !paused && !finishing; due--) {
      const message = line.next();
      const before = line.sentDigest;
      const sending = end.send(message);
      // The channel has it; what follows may be a checkpoint.
      line.sent++;
      line.sentDigest = message.readUInt32BE(HEAD);
      try {
        await sending;
      } catch (error) {
        if (error.code !== 'closed') throw error;
        // The other end has finished first.
        line.sent--;
        line.sentDigest = before;
        return;
      }
    }
    await sleep(TICK);
  }
}

/** Two ways to receive, which differ in when a message counts as consumed. */
async function receive(peer, end) {
  const line = lineOf(peer);
  if (rank === 0) {
    for await (const message of end) line.take(message, peer);
  } else {
    for (let message; (message = await end.receive());) line.take(message, peer);
  }
}

async function run() {
  log({ t: 'begins' });
  const restarted = await checkpointing.ready();
  log({ t: 'ready', restarted });
  await server?.listen();
  await client?.open();
  const peers = server ? Array.from({ length: size - 1 }, (_, n) => n + 1) : [0];
  const ends = peers.map((peer) => ({ peer, end: client ?? server.channel(`rank ${peer}`) }));
  const report = setInterval(() => {
    finishing ||= existsSync(join(options.directory, 'finish'));
    void obey('running');
    const far = Object.fromEntries(
      Object.entries(lines).map(([peer, line]) => [peer, { sent: line.sent, received: line.received }]),
    );
    log({ t: 'at', far });
  }, REPORT);
  const receiving = Promise.all(ends.map(({ peer, end }) => receive(peer, end)));
  await Promise.all([
    receiving,
    Promise.all(ends.map(({ peer, end }) => send(peer, end))).then(() => (client ?? server).close()),
  ]);
  clearInterval(report);
  log({ t: 'final', lines });
}

try {
  await run();
} catch (error) {
  fail({ t: 'violation', what: error.stack });
}
