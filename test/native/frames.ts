/**
 * The frames of docs/launcher.md, for both launchers.
 */

/** A job as a launcher takes it. An empty path means the default of docs/state.md. */
export interface LauncherJob {
  readonly segment: string;
  readonly n: number;
  /** Size of the segment's `events` when the job is submitted. */
  readonly offset: number;
  readonly interactive: boolean;
  readonly processes: number;
  /** Value of XOSAGA_JOB_ID. */
  readonly id: string;
  readonly cwd: Uint8Array;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly error: Uint8Array;
  /** The executable and its arguments. */
  readonly argv: readonly Uint8Array[];
  /** `K=V`, beside and over the launcher's own environment. */
  readonly environment: readonly Uint8Array[];
}

const text = (value: string | number): Buffer => Buffer.from(String(value));

function head(job: LauncherJob): Uint8Array[] {
  return [
    text(job.segment),
    text(job.n),
    text(job.offset),
    text(job.interactive ? 'i' : ''),
    text(job.processes),
    text(job.id),
    job.cwd,
    job.input,
    job.output,
    job.error,
  ];
}

const NUL = Uint8Array.of(0);

/** The frame for `xosaga_launcher.c`: little-endian length of the body, then fields that end with NUL. */
export function encodeFrame(job: LauncherJob): Buffer {
  const fields = [
    text('J'),
    ...head(job),
    text(job.argv.length),
    ...job.argv,
    text(job.environment.length),
    ...job.environment,
  ];
  const body = Buffer.concat(fields.flatMap((field) => [field, NUL]));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

/**
 * One word of POSIX shell on one line. `$xo_nl` is a newline in `xosaga_launcher.sh`. latin1 keeps every byte a character.
 */
function quote(bytes: Uint8Array): string {
  const quoted = Buffer.from(bytes).toString('latin1').replaceAll("'", `'\\''`).replaceAll('\n', `'"$xo_nl"'`);
  return `'${quoted}'`;
}

/** The frame for `xosaga_launcher.sh`: one line. */
export function encodeLine(job: LauncherJob): Buffer {
  const words = [...head(job), text(job.environment.length), ...job.environment, ...job.argv];
  return Buffer.from(`job ${words.map(quote).join(' ')}\n`, 'latin1');
}
