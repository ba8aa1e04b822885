/** Mechanisms as configurations choose them: by name, or by name with options. */
import { nearestName } from "../graph/nearest-name.ts";
import { isRecord, shown } from "../graph/arguments.ts";
import type { ConfigurableMechanism } from "./configurable.ts";
import type { AttentionMechanism } from "./mechanism.ts";
import { configurableMechanisms, mechanisms, type MechanismName } from "./mechanisms.ts";
import { mixedHeads } from "./mixed-heads.ts";
import { ConfigError, problem } from "../graph/errors.ts";

/**
 * `"local"`, `{ name: "local", window: 128 }`, or a mechanism for each part of the heads: `{ heads: [{ name: "local",
 * numHeads: 2 }, …] }`.
 */
export type MechanismChoice = MechanismName | MechanismWithOptions | MechanismsOfHeads;

export interface MechanismWithOptions {
  /** A name of the table `mechanisms`. */
  readonly name: MechanismName;
  /** The options of that mechanism; `configurableMechanisms` holds their schemas. */
  readonly [option: string]: unknown;
}

/** Heads of several kinds; their numbers add up to the model's. */
export interface MechanismsOfHeads {
  readonly heads: readonly (MechanismWithOptions & { readonly numHeads: number })[];
}

/**
 * The mechanism that is meant.
 *
 * @param who the name that errors begin with. Default `createMechanism`
 * @throws ConfigError for unknown names and options, with the nearest ones
 * @example createMechanism({ name: "local", window: 128 })
 */
export function createMechanism(choice: MechanismChoice, who = "createMechanism"): AttentionMechanism {
  if (typeof choice !== "string" && !isRecord(choice)) {
    throw new ConfigError(
      problem`${who}: mechanism must be a name or an object with a name, got ${shown(choice)}; give "local" or { name:
      "local", window: 128 }`,
    );
  }
  if (isOfHeads(choice)) return createMixed(who, choice);
  const { name, ...options } = typeof choice === "string" ? { name: choice } : choice;
  if (name === undefined) refuseNameless(who, options);
  if (!Object.hasOwn(mechanisms, name)) {
    const names = Object.keys(mechanisms);
    const near = nearestName(String(name), names);
    const fix = near === undefined ? `the mechanisms are ${names.join(", ")}` : `did you mean '${near}'?`;
    throw new ConfigError(problem`${who}: mechanism must be one of the table, got ${shown(name)}; ${fix}`);
  }
  const table: Readonly<Record<string, ConfigurableMechanism>> = configurableMechanisms;
  const found = table[name];
  if (found !== undefined) return found.create(options);
  const [option] = Object.keys(options);
  if (option === undefined) return mechanisms[name];
  throw new ConfigError(problem`${who}: mechanism '${name}' has no options, got '${option}'; give its name alone`);
}

/** Names the mechanisms that have the options. */
function refuseNameless(who: string, options: object): never {
  const keys = Object.keys(options);
  const having = Object.values<ConfigurableMechanism>(configurableMechanisms)
    .filter((mechanism) => keys.length > 0 && keys.every((key) => key in mechanism.options.shape))
    .map((mechanism) => `'${mechanism.name}'`);
  const got = keys.length === 0 ? "an empty object" : keys.join(", ");
  const fix =
    having.length === 0
      ? `the mechanisms are ${Object.keys(mechanisms).join(", ")}`
      : `add name: ${having.join(" or ")}, which ${having.length === 1 ? "has" : "have"} ` +
        `${keys.length === 1 ? "it" : "them"}`;
  throw new ConfigError(problem`${who}: mechanism must have a name beside its options, got ${got} without one; ${fix}`);
}

function isOfHeads(choice: MechanismChoice): choice is MechanismsOfHeads {
  return typeof choice === "object" && "heads" in choice;
}

function createMixed(who: string, { heads, ...others }: MechanismsOfHeads): AttentionMechanism {
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new ConfigError(
      problem`${who}: heads must stand alone, got '${other}' beside them; give it to one of the heads`,
    );
  }
  if (!Array.isArray(heads)) {
    throw new ConfigError(
      problem`${who}: heads must be a list, got ${shown(heads)}; give [{ name: "local", numHeads: 2 }, …]`,
    );
  }
  return mixedHeads(
    heads.map((part: MechanismsOfHeads["heads"][number], index) => {
      const place = `${who}.heads.${index}`;
      if (!isRecord(part)) {
        throw new ConfigError(
          problem`${place}: a part of the heads must be an object, got ${shown(part)}; give { name: "local", numHeads: 2
          }`,
        );
      }
      const { numHeads, ...choice } = part;
      return { numHeads, mechanism: createMechanism(choice, place) };
    }),
  );
}
