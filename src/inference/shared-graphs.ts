/** Compiled graphs that several decoders use, freed with the last of them. */
export interface SharedGraphs {
  users: number;
}

/**
 * Counts one more user.
 *
 * @param free called when the last user is disposed of
 * @returns disposes of this user; a second call does nothing
 */
export function useShared(graphs: SharedGraphs, free: () => Promise<void>): () => Promise<void> {
  let disposed = false;
  graphs.users++;
  return async () => {
    if (disposed) return;
    disposed = true;
    graphs.users--;
    if (graphs.users === 0) await free();
  };
}
