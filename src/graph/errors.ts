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
