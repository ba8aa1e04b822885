/** Errors of building, graphs and configurations: who, the rule, what came, the way out, and where in the graph. */

/** A graph that cannot be built. The message ends with the path of the op in the graph. */
export class GraphError extends Error {
  override readonly name: string = "GraphError";
}

/** Shapes that do not fit an op or a declared shape string. */
export class ShapeError extends GraphError {
  override readonly name: string = "ShapeError";
}

/** A configuration that cannot be used. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Lets what makes a configuration speak of where it was read.
 *
 * @param who put in front of every line of a ConfigError
 */
export function configuredBy<T>(who: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(prefixLines(who, error.message), { cause: error });
  }
}

/** Puts who speaks in front of every line. */
export function prefixLines(who: string, message: string): string {
  return message
    .trimEnd()
    .split("\n")
    .map((line) => `${who}: ${line}`)
    .join("\n");
}
