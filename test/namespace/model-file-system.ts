/**
 * A name space as GFD.90 section 4.2 has it, in memory and without any of the code under test: what each operation leads to,
 * and which error it ends with. Paths are absolute from the root of the model, which is the open directory.
 */
import { Flags } from '../../src/index.js';

export type Node =
  | { readonly kind: 'file'; readonly content: string }
  | { readonly kind: 'directory' }
  | { readonly kind: 'link'; readonly to: string };

export type Code = 'AlreadyExists' | 'BadParameter' | 'DoesNotExist' | 'IncorrectState' | 'NoSuccess';

/** How an operation ends. */
export type Outcome =
  | { readonly ok: true; readonly value?: unknown }
  /** `partial`: what has been done until then is not specified (rule 244), and neither is which error comes first. */
  | { readonly ok: false; readonly code: Code; readonly partial?: boolean };

export class Refused extends Error {
  constructor(readonly code: Code) {
    super(code);
  }
}

/** Nothing in the specification tells what happens: anything may. */
export class Unspecified extends Error {}

interface Operand {
  readonly path: string;
  readonly name: string;
  readonly node: Node;
}

/** Which rules hold for an operand: those of the entry itself, or of a name that a directory is given. */
export type Form = 'entry' | 'name';

/** What the root is called in the directory that it is in. */
export const ROOT_NAME = 'here';

const MOST_LINKS = 40;
const DIRECTORY: Node = { kind: 'directory' };

const has = (flags: number, flag: number): boolean => (flags & flag) !== 0;
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1) || ROOT_NAME;
const childOf = (path: string, name: string): string => (path === '/' ? `/${name}` : `${path}/${name}`);
const above = (path: string): string[] => (path === '/' ? [] : [parentOf(path), ...above(parentOf(path))]);

export class ModelFileSystem {
  nodes: ReadonlyMap<string, Node>;
  readonly #nodes: Map<string, Node>;

  constructor(nodes: Iterable<readonly [string, Node]> = [['/', DIRECTORY]]) {
    this.#nodes = new Map(nodes);
    this.nodes = this.#nodes;
  }

  /** Where a path really is, links on the way followed, the last one too with `follow`; undefined where the way ends. */
  real(path: string, follow: boolean): string | undefined {
    const names = path.split('/').filter((name) => name !== '');
    let at = '/';
    let links = 0;
    while (names.length > 0) {
      if (this.#nodes.get(at)?.kind !== 'directory') return undefined;
      const next = childOf(at, names.shift() ?? '');
      const node = this.#nodes.get(next);
      if (node?.kind === 'link' && (follow || names.length > 0)) {
        if (++links > MOST_LINKS) return undefined;
        names.unshift(...node.to.split('/').filter((name) => name !== ''));
        at = '/';
      } else at = next;
    }
    return at;
  }

  node(path: string, follow: boolean): Node | undefined {
    const real = this.real(path, follow);
    return real === undefined ? undefined : this.#nodes.get(real);
  }

  /** The names in a directory. */
  names(path: string): string[] {
    const directory = this.real(path, true);
    if (directory === undefined) return [];
    return [...this.#nodes.keys()].filter((each) => each !== '/' && parentOf(each) === directory).map(nameOf);
  }

  /** Relative paths of all that is beneath, links not followed. */
  beneath(path: string): string[] {
    const directory = this.real(path, true) ?? path;
    const prefix = directory === '/' ? '/' : `${directory}/`;
    return [...this.#nodes.keys()]
      .filter((each) => each !== '/' && each.startsWith(prefix))
      .map((each) => each.slice(prefix.length));
  }

  makeDir(path: string, flags: number): void {
    const there = this.node(path, true);
    if (there?.kind === 'directory') {
      if (has(flags, Flags.Exclusive)) throw new Refused('AlreadyExists');
      return;
    }
    if (this.node(path, false)) throw new Refused('AlreadyExists');
    this.#prepareParent(path, flags);
    this.#put(path, DIRECTORY);
  }

  /** Opens a file for writing with Create, and writes the content. */
  write(path: string, flags: number, content: string): void {
    const there = this.node(path, true);
    if (this.node(path, false) && has(flags, Flags.Exclusive)) throw new Refused('AlreadyExists');
    if (there?.kind === 'directory') throw new Refused('BadParameter');
    if (!there && this.node(path, false)) throw new Unspecified();
    if (!there) this.#prepareParent(path, flags);
    const before = there?.kind === 'file' ? there.content : '';
    const real = this.real(path, true);
    if (real === undefined) throw new Unspecified();
    this.#nodes.set(real, { kind: 'file', content: content + before.slice(content.length) });
  }

  copy(form: Form, source: string, target: string, flags: number): void {
    const operand = this.#operand(form, source, flags, 'always', true);
    const { path, node } = operand;
    const place = this.#landing(operand, node.kind === 'directory', target, flags);
    this.#copyTo(path, place);
  }

  move(form: Form, source: string, target: string, flags: number): void {
    if (form === 'name') this.#refuseRoot(source);
    const operand = this.#operand(form, source, flags, 'on demand', true);
    this.#refuseRoot(operand.path);
    const place = this.#landing(operand, operand.node.kind === 'directory', target, flags);
    const from = this.#realOf(operand.path);
    this.#copyTo(operand.path, place);
    this.#drop(from);
  }

  link(form: Form, source: string, target: string, flags: number): void {
    const operand = this.#operand(form, source, flags, 'on demand', false);
    const isMirror = operand.node.kind === 'directory' && has(flags, Flags.Recursive);
    if (isMirror && this.node(target, true)?.kind !== 'directory') throw new Refused('BadParameter');
    const place = this.#landing(operand, isMirror, target, flags);
    if (!isMirror) {
      this.#put(place, { kind: 'link', to: operand.path });
      return;
    }
    const tree = this.beneath(operand.path).map((relative) => {
      const from = childOf(operand.path, relative);
      const isDirectory = this.node(from, false)?.kind === 'directory';
      return { at: childOf(place, relative), node: isDirectory ? DIRECTORY : ({ kind: 'link', to: from } as const) };
    });
    this.#merge(place, tree);
  }

  remove(form: Form, path: string, flags: number): void {
    if (form === 'name') this.#refuseRoot(path);
    const operand = this.#operand(form, path, flags, 'on demand', true);
    this.#refuseRoot(operand.path);
    this.#drop(this.#realOf(operand.path));
  }

  #operand(form: Form, path: string, flags: number, follows: 'always' | 'on demand', wantsRecursive: boolean): Operand {
    let node = this.node(path, false);
    if (!node) throw new Refused('DoesNotExist');
    let real = path;
    if (node.kind !== 'link') {
      if (has(flags, Flags.Dereference)) throw new Refused('BadParameter');
    } else if (follows === 'always' || has(flags, Flags.Dereference)) {
      real = this.real(path, true) ?? '';
      node = this.#nodes.get(real);
      if (!node) throw new Refused('IncorrectState');
    }
    if (node.kind === 'directory') {
      if (wantsRecursive && !has(flags, Flags.Recursive)) throw new Refused('BadParameter');
    } else if (form === 'entry' && has(flags, Flags.Recursive)) {
      throw new Refused('BadParameter');
    }
    return { path: real, name: nameOf(path), node };
  }

  #landing(operand: Operand, makesDirectory: boolean, target: string, flags: number): string {
    const inside = this.node(target, true)?.kind === 'directory';
    const place = inside ? childOf(target, operand.name) : target;
    const existing = this.node(place, false);
    const from = this.#realOf(operand.path);
    if (this.real(place, false) === from) throw new Refused('BadParameter');
    if (makesDirectory && [place, ...above(place)].some((each) => this.real(each, true) === from)) {
      throw new Refused('BadParameter');
    }
    if (existing) {
      const fits = makesDirectory ? this.node(place, true)?.kind === 'directory' : existing.kind !== 'directory';
      if (!fits || !has(flags, Flags.Overwrite)) throw new Refused('AlreadyExists');
      // Who replaces the link by which the source was named may find the source no more.
      if (existing.kind === 'link' && operand.path.startsWith(`${place}/`)) throw new Unspecified();
    } else this.#prepareParent(place, flags);
    return place;
  }

  #prepareParent(path: string, flags: number): void {
    const parent = parentOf(path);
    if (has(flags, Flags.CreateParents)) {
      for (const each of [parent, ...above(parent)].reverse()) {
        if (this.node(each, true)?.kind === 'directory') continue;
        // A file or a link to nowhere where a directory is to be: there is no rule for which error that is.
        if (this.node(each, false)) throw new Unspecified();
        this.#put(each, DIRECTORY);
      }
    }
    const node = this.node(parent, true);
    if (!node) throw new Refused('DoesNotExist');
    if (node.kind !== 'directory') throw new Refused('BadParameter');
  }

  #copyTo(source: string, place: string): void {
    const node = this.node(source, false);
    if (!node) throw new Unspecified();
    if (node.kind !== 'directory') {
      this.#put(place, node);
      return;
    }
    const tree = this.beneath(source).map((relative) => ({
      at: childOf(place, relative),
      node: this.node(childOf(source, relative), false) ?? DIRECTORY,
    }));
    this.#merge(place, tree);
  }

  /** Parents come before what is in them, as `beneath` lists in the order of making or after sorting. */
  #merge(root: string, tree: readonly { at: string; node: Node }[]): void {
    if (this.node(root, true)?.kind !== 'directory') this.#put(root, DIRECTORY);
    for (const { at, node } of [...tree].sort((a, b) => a.at.split('/').length - b.at.split('/').length)) {
      const there = this.node(at, false);
      if (node.kind === 'directory') {
        if (there?.kind === 'directory') continue;
        // A link in the way: whether a merge goes through it is left to services.
        if (there) throw new Unspecified();
      } else if (there?.kind === 'directory') throw new Unspecified();
      this.#put(at, node);
    }
  }

  #put(path: string, node: Node): void {
    this.#nodes.set(this.#realOf(path), node);
  }

  #drop(real: string): void {
    for (const each of [...this.#nodes.keys()])
      if (each === real || each.startsWith(`${real}/`)) this.#nodes.delete(each);
  }

  #realOf(path: string): string {
    const real = this.real(path, false);
    if (real === undefined) throw new Unspecified();
    return real;
  }

  #refuseRoot(path: string): void {
    if (path === '/') throw new Refused('BadParameter');
  }
}
