/**
 * Whether two types are the same: `const proof: Same<A, B> = true` compiles only when they are. The tests in test/types
 * are proved by the compiler (`npm run typecheck`); what they run only shows that the values are as the types say.
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- two generic signatures are compared
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Whether the members that `Fixed` lists have exactly these types in `Actual`, which may have more. */
export type Holds<Actual, Fixed> = Same<Pick<Actual, keyof Actual & keyof Fixed>, Fixed>;
