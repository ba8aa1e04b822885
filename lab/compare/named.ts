/** Refusals of one among several mechanisms. */

import { problem } from "performer-ts/graph";
import { ConfigError } from "performer-ts/model";

/** Says which of the mechanisms a refusal is about. */
export function named<T>(label: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(problem`${label}: ${error.message}`, { cause: error });
  }
}
