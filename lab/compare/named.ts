// Refusals of one among several mechanisms.

import { ConfigError } from "performer-ts/model";

/** Says which of the mechanisms a refusal is about. */
export function named<T>(label: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${label}: ${error.message}`, { cause: error });
  }
}
