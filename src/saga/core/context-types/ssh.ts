/** Context type `ssh`: a private key file, or the keys of an ssh agent. */
import { stat } from 'node:fs/promises';

import type { Context } from '../context.js';
import type { ContextType } from '../context-types.js';
import { NoSuccess } from '../exceptions.js';
import { firstExisting, inHome, localUser, readCredential, setting } from './credential-file.js';

const KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * UserKey defaults to the first of ~/.ssh/id_ed25519, id_ecdsa and id_rsa, UserCert to the public key beside it,
 * UserID to the local user. Without a key the agent behind SSH_AUTH_SOCK serves. UserPass is the key's passphrase.
 */
export const ssh: ContextType = {
  name: 'ssh',

  defaults(context) {
    const key = context.userKey ?? defaultKey();
    if (!key && !agent()) {
      throw new NoSuccess(
        `no ssh key and no agent: looked for ${KEYS.join(', ')} in ${inHome('.ssh')} and for SSH_AUTH_SOCK. ` +
          `Make a key with ssh-keygen, or name one: new Context('ssh', { UserKey: '/path/to/key' })`,
      );
    }
    return { UserKey: key, UserCert: key && firstExisting([`${key}.pub`]), UserID: localUser() };
  },

  offered: () => agent() !== undefined || defaultKey() !== undefined,

  async verify(context, signal) {
    if (context.userKey) await verifyKey(context, context.userKey, signal);
    else await verifyAgent();
    return {};
  },
};

function defaultKey(): string | undefined {
  return firstExisting(KEYS.map((name) => inHome('.ssh', name)));
}

/** The socket of the ssh agent. */
function agent(): string | undefined {
  return setting('SSH_AUTH_SOCK');
}

async function verifyKey(context: Context, path: string, signal: AbortSignal | undefined): Promise<void> {
  const text = await readCredential(path, 'ssh key', { secret: true, signal });
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw new NoSuccess(`${path} is not a private ssh key: UserKey takes the private one, UserCert the public one`);
  }
  if (isEncrypted(text) && context.userPass === undefined && !agent()) {
    throw new NoSuccess(`the ssh key ${path} has a passphrase: set UserPass to it, or load the key with ssh-add`);
  }
}

/** Whether a passphrase protects the key: by its PEM headers, or the cipher that OpenSSH's own format names first. */
function isEncrypted(text: string): boolean {
  if (!text.startsWith('-----BEGIN OPENSSH PRIVATE KEY-----')) return text.slice(0, 200).includes('ENCRYPTED');
  const magic = 'openssh-key-v1\0';
  const body = globalThis.Buffer.from(text.split('\n').slice(1, 4).join(''), 'base64').toString('latin1');
  return !body.startsWith(`${magic}\0\0\0\x04none`);
}

async function verifyAgent(): Promise<void> {
  const socket = agent();
  if (!socket) throw new NoSuccess('the ssh context has no UserKey and SSH_AUTH_SOCK names no agent: set UserKey');
  const there = await stat(socket).then(
    (info) => info.isSocket(),
    () => false,
  );
  if (!there) {
    throw new NoSuccess(
      `the ssh agent is gone: SSH_AUTH_SOCK names ${socket}. Start it with ssh-agent, or set UserKey`,
    );
  }
}
