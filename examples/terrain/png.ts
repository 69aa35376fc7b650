/** The smallest useful writer of PNG files (W3C Portable Network Graphics, third edition): 8 bit grey. */
import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREY = 0;
const FILTER_SUB = 1;

/**
 * A grey picture as a PNG file.
 * @param grey a byte a pixel, 0 black to 255 white, row by row
 */
export function png(grey: Uint8Array, width: number, height: number): Buffer {
  if (grey.length !== width * height) {
    throw new RangeError(`${width} x ${height} pixels wanted, ${grey.length} given`);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, GREY], 8); // bits a sample, colour type; the rest is 0: deflate, adaptive filters, not interlaced

  // A smooth picture is told in fewer bytes by the differences along its rows.
  const filtered = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) {
    const row = grey.subarray(y * width, (y + 1) * width);
    const target = y * (width + 1);
    filtered[target] = FILTER_SUB;
    row.forEach((value, x) => {
      filtered[target + 1 + x] = value - (row[x - 1] ?? 0);
    });
  }
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(filtered)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([SIGNATURE, ...chunks]);
}

/** Length, type, data, and the checksum of type and data. */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
