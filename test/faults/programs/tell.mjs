import { writeSync } from 'node:fs';

/** What the test asked for. */
export const options = JSON.parse(process.argv[2]);

/** Tells the test: at once, so that a kill takes nothing back that was told. */
export function tell(what) {
  writeSync(1, `${JSON.stringify(what)}\n`);
}
