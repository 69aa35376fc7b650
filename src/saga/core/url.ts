/** URLs (GFD.90 section 3.3). The syntax is in url-syntax.ts. */
import { inspect } from 'node:util';

import { BadParameter } from './exceptions.js';
import { ObjectType } from './object.js';
import { canonical, decoded, encoded, FRAGMENT, PATH, QUERY, readable, HOST, USERINFO } from './percent-encoding.js';
import { SessionObject } from './session.js';
import { resolvedParts } from './url-resolution.js';
import {
  canonicalHost,
  canonicalScheme,
  checked,
  checkedPort,
  compose,
  EMPTY,
  parse,
  readableParts,
  type UrlParts,
  withoutPassword,
} from './url-syntax.js';
import { translated } from './url-translation.js';

/** Wherever SAGA says url a string, our URL or the platform's URL serves. */
export type UrlLike = string | URL | globalThis.URL;

let made: (parts: UrlParts) => URL;
let ofUrl: (url: URL) => UrlParts;

/**
 * A URL or relative reference (RFC 3986).
 *
 * - Constructor and `setString` take text that is escaped or not; a "%" that begins no escape is literal.
 * - `getPath` and `setPath` are plain text, in which "%" is nothing special: the name as the file system has it.
 *   Bytes that are not UTF-8 are lone surrogates U+DC80 to U+DCFF, one a byte.
 * - `getEscaped` is canonical: equal URLs give equal text, and it round-trips. `getString` is decoded for reading,
 *   but for escapes without which it would mean something else, so that it can be passed back in as well.
 * - Dot segments and doubled slashes are kept as written (RFC 3986, other than SAGA C++); `resolve` removes the dots.
 * - A password in the userinfo is part of the value and so of `getString`, `getEscaped` and `getUserinfo`. `toString`,
 *   `JSON.stringify` and `util.inspect` blot it out.
 *
 * A setter that throws leaves the URL as it was.
 */
export class URL extends SessionObject {
  #parts: UrlParts;

  static {
    made = (parts) => {
      const url = new URL();
      url.#parts = parts;
      return url;
    };
    ofUrl = (url) => url.#parts;
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: URL) {
        return `URL <${this.toString()}>`;
      },
    });
  }

  /** @throws BadParameter when `url` is not a URL. */
  constructor(url: UrlLike = '') {
    super();
    this.#parts = partsOf(url);
  }

  getType(): number {
    return ObjectType.URL;
  }

  override clone(): this {
    return made(this.#parts) as this;
  }

  /** The same as a new URL of that text. @throws BadParameter when it is not a URL. */
  setString(url = ''): void {
    this.#parts = parse(text(url, 'a URL'));
  }

  /** The whole, decoded where that changes no meaning. */
  getString(): string {
    return compose(readableParts(this.#parts));
  }

  /** The whole in canonical form, ASCII only; a URL made of it is equal to this one. */
  getEscaped(): string {
    return compose(this.#parts);
  }

  /** @throws BadParameter when it is not a letter and then letters, digits, "+", "-" and ".". */
  setScheme(scheme = ''): void {
    this.#set({ scheme: text(scheme, 'a scheme') && canonicalScheme(scheme) });
  }

  /** In lower case. */
  getScheme(): string {
    return this.#parts.scheme;
  }

  /**
   * @param host - a name or an address; an IPv6 address with its brackets or without.
   * @throws BadParameter when it is not a host, or when without it the port or user is left over.
   */
  setHost(host = ''): void {
    const isBareIPv6 = /^[0-9a-f.]*:[0-9a-f.]*:/i.test(text(host, 'a host'));
    this.#set({ host: canonicalHost(isBareIPv6 ? `[${host}]` : host) });
  }

  /** In lower case; an IPv6 address with its brackets. */
  getHost(): string {
    return readable(this.#parts.host, HOST);
  }

  /** @throws BadParameter when it is not -1 or 0 to 65535, or the URL has no host. */
  setPort(port = -1): void {
    this.#set({ port: checkedPort(port) });
  }

  /** -1 when there is none. */
  getPort(): number {
    return this.#parts.port;
  }

  /** @param fragment - escaped or not, as in the constructor. @throws BadParameter when it can't be encoded. */
  setFragment(fragment = ''): void {
    this.#set({ fragment: canonical(text(fragment, 'a fragment'), FRAGMENT) });
  }

  /** Decoded where that changes no meaning. */
  getFragment(): string {
    return readable(this.#parts.fragment, FRAGMENT);
  }

  /**
   * @param path - plain text, as `getPath` gives it: "%20" is a percent sign, a two and a zero.
   * @throws BadParameter when it holds a NUL, or is relative while there is a host.
   */
  setPath(path = ''): void {
    this.#set({ path: encoded(text(path, 'a path'), PATH) });
  }

  /** Decoded. */
  getPath(): string {
    return decoded(this.#parts.path);
  }

  /** @param query - escaped or not, as in the constructor. @throws BadParameter when it can't be encoded. */
  setQuery(query = ''): void {
    this.#set({ query: canonical(text(query, 'a query'), QUERY) });
  }

  /** Decoded where that changes no meaning: "%26" stays, for "&" separates. */
  getQuery(): string {
    return readable(this.#parts.query, QUERY);
  }

  /** @param userinfo - "user" or "user:password", escaped or not. @throws BadParameter when there is no host. */
  setUserinfo(userinfo = ''): void {
    this.#set({ userinfo: canonical(text(userinfo, 'the userinfo'), USERINFO) });
  }

  /** "user" or "user:password" as it stands in the URL, escapes included. */
  getUserinfo(): string {
    return this.#parts.userinfo;
  }

  /**
   * A new URL that names the same with another scheme. The schemes of one family can replace each other:
   * `file`, `local`, `any`; `local`, `fork`; `ssh`, `sftp`; `http`, `dav`, `webdav`; `https`, `davs`, `webdavs`.
   *
   * @throws BadParameter when no URL can be translated to this scheme.
   * @throws NoSuccess when this URL can't: another family, or a host that the scheme does not reach.
   */
  translate(scheme: string): URL {
    return made(translated(this.#parts, text(scheme, 'a scheme')));
  }

  /** The URL that `reference` means where this one is the current one; see `resolve`. */
  resolve(reference: UrlLike): URL {
    return made(resolvedParts(this.#parts, partsOf(reference)));
  }

  /** `getEscaped()` with the password blotted out: `sftp://user:***@host/`. */
  override toString(): string {
    return compose({ ...this.#parts, userinfo: withoutPassword(this.#parts.userinfo) });
  }

  toJSON(): string {
    return this.toString();
  }

  #set(change: Partial<UrlParts>): void {
    this.#parts = checked({ ...this.#parts, ...change });
  }
}

/**
 * A URL of our own from whatever stands for one.
 * @throws BadParameter when it is not a URL.
 */
export function toURL(url: UrlLike): URL {
  return new URL(url);
}

/**
 * A copy of the URL with another path, in one step: directories have many entries.
 * @param path - plain text, as for `setPath`; absolute when the URL has a host.
 * @throws BadParameter when it holds a NUL.
 * @internal
 */
export function withPath(url: URL, path: string): URL {
  return made({ ...ofUrl(url), path: encoded(path, PATH) });
}

/**
 * As `withPath` for entries of one directory, whose path is looked through once and not with each of them.
 * @param directory - plain text.
 * @returns what makes the URL of the entry of that name.
 * @internal
 */
export function entriesOf(url: URL, directory: string): (name: string) => URL {
  const parts = ofUrl(url);
  const start = encoded(directory.endsWith('/') ? directory : `${directory}/`, PATH);
  return (name) => made({ ...parts, path: start + encoded(name, PATH) });
}

/**
 * The URL that `reference` means where `base` is the current one (RFC 3986 section 5), without "." and "..". A base that
 * is a directory ends with a slash.
 * @throws BadParameter when one of them is not a URL.
 */
export function resolve(base: UrlLike, reference: UrlLike): URL {
  return toURL(base).resolve(reference);
}

function partsOf(url: UrlLike): UrlParts {
  if (typeof url === 'string') return url === '' ? EMPTY : parse(url);
  // By what it offers, not by its class: it may come from another copy of the library or another realm.
  const object = Object(url) as { getEscaped?: unknown; href?: unknown };
  if (typeof object.getEscaped === 'function') return parse(text((url as URL).getEscaped(), 'a URL'));
  if (typeof object.href === 'string') return parse(object.href);
  throw notText(url, 'a URL');
}

/** Callers without types pass anything. */
function text(value: string, what: string): string {
  if (typeof value !== 'string') throw notText(value, what);
  return value;
}

function notText(value: unknown, what: string): BadParameter {
  const given = value === null ? 'null' : typeof value;
  return new BadParameter(`${what} is given as a string${what === 'a URL' ? ' or URL' : ''}, not as ${given}`);
}
