/** Files and their content (GFD.90 section 4.3). */
import type { Readable, Writable } from 'node:stream';

import { type BufferLike, readInto } from '../core/buffer.js';
import { asynchronous, type Tasks } from '../core/call-modes.js';
import { type CallOptions, type CreateOptions, throwIfAborted } from '../core/call-options.js';
import { BadParameter, DoesNotExist, IncorrectState, NoSuccess } from '../core/exceptions.js';
import { ObjectType } from '../core/object.js';
import type { UrlLike } from '../core/url.js';
import { type Call, FOLLOW } from '../engine/entry-service.js';
import type { Access } from '../engine/file-handles.js';
import type { TransferOptions } from '../namespace/copying.js';
import { checkedFlags, Flags, has } from '../namespace/flags.js';
import { NSEntry, openEntryOf } from '../namespace/ns-entry.js';
import type { OpenEntry } from '../namespace/open-entry.js';
import { OPEN_FLAGS, openEntry, type Opening } from '../namespace/opening.js';
import { extendedModes, parseExtended } from './extended-io.js';
import { parseFalls, selectedBytes, selectedRuns } from './falls.js';
import { checkedLength, checkedParts, checkedPlace, dataOf, requireData, requireRoom } from './file-arguments.js';
import { readDigest } from './file-digest.js';
import { readableOf, writableOf } from './file-streams.js';
import { type IOVec, lengthOf, setLenOut } from './iovec.js';
import { OpenFile } from './open-file.js';
import { SeekMode } from './seek-mode.js';
import { readSelected, writeSelected } from './selected-io.js';

const FILE: Opening = {
  type: 'file',
  opens: 'file',
  flags: OPEN_FLAGS | Flags.Truncate | Flags.Append | Flags.Binary,
  defaults: Flags.Read,
};

let made: (entry: OpenEntry, file: OpenFile) => File;

/**
 * An open file.
 *
 * It has a pointer, where `read` and `write` begin, and which they move on; calls that use it run one after the other in
 * the order in which they were made. A call that fails or is aborted leaves the pointer.
 */
export class File extends NSEntry {
  declare readonly async: Tasks<File>;
  declare readonly task: Tasks<File>;
  #file: OpenFile;

  static {
    made = (entry, file) => new File(entry, file);
  }

  protected constructor(entry: OpenEntry, file: OpenFile) {
    super(entry);
    this.#file = file;
    entry.onClose(() => file.close({ operation: 'file.close' }));
  }

  /**
   * Opens a file.
   * @param flags - Default Read. Beside Read, Write or ReadWrite: Create, Exclusive, CreateParents, Lock, Dereference;
   *   Truncate empties the file, Append puts the pointer at its end; Binary means nothing here.
   * @throws BadParameter without Read, Write or ReadWrite, for Truncate without Write, and for a directory; DoesNotExist when
   *   it is missing and Create is not given; AlreadyExists; PermissionDenied.
   */
  static override create(name: UrlLike, flags?: number, options?: CreateOptions): Promise<File> {
    return openFile(name, flags, options);
  }

  override getType(): ObjectType {
    return ObjectType.File;
  }

  /** The same open file with a pointer of its own; closing one leaves the other. */
  override clone(): this {
    if (openEntryOf(this).closed) throw this.#closed('clone');
    return new File(openEntryOf(this).share(), this.#file.share()) as this;
  }

  /** As `NSEntry.move`. The pointer stays where it is, and so does what the file is open for. */
  override async move(target: UrlLike, flags?: number, options?: TransferOptions): Promise<void> {
    await super.move(target, flags, options);
    // What a link led to has gone; the object stays with the link.
    if (has(flags ?? Flags.None, Flags.Dereference)) return;
    await this.#io('move', options, (call, file) =>
      file.inTurn(call, async () => {
        // Where the service could not rename, the file behind the handles is not there any more.
        const { service, path } = openEntryOf(this);
        await file.reopen(await service.openFile(path, file.access, {}, call), call);
      }),
    );
  }

  /** In bytes. */
  getSize(options?: CallOptions): Promise<number> {
    return this.#io('getSize', options, (call) => this.#size(call));
  }

  /**
   * Reads from the pointer on.
   * @param lenIn - How many bytes; left out or negative: the size of the buffer.
   * @returns how many there were: fewer than wanted where that is natural, 0 at the end of the file.
   * @throws BadParameter when the length is unknown, or more than the buffer has; PermissionDenied when the file is open for
   *   writing only.
   */
  read(buf: BufferLike, lenIn?: number, options?: CallOptions): Promise<number> {
    return this.#io('read', options, (call, file) =>
      readInto(buf, checkedLength(lenIn), (memory) => {
        file.requireReadable(call);
        return file.inTurn(call, async () => {
          const count = await file.read(memory, file.position, call);
          file.position += count;
          return count;
        });
      }),
    );
  }

  /**
   * Writes at the pointer. A gap between the end of the file and the pointer becomes null bytes.
   * @param lenIn - How many bytes; left out, negative, or more than the buffer has: all that it has.
   * @returns how many were written.
   * @throws BadParameter when the buffer has no data; PermissionDenied when the file is open for reading only.
   */
  write(buf: BufferLike, lenIn?: number, options?: CallOptions): Promise<number> {
    return this.#io('write', options, (call, file) => {
      const length = checkedLength(lenIn) ?? -1;
      const bytes = length < 0 ? dataOf(buf) : dataOf(buf).subarray(0, length);
      file.requireWritable(call);
      return file.inTurn(call, async () => {
        if (bytes.length > 0) await file.write(bytes, file.position, call);
        file.position += bytes.length;
        return bytes.length;
      });
    });
  }

  /**
   * Moves the pointer, also beyond the end, which does not grow the file.
   * @param whence - From where `offset` counts; default Start.
   * @returns where the pointer is then, from the start of the file.
   * @throws NoSuccess (EINVAL) for a place before the start of the file.
   */
  seek(offset: number, whence?: SeekMode, options?: CallOptions): Promise<number> {
    return this.#io('seek', options, (call, file) => {
      if (!Number.isSafeInteger(offset)) throw new BadParameter(`an offset is a whole number, not ${String(offset)}`);
      const from = whence ?? SeekMode.Start;
      if (!Object.values(SeekMode).includes(from)) {
        throw new BadParameter(`${String(from)} is no SeekMode: Start is 1, Current 2, End 3`);
      }
      return file.inTurn(call, async () => {
        const bases = { [SeekMode.Start]: 0, [SeekMode.Current]: file.position };
        const to = offset + (from === SeekMode.End ? await this.#size(call) : bases[from]);
        if (to < 0 || !Number.isSafeInteger(to)) {
          throw new NoSuccess(`EINVAL: there is no place ${String(to)} in a file`, call);
        }
        file.position = to;
        return to;
      });
    });
  }

  /**
   * Fills the parts one after the other from the pointer on; each learns in `lenOut` how many bytes it got.
   * @throws BadParameter, before anything is read, when one of the parts can't be used.
   */
  readV(iovecs: readonly IOVec[], options?: CallOptions): Promise<void> {
    return this.#io('readV', options, (call, file) => {
      const parts = checkedParts(iovecs).map((part) => ({ part, end: requireRoom(part) }));
      file.requireReadable(call);
      for (const { part } of parts) setLenOut(part);
      return file.inTurn(call, async () => {
        let at = file.position;
        for (const { part, end } of parts) {
          const start = at;
          const count = await readInto(part, end, (memory) =>
            file.readFully(memory.subarray(part.getOffset()), start, call),
          );
          setLenOut(part, count);
          at += count;
        }
        file.position = at;
      });
    });
  }

  /**
   * Writes the parts one after the other from the pointer on; each learns in `lenOut` how many of its bytes were written.
   * @throws BadParameter, before anything is written, when one of the parts can't be used.
   */
  writeV(iovecs: readonly IOVec[], options?: CallOptions): Promise<void> {
    return this.#io('writeV', options, (call, file) => {
      const parts = checkedParts(iovecs).map((part) => {
        const offset = part.getOffset();
        return { part, bytes: dataOf(part).subarray(offset, offset + lengthOf(part)) };
      });
      file.requireWritable(call);
      for (const { part } of parts) setLenOut(part);
      return file.inTurn(call, async () => {
        let at = file.position;
        for (const { part, bytes } of parts) {
          if (bytes.length > 0) await file.write(bytes, at, call);
          setLenOut(part, bytes.length);
          at += bytes.length;
        }
        file.position = at;
      });
    });
  }

  /**
   * How many bytes a pattern selects.
   * @param pattern - FALLS: `(from,to,stride,repetition)`, as a fifth element another one that selects within each block.
   * @throws BadParameter for what is no pattern.
   */
  sizeP(pattern: string, options?: CallOptions): Promise<number> {
    return this.#io('sizeP', options, () => Promise.resolve(selectedBytes(parseFalls(pattern))));
  }

  /**
   * Reads what a pattern selects, counted from the pointer; the bytes stand in the buffer one behind the other. The
   * pointer moves behind the last of them.
   * @returns how many bytes there were before the end of the file.
   * @throws BadParameter for what is no pattern, and when the buffer is smaller than `sizeP` tells.
   */
  readP(pattern: string, buf: BufferLike, options?: CallOptions): Promise<number> {
    return this.#io('readP', options, (call, file) => {
      const falls = parseFalls(pattern);
      return readInto(buf, selectedBytes(falls), (memory) => {
        file.requireReadable(call);
        return file.inTurn(call, async () => {
          const { count, end } = await readSelected(file, selectedRuns(falls, file.position), memory, call);
          file.position = end ?? file.position;
          return count;
        });
      });
    });
  }

  /**
   * Writes the bytes of the buffer to what a pattern selects, counted from the pointer, which moves behind the last of them.
   * @returns how many were written.
   * @throws BadParameter for what is no pattern, and when the buffer has fewer bytes than `sizeP` tells.
   */
  writeP(pattern: string, buf: BufferLike, options?: CallOptions): Promise<number> {
    return this.#io('writeP', options, (call, file) => {
      const falls = parseFalls(pattern);
      const bytes = requireData(buf, selectedBytes(falls));
      file.requireWritable(call);
      return file.inTurn(call, async () => {
        const { count, end } = await writeSelected(file, selectedRuns(falls, file.position), bytes, call);
        file.position = end ?? file.position;
        return count;
      });
    });
  }

  /** The modes of extended I/O: `partial`, `subarray` and `digest`. */
  modesE(options?: CallOptions): Promise<string[]> {
    return this.#io('modesE', options, () => Promise.resolve(extendedModes()));
  }

  /**
   * How many bytes a mode of extended I/O gives.
   * @throws BadParameter for an unknown mode, and for a specification that is none of the mode's.
   */
  sizeE(emode: string, spec: string, options?: CallOptions): Promise<number> {
    return this.#io('sizeE', options, () => Promise.resolve(parseExtended(emode, spec).size));
  }

  /**
   * Reads what a mode of extended I/O selects. The pointer plays no part.
   *
   * - `partial`, `OFFSET,LENGTH`: a range of the file.
   * - `subarray`, `ELEMENT;SHAPE;START;COUNT`: a part of an array whose elements have ELEMENT bytes, its last dimension
   *   contiguous. `8;1000x1000;0x10;1000x1` is column 10 of a square of doubles.
   * - `digest`, `ALGORITHM` or `ALGORITHM,OFFSET,LENGTH`: md5, sha1, sha256 or sha512 of the file or of a range.
   *
   * @returns how many bytes there were.
   * @throws BadParameter as `sizeE`, and when the buffer is smaller than that tells.
   */
  readE(emode: string, spec: string, buf: BufferLike, options?: CallOptions): Promise<number> {
    return this.#io('readE', options, (call, file) => {
      const extended = parseExtended(emode, spec);
      return readInto(buf, extended.size, async (memory) => {
        file.requireReadable(call);
        if (extended.kind === 'digest') return readDigest(file, extended, memory, call);
        const { count } = await readSelected(file, extended.runs(), memory, call);
        return count;
      });
    });
  }

  /**
   * Writes what a mode of extended I/O selects.
   * @returns how many bytes were written.
   * @throws BadParameter as `readE`, and for `digest`, which is only read.
   */
  writeE(emode: string, spec: string, buf: BufferLike, options?: CallOptions): Promise<number> {
    return this.#io('writeE', options, async (call, file) => {
      const extended = parseExtended(emode, spec);
      if (extended.kind === 'digest') throw new BadParameter(`nothing is written by the mode '${emode}'`);
      const bytes = requireData(buf, extended.size);
      file.requireWritable(call);
      const { count } = await writeSelected(file, extended.runs(), bytes, call);
      return count;
    });
  }

  /**
   * The content as a stream of Node, beyond SAGA. It leaves the pointer alone.
   * @param options - `start`: the first byte, default where the pointer is; `end`: the last one, inclusive, default the end of
   *   the file; `signal`; `onProgress`.
   * @throws BadParameter for a range that is none; IncorrectState when closed; PermissionDenied as `read`.
   */
  readable(options?: CallOptions & { start?: number; end?: number }): Readable {
    const { call, start } = this.#streaming('readable', options);
    this.#file.requireReadable(call);
    const end = options?.end === undefined ? Infinity : checkedPlace('end', options.end) + 1;
    if (end < start) throw new BadParameter(`the end ${String(end - 1)} lies before the start ${String(start)}`);
    const read = (into: Uint8Array, position: number): Promise<number> =>
      this.#io('readable', options, () => this.#file.read(into, position, call));
    return readableOf(read, start, end, call);
  }

  /**
   * A stream of Node that writes to the file, beyond SAGA. It leaves the pointer alone. What was written is in the file when
   * the stream has finished.
   * @param options - `start`: the first byte that is written, default where the pointer is; `signal`; `onProgress`.
   * @throws as `readable`.
   */
  writable(options?: CallOptions & { start?: number }): Writable {
    const { call, start } = this.#streaming('writable', options);
    this.#file.requireWritable(call);
    const write = (from: Uint8Array, position: number): Promise<void> =>
      this.#io('writable', options, () => this.#file.write(from, position, call));
    return writableOf(write, start, call);
  }

  async #size(call: Call): Promise<number> {
    const { service, path, url } = openEntryOf(this);
    const there = await service.stat(path, FOLLOW, call);
    if (!there) throw new DoesNotExist(`${url.toString()} is not there any more`, { object: this });
    return there.size;
  }

  #io<T>(
    method: string,
    options: CallOptions | undefined,
    run: (call: Call, file: OpenFile) => Promise<T>,
  ): Promise<T> {
    return openEntryOf(this).perform(this, method, options, (call) => run(call, this.#file));
  }

  #streaming(method: string, options?: CallOptions & { start?: number }): { call: Call; start: number } {
    if (openEntryOf(this).closed) throw this.#closed(method);
    const call = { operation: `file.${method}`, options };
    throwIfAborted(options, call.operation);
    return { call, start: checkedPlace('start', options?.start ?? this.#file.position) };
  }

  #closed(method: string): IncorrectState {
    const operation = `file.${method}`;
    const url = openEntryOf(this).url.toString();
    return new IncorrectState(`${operation}: ${url} is closed; open it again`, { object: this, operation, url });
  }
}

/**
 * Opens a file, by its own name or by one in a directory.
 * @internal
 */
export async function openFile(
  name: UrlLike,
  given: number | undefined,
  options?: CreateOptions,
  from?: OpenEntry,
): Promise<File> {
  const call: Call = { operation: from ? `${from.type}.open` : 'file.create', options };
  const flags = checkedFlags(given, FILE.flags, call.operation, FILE.defaults);
  const access = accessOf(flags, call);
  const entry = await openEntry(FILE, name, flags, options, from);
  try {
    const { service, path } = entry;
    const truncate = has(flags, Flags.Truncate);
    const handles = await service.openFile(path, access, { truncate }, call);
    const file = new OpenFile(handles, 0);
    const opened = made(entry, file);
    if (has(flags, Flags.Append)) file.position = (await service.stat(path, FOLLOW, call))?.size ?? 0;
    return opened;
  } catch (error) {
    await entry.close();
    throw error;
  }
}

/** @throws BadParameter when a file can't be opened like this. */
function accessOf(flags: number, { operation }: Call): Access {
  const access = { read: has(flags, Flags.Read), write: has(flags, Flags.Write) };
  if (!access.read && !access.write) {
    throw new BadParameter(`${operation}: a file is opened with Flags.Read, Flags.Write or Flags.ReadWrite`, {
      operation,
    });
  }
  if (has(flags, Flags.Truncate) && !access.write) {
    throw new BadParameter(`${operation}: Truncate empties the file, which needs Flags.Write or Flags.ReadWrite`, {
      operation,
    });
  }
  return access;
}

asynchronous(File);
