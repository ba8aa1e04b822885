/** Mechanisms as command lines write them: a name, a name with options in brackets, or JSON. */
import type { MechanismChoice } from "./choice.ts";
import { ConfigError, problem } from "../graph/errors.ts";

/**
 * `favor` is a name, `local(window=64)` and `bigbird(blockSize=16, numRandom=2)` are names with options. Values are
 * numbers, true or false, and text otherwise. What begins with a brace is JSON, as configurations have it:
 * `{"heads":[{"name":"local","numHeads":2},…]}`. Neither names nor options are looked up: `createMechanism` refuses
 * unknown ones, with the nearest.
 *
 * @param who the name that errors begin with
 * @throws ConfigError for brackets that do not match, an option without a value, and JSON that is none
 */
export function parseMechanism(who: string, text: string): MechanismChoice {
  if (text.trim().startsWith("{")) return parseJson(who, text);
  const parts = /^([A-Za-z0-9-]+)\s*(?:\(([^()]*)\))?$/.exec(text.trim());
  if (parts === null) {
    throw new ConfigError(
      problem`${who}: a mechanism must be a name, with options in brackets if any, got '${text}'; write for example
      local(window=64)`,
    );
  }
  const [, name = "", options] = parts;
  if (options === undefined) return name as MechanismChoice; // looked up where it is used
  const pairs = options.trim() === "" ? [] : options.split(",").map((pair) => parseOption(who, pair));
  return { name, ...Object.fromEntries(pairs) } as MechanismChoice; // as above
}

function parseJson(who: string, text: string): MechanismChoice {
  try {
    return JSON.parse(text) as MechanismChoice; // looked at where it is used
  } catch (error) {
    throw new ConfigError(
      problem`${who}: a mechanism that begins with a brace must be JSON, got '${text}'; write for example
      {"name":"local","window":64}`,
      { cause: error },
    );
  }
}

/**
 * `exact,local(window=64,causal=true)` → `exact` and `local(window=64,causal=true)`: commas in brackets part options.
 */
export function splitMechanisms(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((label) => label.trim())
    .filter((label) => label !== "");
}

function parseOption(who: string, pair: string): readonly [name: string, value: unknown] {
  const [, name = "", value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
  if (name === "" || value === "") {
    throw new ConfigError(
      problem`${who}: an option of a mechanism must be name=value, got '${pair.trim()}'; write for example window=64`,
    );
  }
  const isPlain = /^(-?\d+(\.\d+)?(e-?\d+)?|true|false)$/.test(value);
  return [name, isPlain ? JSON.parse(value) : value];
}
