/** A wire over a unix or TCP socket: each message is preceded by its length, four bytes, big-endian. */
import type { Socket } from 'node:net';

import { BEFORE_PROOF, type Wire } from './wire.js';

const HEADER = 4;

export function socketWire(socket: Socket): Wire {
  let waiting = Buffer.alloc(0);
  const wire: Wire = {
    longest: BEFORE_PROOF,
    onMessage: () => undefined,
    onClose: () => undefined,
    send: (message) => {
      if (!socket.writable) return;
      const header = Buffer.alloc(HEADER);
      header.writeUInt32BE(message.length);
      socket.write(Buffer.concat([header, message]));
    },
    close: () => {
      socket.destroy();
    },
  };
  socket.setNoDelay(true);
  socket.on('data', (piece) => {
    waiting = waiting.length === 0 ? piece : Buffer.concat([waiting, piece]);
    while (waiting.length >= HEADER && !socket.destroyed) {
      const length = waiting.readUInt32BE();
      if (length > wire.longest) {
        socket.destroy();
        return;
      }
      if (waiting.length < HEADER + length) return;
      const message = waiting.subarray(HEADER, HEADER + length);
      waiting = waiting.subarray(HEADER + length);
      wire.onMessage(message);
    }
  });
  // 'close' follows.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    wire.onClose();
  });
  return wire;
}
