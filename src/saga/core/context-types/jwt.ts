/** Context type `jwt`: a JSON web token, such as Slurm's REST service takes. */
import type { Context } from '../context.js';
import type { ContextType } from '../context-types.js';
import { NoSuccess } from '../exceptions.js';
import { readCredential, setting } from './credential-file.js';

const VARIABLES = ['XOSAGA_JWT', 'SLURM_JWT'];
const RENEW = 'get a new one (Slurm: scontrol token lifespan=3600)';
/** How far the clocks of the issuer and of this machine may be apart. */
const LEEWAY_S = 60;

/**
 * The token is in UserPass, or in the file that UserProxy names; by default UserPass is XOSAGA_JWT or SLURM_JWT of the
 * environment. Only the server can tell whether it accepts a token: what is checked here is its form and its times.
 */
export const jwt: ContextType = {
  name: 'jwt',
  aliases: ['slurm'],

  defaults(context) {
    if (context.userPass || context.userProxy) return {};
    const token = tokenOfEnvironment();
    if (token) return { UserPass: token };
    throw new NoSuccess(
      `no token: ${VARIABLES.join(' and ')} are not set. Set one, UserPass to the token, or UserProxy to its file`,
    );
  },

  offered: () => tokenOfEnvironment() !== undefined,

  async verify(context, signal) {
    const { exp, nbf, sun } = await claimsOf(await tokenOf(context, signal));
    const now = Date.now() / 1000;
    if (typeof exp === 'number' && exp <= now) {
      throw new NoSuccess(`the token expired at ${new Date(exp * 1000).toISOString()}: ${RENEW}`);
    }
    if (typeof nbf === 'number' && nbf > now + LEEWAY_S) {
      throw new NoSuccess(`the token is valid only from ${new Date(nbf * 1000).toISOString()}: check the clock`);
    }
    return {
      LifeTime: typeof exp === 'number' ? String(Math.floor(exp)) : undefined,
      // The claim in which Slurm puts the user name, which its REST service wants to be told beside the token.
      UserID: context.userID ?? (typeof sun === 'string' ? sun : undefined),
    };
  },
};

/**
 * The token of a jwt context: UserPass, or what the file UserProxy holds now, so that a renewed file is used at once.
 * @throws NoSuccess when there is none or the file can't be read.
 */
export async function tokenOf(context: Context, signal?: AbortSignal): Promise<string> {
  if (context.userPass) return context.userPass.trim();
  const path = context.userProxy;
  if (!path) throw new NoSuccess('the jwt context has no token: set UserPass to it, or UserProxy to its file');
  if (/^eyJ[\w-]*\./.test(path)) {
    throw new NoSuccess('UserProxy holds a token but takes the path of a file: put the token into UserPass');
  }
  return (await readCredential(path, 'token file', { secret: true, signal })).trim();
}

function tokenOfEnvironment(): string | undefined {
  return VARIABLES.map(setting).find((token) => token !== undefined);
}

async function claimsOf(token: string): Promise<Readonly<Record<string, unknown>>> {
  const { default: jsonwebtoken } = await import('jsonwebtoken');
  let claims: unknown;
  try {
    claims = jsonwebtoken.decode(token);
  } catch {
    // Its message may quote the token.
  }
  if (typeof claims === 'object' && claims !== null) return claims as Record<string, unknown>;
  throw new NoSuccess(`what the context holds is no JSON web token (three parts joined by dots): ${RENEW}`);
}
