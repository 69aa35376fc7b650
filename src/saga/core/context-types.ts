/** The context types: where the defaults of a context come from, and what is checked before a session takes it. */
import { inspect } from 'node:util';

import { attributeSetOf } from './attributes.js';
import { type CallOptions, throwIfAborted, untilAborted } from './call-options.js';
import type { Context } from './context.js';
import { jwt } from './context-types/jwt.js';
import { ssh } from './context-types/ssh.js';
import { userPass } from './context-types/userpass.js';
import { x509 } from './context-types/x509.js';
import { AlreadyExists, BadParameter, NoSuccess, SagaException } from './exceptions.js';

/** Values for attributes of a context, by SAGA key. */
export type ContextValues = Partial<
  Record<
    | 'Server'
    | 'CertRepository'
    | 'UserProxy'
    | 'UserCert'
    | 'UserKey'
    | 'UserID'
    | 'UserPass'
    | 'UserVO'
    | 'LifeTime'
    | 'RemoteID'
    | 'RemoteHost'
    | 'RemotePort',
    string | undefined
  >
>;

/** What an adaptor registers so that its kind of credential can be put into sessions. */
export interface ContextType {
  /** The value of the attribute Type. Upper and lower case are the same. */
  readonly name: string;
  /** Other names of the same type. */
  readonly aliases?: readonly string[];
  /**
   * Defaults for the attributes that `context` does not set; those that it sets are ignored in the result. It must be
   * quick: it may ask for the environment and whether a file exists, nothing more.
   * @throws NoSuccess, with what was looked for, when the context can't be used as it is and there are no defaults.
   */
  defaults(context: Context): ContextValues;
  /** Whether the environment offers a credential of the type, which the default session then has from the start. */
  offered?(): boolean;
  /**
   * Checks the credential before a session takes it. What it returns is set on the session's copy: LifeTime, UserID.
   * @throws NoSuccess with what the user can do about it, without anything secret.
   */
  verify?(context: Context, signal: AbortSignal | undefined): Promise<ContextValues>;
}

/** The type of a context that says "no security information" (GFD.90 section 3.9). */
const UNKNOWN: ContextType = { name: 'Unknown', defaults: () => ({}) };

const registry = new Map<string, ContextType>();
for (const type of [userPass, ssh, x509, jwt, UNKNOWN]) registerContextType(type);

/**
 * Adds a context type; the result takes it out again.
 * @throws AlreadyExists when the name or an alias is taken.
 */
export function registerContextType(type: ContextType): () => void {
  const names = [type.name, ...(type.aliases ?? [])].map((name) => name.toLowerCase());
  const taken = names.find((name) => registry.has(name));
  if (taken !== undefined) throw new AlreadyExists(`there is a context type "${taken}" already`);
  for (const name of names) registry.set(name, type);
  return () => {
    for (const name of names) registry.delete(name);
  };
}

/** The type with that name or alias. */
export function contextTypeNamed(name: string): ContextType | undefined {
  return registry.get(name.toLowerCase());
}

/** All types, each once. */
export function contextTypes(): ContextType[] {
  return [...new Set(registry.values())];
}

/**
 * What `setDefaults` may fill in.
 * @throws NoSuccess when the type is unknown or has no valid defaults.
 * @internal
 */
export function defaultsOf(context: Context): ContextValues {
  const type = contextTypeNamed(context.type ?? '');
  if (!type) throw new NoSuccess(unknown(context));
  return type.defaults(withoutEmpty(context));
}

/**
 * Checks a context before a session takes it, and completes it with what the check finds out.
 *
 * @throws BadParameter when it has no type or an unknown one.
 * @throws NoSuccess, Timeout when the credential is no good, or the call is aborted.
 * @internal
 */
export async function verifyContext(context: Context, options?: CallOptions): Promise<void> {
  throwIfAborted(options, 'session.addContext');
  if (!context.type) throw new BadParameter(`the context has no type: set Type to one of ${known()}`);
  const type = contextTypeNamed(context.type);
  if (!type) throw new BadParameter(unknown(context));
  refuseExpired(context);
  if (!type.verify) return;
  const verified = type.verify(withoutEmpty(context), options?.signal).catch((e: unknown) => {
    throw withoutSecret(e, context);
  });
  const facts = await untilAborted(verified, options, 'session.addContext');
  const set = attributeSetOf(context);
  for (const [key, value] of Object.entries(facts)) if (value !== undefined) set.assign(key, value);
}

/** A copy in which what is set to the empty string is not set, so that types need not tell the two apart. */
function withoutEmpty(context: Context): Context {
  const copy = context.clone();
  const set = attributeSetOf(copy);
  // But a password may be empty.
  for (const [key, value] of [...set.entries()]) if (value === '' && key !== 'UserPass') set.unassign(key);
  return copy;
}

function known(): string {
  return contextTypes()
    .map((type) => [type.name, ...(type.aliases ?? [])].join(' or '))
    .join(', ');
}

function unknown(context: Context): string {
  return `the context type "${context.type ?? ''}" is unknown: known are ${known()}; an adaptor may bring more`;
}

function refuseExpired(context: Context): void {
  const end = context.lifeTime ?? -1;
  if (end < 0 || end * 1000 > Date.now()) return;
  throw new NoSuccess(
    `the LifeTime of the ${context.type ?? ''} context ended at ${new Date(end * 1000).toISOString()}: renew the credential`,
  );
}

/** A type of a third party may put anything into its errors; the password does not leave this file. */
function withoutSecret(e: unknown, context: Context): SagaException {
  const secret = context.userPass;
  const leaks = secret !== undefined && secret !== '' && inspect(e, { depth: 10 }).includes(secret);
  if (SagaException.is(e) && !leaks) return e;
  const message = e !== null && typeof e === 'object' && 'message' in e ? String(e.message) : String(e);
  const shown = leaks ? message.replaceAll(secret, '***') : message;
  return new NoSuccess(`the ${context.type ?? ''} context can't be used: ${shown}`, leaks ? {} : { cause: e });
}
