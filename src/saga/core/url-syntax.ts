/**
 * The generic syntax of URLs (RFC 3986), read tolerantly and written canonically.
 *
 * Not the parser of the platform: that one resolves dot segments, drops characters, knows some schemes better than
 * others and takes no relative reference. Here a URL is what was written, whatever its scheme.
 */
import { BadParameter, SagaException } from './exceptions.js';
import { canonical, FRAGMENT, HOST, PATH, QUERY, readable, USERINFO } from './percent-encoding.js';

/** A URL taken apart; each part is canonical. What is absent is empty, the port -1. */
export interface UrlParts {
  readonly scheme: string;
  /** Whether `//` stands there: `file:///a` has an authority, an empty one. Always true when there is a host. */
  readonly authority: boolean;
  readonly userinfo: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

export const EMPTY: UrlParts = {
  scheme: '',
  authority: false,
  userinfo: '',
  host: '',
  port: -1,
  path: '',
  query: '',
  fragment: '',
};

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
const HIGHEST_PORT = 65535;
const LONGEST_QUOTE = 200;

/**
 * Takes a URL or relative reference apart. Characters that a URL must escape may stand there as they are, and a
 * percent sign that begins no escape is literal.
 * @throws BadParameter when it is neither; the message never shows a password.
 */
export function parse(text: string): UrlParts {
  try {
    return parseParts(text);
  } catch (e) {
    if (!SagaException.is(e)) throw e;
    const shown = withoutCredentials(text);
    throw new BadParameter(`'${shown}' is not a URL: ${e.message}`, { url: shown });
  }
}

function parseParts(text: string): UrlParts {
  const [beforeFragment, fragment] = cut(text, '#');
  const [hierarchy, query] = cut(beforeFragment, '?');

  const [name, afterColon] = cut(hierarchy, ':');
  const isAbsolute = name.length < hierarchy.length && !name.includes('/');
  const scheme = isAbsolute ? canonicalScheme(name) : '';
  const rest = isAbsolute ? afterColon : hierarchy;

  const authority = rest.startsWith('//');
  const slash = authority ? rest.indexOf('/', 2) : 0;
  const path = slash < 0 ? '' : rest.slice(slash);
  return checked({
    scheme,
    ...(authority ? parseAuthority(rest.slice(2, slash < 0 ? undefined : slash)) : NO_AUTHORITY),
    path: canonical(path, PATH),
    query: canonical(query, QUERY),
    fragment: canonical(fragment, FRAGMENT),
  });
}

type Authority = Pick<UrlParts, 'authority' | 'userinfo' | 'host' | 'port'>;
const NO_AUTHORITY: Authority = { authority: false, userinfo: '', host: '', port: -1 };

function parseAuthority(text: string): Authority {
  const at = text.lastIndexOf('@');
  const hostport = text.slice(at + 1);
  const colon = hostport.lastIndexOf(':');
  const hasPort = colon > hostport.lastIndexOf(']');
  return {
    authority: true,
    userinfo: at < 0 ? '' : canonical(text.slice(0, at), USERINFO),
    host: canonicalHost(hasPort ? hostport.slice(0, colon) : hostport),
    port: hasPort ? parsePort(hostport.slice(colon + 1)) : -1,
  };
}

/** The text before the first `mark` and the text after it; no mark, nothing after. */
function cut(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)];
}

function parsePort(digits: string): number {
  if (digits === '') return -1;
  // The text is not shown: after an '@', '/' or '#' in a password that was not escaped it is part of the password.
  if (!/^[0-9]+$/.test(digits)) {
    throw new BadParameter(
      "the port is not a number (is there a '/', '?' or '#' in a password? Write it %2F, %3F or %23)",
    );
  }
  return checkedPort(Number(digits));
}

/** @throws BadParameter when it is not -1 (none) or an integer from 0 to 65535. */
export function checkedPort(port: number): number {
  if (!Number.isInteger(port) || port < -1 || port > HIGHEST_PORT) {
    throw new BadParameter(`the port is not a whole number from 0 to ${String(HIGHEST_PORT)} (-1: none)`);
  }
  return port;
}

/** @throws BadParameter when it is not a letter followed by letters, digits, "+", "-" and ".". */
export function canonicalScheme(scheme: string): string {
  if (!SCHEME.test(scheme)) {
    throw new BadParameter(
      `'${withoutCredentials(scheme)}' is not a scheme, which is a letter and then letters, digits, '+', '-' and '.'` +
        " (before a relative path whose first name holds a colon write './')",
    );
  }
  return scheme.toLowerCase();
}

/**
 * A host in lower case; an IPv6 address keeps its brackets.
 * @throws BadParameter when it holds a character that no host has, or a bad IPv6 address.
 */
export function canonicalHost(host: string): string {
  if (host.startsWith('[') && host.endsWith(']')) return `[${canonicalLiteral(host.slice(1, -1))}]`;
  const illegal = /[^A-Za-z0-9\-._~!$&'()*+,;=%\u0080-\uffff]/.exec(host)?.[0];
  if (illegal !== undefined) {
    const hint = illegal === ':' ? ' (an IPv6 address is written in brackets: [::1])' : '';
    throw new BadParameter(`the host holds the character ${JSON.stringify(illegal)}${hint}`);
  }
  // Escapes keep their capitals, the rest is lower case.
  return canonical(host, HOST).replace(/%[0-9A-F]{2}|[A-Z]+/g, (found) =>
    found.startsWith('%') ? found : found.toLowerCase(),
  );
}

/** What stands in brackets: an IPv6 address, with a zone (RFC 6874) or without, or a later kind of address. */
function canonicalLiteral(literal: string): string {
  const [address, zone] = cut(literal, '%25');
  const isFuture = /^v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+$/i.test(literal);
  const isIPv6 = /^[0-9A-Fa-f:.]{2,45}$/.test(address) && globalThis.URL.canParse(`http://[${address}]/`);
  const isZone = address.length === literal.length || /^[A-Za-z0-9\-._~]+$/.test(zone);
  if (!isFuture && !(isIPv6 && isZone)) {
    throw new BadParameter('the brackets of the host hold no IPv6 address such as [2001:db8::1] or [fe80::1%25eth0]');
  }
  return address.toLowerCase() + literal.slice(address.length);
}

/**
 * The parts, when they make a URL together; the slashes of an authority that has become needless are dropped.
 * @throws BadParameter when they contradict each other.
 */
export function checked(parts: UrlParts): UrlParts {
  const { scheme, host, path } = parts;
  if (host === '' && (parts.port !== -1 || parts.userinfo !== '')) {
    throw new BadParameter(`there is a ${parts.port !== -1 ? 'port' : 'user'} without a host`);
  }
  if (host !== '' && path !== '' && !path.startsWith('/')) {
    throw new BadParameter("the path of a URL with a host begins with '/'");
  }
  // "///a" is nothing but "/a"; without a host "x://" goes with a path alone.
  const authority = host !== '' || (parts.authority && scheme !== '' && (path === '' || path.startsWith('/')));
  return authority === parts.authority ? parts : { ...parts, authority };
}

/** The URL in canonical form. `parse` gives the same parts again. */
export function compose(parts: UrlParts): string {
  const { scheme, userinfo, host, port, path, query, fragment } = parts;
  // A path that begins with "//" would be read as an authority: an empty one before it prevents that.
  const authority = parts.authority || path.startsWith('//');
  return (
    (scheme && `${scheme}:`) +
    (authority ? `//${userinfo && `${userinfo}@`}${host}${port < 0 ? '' : `:${String(port)}`}` : '') +
    (scheme || authority ? path : withoutColon(path)) +
    (query && `?${query}`) +
    (fragment && `#${fragment}`)
  );
}

/** A relative path in which no colon ends what could be read as a scheme. */
function withoutColon(path: string): string {
  const slash = path.indexOf('/');
  const first = slash < 0 ? path : path.slice(0, slash);
  return first.replaceAll(':', '%3A') + path.slice(first.length);
}

/** The parts for reading: decoded where that changes no meaning. */
export function readableParts(parts: UrlParts): UrlParts {
  return {
    ...parts,
    host: readable(parts.host, HOST),
    path: readable(parts.path, PATH),
    query: readable(parts.query, QUERY),
    fragment: readable(parts.fragment, FRAGMENT),
  };
}

/** The userinfo without what follows the user's name. */
export function withoutPassword(userinfo: string): string {
  const [user] = cut(userinfo, ':');
  return user.length < userinfo.length ? `${user}:***` : userinfo;
}

/** Text that may be a URL, or a broken one, for an error message: short, and nothing that stands before an `@`. */
function withoutCredentials(text: string): string {
  const at = text.lastIndexOf('@');
  const start = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?/.exec(text)?.[0] ?? '';
  const shown = at < 0 ? text : `${start}***${text.slice(at)}`;
  return shown.length > LONGEST_QUOTE ? `${shown.slice(0, LONGEST_QUOTE)}...` : shown;
}
