/** Names for parts of a graph, so that errors, listings and profiles say where an op stands. */

// Graph building is synchronous, so a stack that is restored in `finally` is safe; it affects names only, never
// results.
const stack: string[] = [];

/**
 * Builds part of a graph under a name: ops made inside carry the path `outer/name/Op`.
 *
 * @example scope("blocks.3", () => attention(x))
 */
export function scope<Result>(name: string, build: () => Result): Result {
  stack.push(name);
  try {
    return build();
  } finally {
    stack.pop();
  }
}

/** The path of the part being built, `""` outside any scope. */
export function currentPath(): string {
  return stack.join("/");
}
