/** The context (GFD.90 section 3.6): one credential, or where to find it. */
import {
  type Attributes,
  attributed,
  attributeSetOf,
  type AttributeSpec,
  copyAttributes,
  initialise,
} from './attributes.js';
import { contextTypeNamed, contextTypes, defaultsOf } from './context-types.js';
import { IncorrectState, SagaException } from './exceptions.js';
import { ObjectType } from './object.js';
import { provideDefaultContexts, SessionObject } from './session.js';

const attributes: readonly AttributeSpec[] = [
  { key: 'Type', property: 'type', type: 'String', description: 'the context type: UserPass, ssh, x509, jwt, ...' },
  { key: 'Server', property: 'server', type: 'String', description: 'the server that manages the context' },
  {
    key: 'CertRepository',
    property: 'certRepository',
    type: 'String',
    description: 'directory of trusted certificates',
  },
  { key: 'UserProxy', property: 'userProxy', type: 'String', description: 'file of an existing proxy or token' },
  { key: 'UserCert', property: 'userCert', type: 'String', description: 'file of the certificate or public key' },
  { key: 'UserKey', property: 'userKey', type: 'String', description: 'file of the private key' },
  { key: 'UserID', property: 'userID', type: 'String', description: 'the user as the server knows them' },
  { key: 'UserPass', property: 'userPass', type: 'String', secret: true, description: 'password, passphrase or token' },
  { key: 'UserVO', property: 'userVO', type: 'String', description: 'the virtual organisation' },
  {
    key: 'LifeTime',
    property: 'lifeTime',
    type: 'Int',
    default: '-1',
    minimum: -1,
    description: 'when it expires, in seconds since 1970; -1: never',
  },
  { key: 'RemoteID', property: 'remoteID', type: 'String', readonly: true, description: 'the user at the other end' },
  {
    key: 'RemoteHost',
    property: 'remoteHost',
    type: 'String',
    readonly: true,
    description: 'the host of the other end',
  },
  {
    key: 'RemotePort',
    property: 'remotePort',
    type: 'String',
    readonly: true,
    description: 'the port of the other end',
  },
];

export interface Context extends Attributes {
  /** The context type, such as `ssh`. */
  type: string | undefined;
  /** The server that manages the context. */
  server: string | undefined;
  /** The directory of trusted certificates. */
  certRepository: string | undefined;
  /** The file of an existing proxy (x509) or token (jwt). */
  userProxy: string | undefined;
  /** The file of the certificate (x509) or public key (ssh). */
  userCert: string | undefined;
  /** The file of the private key. */
  userKey: string | undefined;
  /** The user as the server knows them. */
  userID: string | undefined;
  /** The password, passphrase of the key, or token. It can be read, but is never printed. */
  userPass: string | undefined;
  /** The virtual organisation. */
  userVO: string | undefined;
  /** When the credential expires, in seconds since 1970; -1 (default): never. */
  lifeTime: number | undefined;
  /** Who is at the other end, on a context that a callback or stream hands out. */
  readonly remoteID: string | undefined;
  readonly remoteHost: string | undefined;
  readonly remotePort: string | undefined;
}

/**
 * One credential of a session. `addContext` of the session checks it; until then it only holds values.
 *
 * It can be shown and logged: `toString`, `JSON.stringify` and `util.inspect` blot out UserPass.
 */
export class Context extends SessionObject {
  /**
   * @param type - The context type. When given, `setDefaults` is called.
   * @param init - Attributes by SAGA key or property: `{ UserID: 'ann' }` or `{ userID: 'ann' }`; they come before the
   * defaults.
   * @throws NoSuccess when the type is unknown, or there is neither a value nor a valid default for what it needs.
   * @throws BadParameter when `init` has an unknown name or a malformed value.
   */
  constructor(type = '', init: Partial<Record<string, string>> = {}) {
    super();
    const { schema } = attributeSetOf(this);
    // Strings are in the SAGA form, also under the name of the property: { lifeTime: '1999999999' }.
    const byKey = Object.entries(init).map(([name, value]): [string, unknown] =>
      typeof value === 'string' ? [schema.byProperty(name)?.key ?? name, value] : [name, value],
    );
    initialise(this, Object.fromEntries(byKey));
    if (type === '') return;
    this.setAttribute('Type', type);
    this.setDefaults();
  }

  getType(): number {
    return ObjectType.Context;
  }

  /**
   * Fills in what is not set, from the environment and the usual places of the type's files; what is set stays. It
   * may be called again. The files are only looked for here: `addContext` of the session checks them.
   *
   * @throws IncorrectState when Type is not set.
   * @throws NoSuccess when the type is unknown, or no valid default exists for what it needs; the message says what
   * was looked for.
   */
  setDefaults(): void {
    if (!this.type) {
      throw new IncorrectState('the context has no type: set Type before setDefaults, or use new Context(type)');
    }
    const set = attributeSetOf(this);
    for (const [key, value] of Object.entries(defaultsOf(this))) {
      if (value !== undefined && !set.value(key)) set.assign(key, value);
    }
  }

  /** Whether all attributes are equal; identity and session don't count. */
  equals(other: Context): boolean {
    return attributeSetOf(this).equals(attributeSetOf(other));
  }

  override clone(): this {
    const copy = new Context();
    copyAttributes(this, copy);
    return copy as this;
  }

  /** Type and user: `Context(ssh, UserID=ann)`. */
  override toString(): string {
    return `Context(${this.type ?? ''}${this.userID ? `, UserID=${this.userID}` : ''})`;
  }
}

attributed(Context, attributes);

// The default session has what the environment offers without being asked: a proxy, a token, a key (GFD.90 section 3.5).
provideDefaultContexts(() =>
  contextTypes()
    .filter((type) => type.offered?.() === true)
    .flatMap((type) => {
      try {
        return [new Context(type.name)];
      } catch (e) {
        // Nobody asked for it: a program that needs no credential must not fail for want of one.
        if (SagaException.is(e)) return [];
        throw e;
      }
    }),
);

/** Whether a context is of the type, by its name or one of its aliases (`slurm` is `jwt`). */
export function isContextOfType(context: Context, name: string): boolean {
  const type = contextTypeNamed(context.type ?? '');
  return type !== undefined && type === contextTypeNamed(name);
}
