/**
 * Wildcards in names (GFD.90 section 4.2): `*`, `?`, `[a-z]`, `[!a]`, `{a,b}`, as a shell expands them: each element of a path
 * by itself, and none of them matches a dot at its beginning. A backslash or a percent escape makes them literal.
 */
import { BadParameter } from '../core/exceptions.js';
import { canonical, decoded, PATH } from '../core/percent-encoding.js';
import { wildcards } from '../core/wildcards.js';
import { type Call, FOLLOW, NO_FOLLOW } from '../engine/entry-service.js';
import { leadsToDirectory } from './kinds.js';
import { childOf, type NamedLocation, parentOf } from './location.js';
import type { OpenEntry } from './open-entry.js';

const SPECIAL = /[*?[\]{},\\!^-]/g;
const WILD = /[*?[{]/;
const SERVICE = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/i;

/** Whether there are wildcards in the text, literal ones too. */
export function hasWildcards(text: string): boolean {
  return WILD.test(text.replace(SERVICE, ''));
}

/**
 * The places that a pattern matches, in order, seen from an open entry; none is no error. The caller closes `service`.
 * @throws BadParameter when the pattern is malformed, or a brace holds a slash.
 */
export async function expand(
  open: OpenEntry,
  pattern: string,
  call: Call,
): Promise<{ root: NamedLocation; paths: string[] }> {
  const [prefix] = SERVICE.exec(pattern) ?? [''];
  const path = pattern.slice(prefix.length);
  const elements = elementsOf(path, pattern);
  const root = await open.locate(prefix === '' ? '.' : `${prefix}/`, call);
  try {
    let paths = [path.startsWith('/') ? '/' : root.path];
    for (const element of elements) paths = await stepped(root, paths, element, call);
    const { service } = root;
    // A slash at the end means directories, and a name after a wildcard is there in some of the directories only.
    const wantsDirectories = path.endsWith('/');
    const isSure = typeof elements.at(-1) !== 'string' || elements.every((each) => typeof each === 'string');
    if (isSure && !wantsDirectories) return { root, paths };
    const there = await Promise.all(
      paths.map(async (each) => {
        if (wantsDirectories) return leadsToDirectory({ service, path: each }, call);
        return (await service.stat(each, NO_FOLLOW, call)) !== undefined;
      }),
    );
    return { root, paths: paths.filter((_, i) => there[i]) };
  } catch (error) {
    await root.service.close();
    throw error;
  }
}

/** One element of a path: a name, or the test for one. */
type Element = string | ((name: string) => boolean);

function elementsOf(path: string, pattern: string): Element[] {
  // No element is empty, as none of the path that an adaptor gets.
  const texts = path.split('/').filter((text) => text !== '');
  return texts.map((text) => {
    if (!WILD.test(text)) return decoded(canonical(text, PATH)).replace(/\\(.)/gsu, '$1');
    if (/\{[^}]*$/.test(text) && path.includes('}')) {
      throw new BadParameter(`malformed pattern '${pattern}': braces hold names, not paths; leave out the '/' in them`);
    }
    // What was escaped is meant as it stands.
    const literal = text.replace(/(?:%[0-9A-F]{2})+/gi, (run) => decoded(run.toUpperCase()).replace(SPECIAL, '\\$&'));
    return wildcards(literal, { explicitDot: true });
  });
}

/** From each path one element on. Names are not looked up: whether they are there shows at the end. */
async function stepped(root: NamedLocation, paths: readonly string[], element: Element, call: Call): Promise<string[]> {
  if (element === '.') return [...paths];
  if (element === '..') return paths.map(parentOf);
  if (typeof element === 'string') return paths.map((path) => childOf(path, element));
  const matches: string[] = [];
  for (const path of paths) {
    const isDirectory = await leadsToDirectory({ service: root.service, path }, call);
    if (!isDirectory) continue;
    for await (const batch of root.service.list(path, FOLLOW, call)) {
      for (const { name } of batch) if (element(name)) matches.push(childOf(path, name));
    }
  }
  // As a shell has them: which one is the first to fail is no matter of luck.
  return matches.sort();
}
