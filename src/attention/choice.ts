/** Mechanisms as configurations choose them: by name, or by name with options. */
import { nearestName } from "../graph/nearest-name.ts";
import { shown } from "./checks.ts";
import type { ConfigurableMechanism } from "./configurable.ts";
import type { AttentionMechanism } from "./mechanism.ts";
import { configurableMechanisms, mechanisms, type MechanismName } from "./mechanisms.ts";
import { ConfigError } from "./parse-options.ts";

/** `"local"`, or `{ name: "local", window: 128 }`. */
export type MechanismChoice = MechanismName | MechanismWithOptions;

export interface MechanismWithOptions {
  readonly name: MechanismName;
  /** The options of that mechanism; `configurableMechanisms` holds their schemas. */
  readonly [option: string]: unknown;
}

/**
 * The mechanism that is meant.
 *
 * @param who the name that errors begin with
 * @throws ConfigError for unknown names and options, with the nearest ones
 */
export function createMechanism(who: string, choice: MechanismChoice): AttentionMechanism {
  const { name, ...options } = typeof choice === "string" ? { name: choice } : choice;
  if (!Object.hasOwn(mechanisms, name)) {
    const names = Object.keys(mechanisms);
    const near = nearestName(String(name), names);
    const fix = near === undefined ? `the mechanisms are ${names.join(", ")}` : `did you mean '${near}'?`;
    throw new ConfigError(`${who}: mechanism must be one of the table, got ${shown(name)}; ${fix}`);
  }
  const table: Readonly<Record<string, ConfigurableMechanism>> = configurableMechanisms;
  const found = table[name];
  if (found !== undefined) return found.create(options);
  const [option] = Object.keys(options);
  if (option === undefined) return mechanisms[name];
  throw new ConfigError(`${who}: mechanism '${name}' has no options, got '${option}'; give its name alone`);
}
