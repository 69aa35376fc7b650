/** FileTransfer and Cleanup (GFD.90 section 4.1.3) as the steps of which docs/state.md, "Staging", speaks. */
import { constants } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

import { BadParameter, DoesNotExist, PermissionDenied } from '../../saga/core/exceptions.js';
import { canonical, decoded, PATH } from '../../saga/core/percent-encoding.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { absolute, isAllowed, lookAt } from './paths.js';

/** One thing that the keeper does with files; paths are absolute. */
export interface StagingStep {
  readonly verb: 'copy' | 'append' | 'remove';
  readonly source: string;
  /** Empty for `remove`. */
  readonly target: string;
}

/** What a keeper does with files before the processes of its job start, and after they have ended. */
export interface Staging {
  readonly before: readonly StagingStep[];
  readonly after: readonly StagingStep[];
}

/** One entry of FileTransfer. */
interface Transfer {
  readonly entry: string;
  /** `>`: from `local` to `remote`, before the start; `<`: the other way, after the end. Doubled: at the end of what is there. */
  readonly operator: '>' | '>>' | '<' | '<<';
  readonly local: string;
  readonly remote: string;
}

const ENTRY = /^\s*(\S.*?)\s+(>>|<<|>|<)\s+(.*\S)\s*$/su;
const FILE_URL = /^file:(?:\/\/([^/]*))?(.*)$/isu;
const SCHEME = /^[a-z][a-z0-9+.-]*:/iu;

/**
 * The steps of a job.
 * @param cwd - Its working directory, to which the right names are relative.
 * @param base - The directory of the submitter, to which the left names are relative.
 * @throws BadParameter naming the entry that is malformed, or names what is not on this machine.
 */
export function stagingOf(spec: JobSpec, cwd: string, base: string): Staging {
  const transfers = transfersOf(spec, cwd, base);
  const verbOf = (operator: Transfer['operator']): 'copy' | 'append' => (operator.length === 2 ? 'append' : 'copy');
  const before = transfers
    .filter(isInward)
    .map(({ operator, local, remote }) => ({ verb: verbOf(operator), source: local, target: remote }));
  const outward = transfers
    .filter((transfer) => !isInward(transfer))
    .map(({ operator, local, remote }) => ({ verb: verbOf(operator), source: remote, target: local }));
  return { before, after: [...outward, ...removals(spec, cwd, transfers)] };
}

/** The names of the temporary files that a killed keeper may leave beside the targets of a job. */
export function temporariesOf(id: string, { before, after }: Staging): { target: string; name: string }[] {
  const names = (direction: string, steps: readonly StagingStep[]): { target: string; name: string }[] =>
    steps.map(({ target }, i) => ({ target, name: `.xosaga-${id}-${direction}${String(i + 1)}` }));
  return [...names('in', before), ...names('out', after)].filter(({ target }) => target !== '');
}

/**
 * Looks at the files that have to be there before the job starts, and at the directories of all.
 * @throws DoesNotExist, PermissionDenied or BadParameter, naming the entry and the path.
 */
export function checkTransfers(spec: JobSpec, cwd: string, base: string): void {
  for (const transfer of transfersOf(spec, cwd, base)) {
    const { entry, local, remote } = transfer;
    if (isInward(transfer)) checkSource(entry, local);
    for (const target of isInward(transfer) ? [remote] : [local]) checkTarget(entry, target);
  }
}

function transfersOf({ fileTransfer = [] }: JobSpec, cwd: string, base: string): Transfer[] {
  return fileTransfer.map((entry) => {
    const [, left, operator, right] = ENTRY.exec(entry) ?? [];
    if (left === undefined || operator === undefined || right === undefined) {
      throw new BadParameter(
        `FileTransfer '${entry}' is not of the form 'LOCAL > REMOTE', with >, >>, < or << between blanks; ` +
          'a blank in a name is written %20',
      );
    }
    return {
      entry,
      operator: operator as Transfer['operator'],
      local: absolute(base, pathOf(left, entry)),
      remote: absolute(cwd, pathOf(right, entry)),
    };
  });
}

function isInward({ operator }: Transfer): boolean {
  return operator.startsWith('>');
}

/** The path that a name stands for: a path, or the URL of a file, both with escapes. */
function pathOf(name: string, entry: string): string {
  const [, host = '', path = name] = FILE_URL.exec(name) ?? [];
  if (path === name && SCHEME.test(name)) {
    throw new BadParameter(
      `FileTransfer '${entry}': '${name}' is not on this machine; a local job takes paths and file: URLs ` +
        '(a path with a colon begins with ./)',
    );
  }
  if (!['', 'localhost', '127.0.0.1', hostname().toLowerCase()].includes(host.toLowerCase())) {
    throw new BadParameter(`FileTransfer '${entry}': '${name}' is on the host '${host}', not on this machine`);
  }
  if (path !== name && /[?#]/.test(path)) {
    throw new BadParameter(`FileTransfer '${entry}': '${name}' has a query or fragment; write ? as %3F and # as %23`);
  }
  if (path === '' || path.endsWith('/')) {
    throw new BadParameter(`FileTransfer '${entry}': '${name}' names no file; both sides name one`);
  }
  return decoded(canonical(path, { ...PATH, name: `FileTransfer '${entry}': a name in it` }));
}

/** With Cleanup, all that the job leaves in its working directory by name goes; what was brought out stays. */
function removals(spec: JobSpec, cwd: string, transfers: readonly Transfer[]): StagingStep[] {
  if (spec.cleanup !== 'True') return [];
  const streams = spec.interactive ? [] : [spec.output, spec.error];
  const made = streams.filter((name) => name !== undefined).map((name) => absolute(cwd, name));
  const brought = new Set(transfers.filter((transfer) => !isInward(transfer)).map(({ local }) => local));
  const paths = new Set([...made, ...transfers.map(({ remote }) => remote)]);
  return [...paths].filter((path) => !brought.has(path)).map((path) => ({ verb: 'remove', source: path, target: '' }));
}

function checkSource(entry: string, path: string): void {
  const file = lookAt(path);
  if (!file) throw new DoesNotExist(`FileTransfer '${entry}': '${path}' does not exist`);
  if (file.isDirectory())
    throw new BadParameter(`FileTransfer '${entry}': '${path}' is a directory; files are transferred`);
  if (!isAllowed(path, constants.R_OK)) {
    throw new PermissionDenied(`FileTransfer '${entry}': '${path}' cannot be read by this user`);
  }
}

function checkTarget(entry: string, path: string): void {
  const parent = dirname(path);
  const directory = lookAt(parent);
  if (!directory) throw new DoesNotExist(`FileTransfer '${entry}': the directory '${parent}' does not exist`);
  if (!directory.isDirectory()) throw new BadParameter(`FileTransfer '${entry}': '${parent}' is not a directory`);
  if (lookAt(path)?.isDirectory()) {
    throw new BadParameter(`FileTransfer '${entry}': '${path}' is a directory; name the file in it`);
  }
}
