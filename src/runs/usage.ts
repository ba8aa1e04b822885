/** Requests that cannot be carried out as they are written: the caller's mistake, told before anything is done. */

import { ConfigError, PerformerError, type PerformerErrorOptions, type Problem } from "../graph/errors.ts";

/** A request that is wrong as it is written. The command ends with exit code 2 for it. */
export class UsageError extends PerformerError {
  override readonly name = "UsageError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, "ERR_USAGE", options);
  }
}

/** Lets a configuration be refused as wrong usage: the user has just written it. */
export async function asUsage<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ConfigError)
      throw new UsageError(error.problems, {
        cause: error,
        ...(error.code !== "ERR_CONFIG" && { code: error.code }),
      });
    throw error;
  }
}
