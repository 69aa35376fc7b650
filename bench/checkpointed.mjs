/**
 * A process that takes part in checkpoints. See checkpoint.mjs.
 *
 *     node checkpointed.mjs exchange ADDRESS      rank 0 listens there, the others dial; messages go both ways
 *     node checkpointed.mjs participants COUNT    so many participants, which have little to do
 *
 * It ends when its standard input does.
 */
import { Channel, ChannelServer, checkpointing } from 'xosaga/callbacks';

/** About ten thousand messages a second. */
const TICK_MS = 2;
const MESSAGES_A_TICK = 20;
const MESSAGE = Buffer.alloc(64, 'x');

const [way = '', what = ''] = process.argv.slice(2);
const isServer = process.env.XOSAGA_RANK === '0';

process.stdin.resume().once('end', () => process.exit(0));

/** @returns {Promise<import('xosaga/callbacks').ChannelEnd>} */
async function openChannel() {
  if (isServer) {
    const server = new ChannelServer({ name: 'bench', address: what });
    await checkpointing.ready();
    await server.listen();
    return server.channel('peer');
  }
  const channel = new Channel({ server: 'bench', name: 'peer', address: what });
  await checkpointing.ready();
  await channel.open();
  return channel;
}

if (way === 'exchange') {
  let paused = false;
  checkpointing.register({
    name: 'sender',
    priority: 500,
    stop: () => {
      paused = true;
    },
    resumeCp: () => {
      paused = false;
    },
  });
  const end = await openChannel();
  setInterval(() => {
    for (let left = MESSAGES_A_TICK; left > 0 && !paused; left--) void end.send(MESSAGE);
  }, TICK_MS);
  for await (const message of end) if (message.length !== MESSAGE.length) throw new Error('a message has changed');
} else {
  const nothing = () => undefined;
  for (let number = 0; number < Number(what); number++) {
    checkpointing.register({ name: `participant ${number}`, stop: nothing, resumeCp: nothing });
  }
  await checkpointing.ready();
}
