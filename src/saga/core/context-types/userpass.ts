/** Context type `UserPass`: a user name and a password. */
import type { ContextType } from '../context-types.js';
import { NoSuccess } from '../exceptions.js';
import { localUser } from './credential-file.js';

/**
 * UserID defaults to the local user. A password has no default: it would have to come from the environment, which
 * every child process inherits.
 */
export const userPass: ContextType = {
  name: 'UserPass',

  defaults: () => ({ UserID: localUser() }),

  verify(context) {
    const missing = !context.userID ? 'UserID' : context.userPass === undefined ? 'UserPass' : undefined;
    if (!missing) return Promise.resolve({});
    return Promise.reject(new NoSuccess(`the UserPass context has no ${missing}: set it before addContext`));
  },
};
