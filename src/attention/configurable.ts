/** Mechanisms with options of their own: a schema that says the defaults, and the mechanism that options make. */
import type { z } from "zod";
import type { AttentionMechanism } from "./mechanism.ts";
import { parseOptions } from "../graph/parse-options.ts";

export interface ConfigurableMechanism<Schema extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  /** A strict object, each option with its default and the reason for it. */
  readonly options: Schema;
  /**
   * @param options whatever differs from the defaults; may come from a file
   * @throws ConfigError naming the option, the rule, what came, and the way out
   */
  create(options?: z.input<Schema>): AttentionMechanism;
}

/**
 * @param make the mechanism of complete, checked options; it may throw ConfigError where options do not fit together
 */
export function configurable<Schema extends z.ZodObject>(
  name: string,
  options: Schema,
  make: (options: z.output<Schema>) => AttentionMechanism,
): ConfigurableMechanism<Schema> {
  return { name, options, create: (given = {} as z.input<Schema>) => make(parseOptions(name, options, given)) }; // a schema of defaults takes {}
}
