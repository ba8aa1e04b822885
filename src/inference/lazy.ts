/** Something that is made when it is first asked for, and disposed of if it ever was. */
export interface Lazy<T> {
  readonly get: () => Promise<T>;
  readonly dispose: () => Promise<void>;
}

export function createLazily<T extends AsyncDisposable>(create: () => Promise<T>): Lazy<T> {
  let made: Promise<T> | undefined;
  return {
    get: () => (made ??= create()),
    dispose: async () => {
      const settled = await Promise.allSettled(made === undefined ? [] : [made]);
      made = undefined;
      for (const result of settled) if (result.status === "fulfilled") await result.value[Symbol.asyncDispose]();
    },
  };
}
