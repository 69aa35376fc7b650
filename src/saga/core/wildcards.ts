/**
 * SAGA's shell wildcards (GFD.90 sections 3.8 and 4.2): `*`, `?`, `[a-z]`, `[!a]`, `{a,b}`; a backslash takes the next
 * character literally.
 *
 * A pattern becomes a small automaton of which all states are followed at once. The time is bounded by pattern length
 * times text length whatever the pattern, where a translation to RegExp could take for ever.
 */
import { BadParameter } from './exceptions.js';

/** How a pattern treats the names of files; by default text is just text. */
export interface WildcardOptions {
  /** `*`, `?` and `[...]` do not match a `/`. Default: false. */
  path?: boolean;
  /** `*`, `?` and `[...]` do not match a dot that begins the text (with `path`: a name). Default: false. */
  explicitDot?: boolean;
}

/** One step: take a literal character, take one that fits, or go on at several places at once. */
type Step =
  | { readonly kind: 'literal'; readonly char: string }
  | { readonly kind: 'any'; readonly fits: (char: string) => boolean }
  | { readonly kind: 'star'; readonly next: readonly number[] }
  | { readonly kind: 'fork'; next: readonly number[] };

/**
 * The test whether a whole text matches `pattern`. Case counts; characters are Unicode code points.
 * @throws BadParameter when the pattern is malformed: an open bracket or brace, an empty or reversed range, a
 *   backslash at the end.
 */
export function wildcards(pattern: string, options: WildcardOptions = {}): (text: string) => boolean {
  if (!options.path && ONLY_STARS.test(pattern)) return starsAlone(pattern, options);
  const steps = new Compiler(pattern).compile();
  return (text) => matches(steps, Array.from(text), options);
}

/** ASCII text with stars and nothing else that is special: what is asked most, and of every name of a large directory. */
const ONLY_STARS = /^[^?[\]{}\\\x00-\x1f\x7f-\uffff]*$/;

/** The pieces between the stars, each found as early as can be: the first at the beginning, the last at the end. */
function starsAlone(pattern: string, { explicitDot = false }: WildcardOptions): (text: string) => boolean {
  const [first = '', ...more] = pattern.split('*');
  const last = more.pop();
  if (last === undefined) return (text) => text === pattern;
  const least = first.length + last.length;
  return (text) => {
    if (text.length < least || !text.startsWith(first) || !text.endsWith(last)) return false;
    if (explicitDot && first === '' && text.startsWith('.')) return false;
    let at = first.length;
    for (const piece of more) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= text.length - last.length;
  };
}

class Compiler {
  readonly #pattern: string;
  readonly #chars: readonly string[];
  readonly #steps: Step[] = [];
  /** The open `{`: its fork, where its alternatives begin, and the forks that leave them. */
  readonly #groups: { fork: { next: readonly number[] }; begins: number[]; leaves: { next: readonly number[] }[] }[] =
    [];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#chars = Array.from(pattern);
  }

  compile(): readonly Step[] {
    for (let char = this.#take(); char !== undefined; char = this.#take()) this.#compileOne(char);
    if (this.#groups.length > 0) throw this.#malformed("a '{' is not closed");
    return this.#steps;
  }

  #compileOne(char: string): void {
    const group = this.#groups.at(-1);
    if (char === '*') this.#star();
    else if (char === '?') this.#steps.push({ kind: 'any', fits: () => true });
    else if (char === '[') this.#steps.push({ kind: 'any', fits: this.#set() });
    else if (char === '{') this.#open();
    else if (char === ',' && group) {
      group.leaves.push(this.#fork());
      group.begins.push(this.#steps.length);
    } else if (char === '}') this.#close();
    else this.#steps.push({ kind: 'literal', char: char === '\\' ? this.#quoted() : char });
  }

  #star(): void {
    const head = this.#steps.length;
    this.#steps.push({ kind: 'star', next: [head + 1, head + 3] });
    this.#steps.push({ kind: 'any', fits: () => true }, { kind: 'fork', next: [head] });
  }

  #open(): void {
    this.#groups.push({ fork: this.#fork(), begins: [this.#steps.length], leaves: [] });
  }

  #close(): void {
    const group = this.#groups.pop();
    if (!group) throw this.#malformed("a '}' closes nothing");
    if (group.leaves.length === 0 && group.begins[0] === this.#steps.length) {
      throw this.#malformed("'{}' holds no alternative");
    }
    group.fork.next = group.begins;
    for (const leave of group.leaves) leave.next = [this.#steps.length];
  }

  #fork(): { next: readonly number[] } {
    const fork: Step = { kind: 'fork', next: [] };
    this.#steps.push(fork);
    return fork;
  }

  /** What stands between `[` and `]`; a `]` that comes first is literal, as in the shell. */
  #set(): (char: string) => boolean {
    const negated = this.#chars[this.#at] === '!' || this.#chars[this.#at] === '^';
    if (negated) this.#at += 1;
    const ranges: (readonly [low: number, high: number])[] = [];
    for (;;) {
      const char = this.#take();
      if (char === undefined) throw this.#malformed("a '[' is not closed");
      if (char === ']' && ranges.length > 0) break;
      if (char === '[' && [':', '.', '='].includes(this.#chars[this.#at] ?? '')) {
        throw this.#malformed("character classes such as '[:alpha:]' are not known, write ranges such as 'a-zA-Z'");
      }
      ranges.push(this.#range(char === '\\' ? this.#quoted() : char));
    }
    return (char) => {
      const code = codeOf(char);
      return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
    };
  }

  #range(first: string): readonly [number, number] {
    const end = this.#chars[this.#at + 1];
    if (this.#chars[this.#at] !== '-' || end === undefined || end === ']') return [codeOf(first), codeOf(first)];
    this.#at += 2;
    const last = end === '\\' ? this.#quoted() : end;
    if (codeOf(last) < codeOf(first)) throw this.#malformed(`the range '${first}-${last}' is reversed`);
    return [codeOf(first), codeOf(last)];
  }

  #quoted(): string {
    const char = this.#take();
    if (char === undefined) throw this.#malformed('the backslash at the end quotes nothing');
    return char;
  }

  #take(): string | undefined {
    return this.#chars[this.#at++];
  }

  #malformed(reason: string): BadParameter {
    return new BadParameter(`malformed pattern '${this.#pattern}': ${reason}; a backslash makes a character literal`);
  }
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function matches(steps: readonly Step[], text: readonly string[], options: WildcardOptions): boolean {
  // reached[s] is the last position (plus one) at which step s was put on the list: each is followed once a position.
  const reached = new Uint32Array(steps.length + 1);
  let alive: number[] = [0];
  for (let at = 0; ; at++) {
    const char = text[at];
    const begins = at === 0 || (options.path === true && text[at - 1] === '/');
    const hidden = options.explicitDot === true && begins && char === '.';
    const closed = hidden || (options.path === true && char === '/');
    const next: number[] = [];
    let ended = false;
    while (alive.length > 0) {
      const here = alive.pop() ?? 0;
      if (reached[here] === at + 1) continue;
      reached[here] = at + 1;
      const step = steps[here];
      if (!step) ended = true;
      else if (step.kind === 'fork' || step.kind === 'star') {
        // A star before a hidden dot is not even empty: '*.txt' does not match '.txt'.
        if (step.kind === 'star' && hidden) continue;
        for (const there of step.next) alive.push(there);
      } else if (char !== undefined && (step.kind === 'literal' ? step.char === char : !closed && step.fits(char))) {
        next.push(here + 1);
      }
    }
    if (char === undefined) return ended;
    if (next.length === 0) return false;
    alive = next;
  }
}
