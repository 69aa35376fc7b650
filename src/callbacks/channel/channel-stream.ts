import type { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';

import type { ChannelEnd } from './channel-end.js';

/** Bytes that are sent in one message, where messages may be so large. */
const PIECE = 65_536;

/**
 * A channel as a stream of bytes, for code that wants one: what is written here is read there, over checkpoints and restarts. Where messages
 * begin and end is lost. Ending it closes the channel; destroying it leaves the channel as it is.
 *
 * The stream itself keeps nothing, so that all is in the checkpoint, if the writer waits for `drain` as `pipe` and `pipeline` do. A checkpoint waits
 * until what was read is used, that is, until more is asked for.
 */
export function channelStream(channel: ChannelEnd): Duplex {
  const messages = channel[Symbol.asyncIterator]();
  const stream: Duplex = new Duplex({
    // Bytes in a buffer of the stream would count as consumed at one end, and as sent at the other.
    readableHighWaterMark: 0,
    writableHighWaterMark: 1,
    read: () => {
      void pull();
    },
    write: (chunk: Buffer, _encoding, done) => {
      sendAll(channel, chunk).then(() => {
        done();
      }, done);
    },
    final: (done) => {
      channel.close().then(() => {
        done();
      }, done);
    },
  });
  const pull = async (): Promise<void> => {
    try {
      let next = await messages.next();
      // An empty piece would be taken for "nothing yet", and nobody would ask again.
      while (next.value?.length === 0) next = await messages.next();
      stream.push(next.value ?? null);
    } catch (error) {
      stream.destroy(error as Error);
    }
  };
  return stream;
}

/** Hands everything over at once; resolves when there is room for more. */
async function sendAll(channel: ChannelEnd, chunk: Buffer): Promise<void> {
  const piece = Math.min(PIECE, channel.maxMessage);
  const sends: Promise<void>[] = [];
  for (let at = 0; at < chunk.length; at += piece) sends.push(channel.send(chunk.subarray(at, at + piece)));
  await Promise.all(sends);
}
