/** Context type `x509`: a certificate and its key, or a grid proxy that holds both. */
import type * as Crypto from 'node:crypto';

import type { Context } from '../context.js';
import type { ContextType } from '../context-types.js';
import { NoSuccess } from '../exceptions.js';
import { firstExisting, inHome, readCredential, setting } from './credential-file.js';

/**
 * Defaults as the Globus tools have them: UserProxy from X509_USER_PROXY, else /tmp/x509up_u<uid>; without a proxy
 * UserCert and UserKey from X509_USER_CERT and X509_USER_KEY, else ~/.globus/usercert.pem and userkey.pem;
 * CertRepository from X509_CERT_DIR, else ~/.globus/certificates or /etc/grid-security/certificates.
 * UserPass is the passphrase of the key.
 */
export const x509: ContextType = {
  name: 'x509',

  defaults(context) {
    const values = {
      UserProxy: context.userProxy,
      UserCert: context.userCert,
      UserKey: context.userKey,
      CertRepository:
        setting('X509_CERT_DIR') ??
        firstExisting([inHome('.globus', 'certificates'), '/etc/grid-security/certificates']),
    };
    if (!values.UserProxy && !values.UserCert) values.UserProxy = defaultProxy();
    if (values.UserProxy) return values;
    values.UserCert ??= setting('X509_USER_CERT') ?? firstExisting([inHome('.globus', 'usercert.pem')]);
    values.UserKey ??= setting('X509_USER_KEY') ?? firstExisting([inHome('.globus', 'userkey.pem')]);
    if (values.UserCert && values.UserKey) return values;
    throw new NoSuccess(
      `no x509 ${values.UserCert ? 'key' : 'proxy or certificate'}: looked for ${temporaryProxy()}, ` +
        `${inHome('.globus', 'usercert.pem')} with userkey.pem, X509_USER_PROXY, X509_USER_CERT and X509_USER_KEY. ` +
        `Make a proxy (voms-proxy-init, grid-proxy-init) or name the files in UserProxy, or UserCert and UserKey`,
    );
  },

  offered: () => defaultProxy() !== undefined,

  async verify(context, signal) {
    const crypto = await import('node:crypto');
    const { userProxy, userCert, userKey } = context;
    const path = userProxy ?? userCert;
    if (!path) throw new NoSuccess('the x509 context has neither UserProxy nor UserCert: set one to a PEM file');
    const what = userProxy ? 'x509 proxy' : 'x509 certificate';
    const text = await readCredential(path, what, { secret: userProxy !== undefined, signal });
    const chain = certificates(crypto, text, what, path);
    const keyPath = userProxy ?? userKey;
    if (!keyPath) throw new NoSuccess('the x509 context has a UserCert but no UserKey: set it to the file of its key');
    const keyText = userProxy ? text : await readCredential(keyPath, 'x509 key', { secret: true, signal });
    const [own] = chain;
    if (!own.checkPrivateKey(privateKey(crypto, keyText, keyPath, context))) {
      throw new NoSuccess(`the key in ${keyPath} does not belong to the certificate in ${path}`);
    }
    return { LifeTime: String(lifeTime(chain, what, path)), UserID: context.userID ?? distinguishedName(own) };
  },
};

function temporaryProxy(): string {
  return `/tmp/x509up_u${String(process.getuid?.() ?? 0)}`;
}

function defaultProxy(): string | undefined {
  return setting('X509_USER_PROXY') ?? firstExisting([temporaryProxy()]);
}

/** The certificates of a PEM file, the holder's own first. */
function certificates(
  crypto: typeof Crypto,
  text: string,
  what: string,
  path: string,
): [Crypto.X509Certificate, ...Crypto.X509Certificate[]] {
  const end = '-----END CERTIFICATE-----';
  const blocks = text
    .split(end)
    .map((part) => part.slice(part.lastIndexOf('-----BEGIN CERTIFICATE-----')))
    .filter((part) => part.startsWith('-----BEGIN CERTIFICATE-----'));
  try {
    const [own, ...others] = blocks.map((block) => new crypto.X509Certificate(block + end));
    if (own) return [own, ...others];
  } catch {
    // Said below; OpenSSL's own words don't help anybody.
  }
  throw new NoSuccess(`the ${what} ${path} holds no readable certificate in PEM form`);
}

function privateKey(crypto: typeof Crypto, text: string, path: string, context: Context): Crypto.KeyObject {
  const encrypted = text.includes('ENCRYPTED');
  if (encrypted && context.userPass === undefined) {
    throw new NoSuccess(`the x509 key ${path} has a passphrase: set UserPass to it`);
  }
  // A proxy file holds the key between certificates.
  const begin = text.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  try {
    const passphrase = encrypted ? { passphrase: context.userPass ?? '' } : {};
    return crypto.createPrivateKey({ key: text.slice(Math.max(begin, 0)), format: 'pem', ...passphrase });
  } catch {
    const reason = encrypted
      ? "can't be opened with the passphrase in UserPass"
      : 'holds no readable private key in PEM form';
    throw new NoSuccess(`the x509 key ${path} ${reason}`);
  }
}

/** The end of the certificate that expires first, in seconds since 1970. */
function lifeTime(chain: readonly Crypto.X509Certificate[], what: string, path: string): number {
  const begin = Math.max(...chain.map((certificate) => Date.parse(certificate.validFrom)));
  const end = Math.min(...chain.map((certificate) => Date.parse(certificate.validTo)));
  if (end <= Date.now()) {
    const renew =
      what === 'x509 proxy' ? 'make a new one (voms-proxy-init, grid-proxy-init)' : 'ask your CA for a new one';
    throw new NoSuccess(`the ${what} ${path} expired at ${new Date(end).toISOString()}: ${renew}`);
  }
  if (begin > Date.now()) {
    throw new NoSuccess(`the ${what} ${path} is valid only from ${new Date(begin).toISOString()}: check the clock`);
  }
  return Math.floor(end / 1000);
}

/** The subject as grid tools write it: `/C=NZ/O=Example/CN=Ann`. */
function distinguishedName(certificate: Crypto.X509Certificate): string {
  return `/${certificate.subject.split('\n').join('/')}`;
}
