/** Options checked against a schema, with errors that say which key, what it must be, and the nearest valid name. */
import type { z } from "zod";
import { ConfigError, type Problem } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";

/**
 * Parses options by a strict schema, filling in defaults.
 *
 * @param who the name that errors begin with, e.g. `training`
 * @throws ConfigError naming the key, the rule and what came
 */
export function parseOptions<Schema extends z.ZodObject>(
  who: string,
  schema: Schema,
  options: unknown,
): z.output<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const { issues } = result.error;
  const isUnknown = issues[0]?.code === "unrecognized_keys";
  throw new ConfigError(
    issues.flatMap((issue) => describe(who, issue, schema, options)),
    isUnknown ? { code: "ERR_UNKNOWN_OPTION" } : {},
  );
}

function describe(
  who: string,
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  options: unknown,
): Problem | readonly Problem[] {
  if (issue.code === "unrecognized_keys") {
    const names = Object.keys(schema.shape);
    return issue.keys.map((key) => {
      const near = nearestName(key, names);
      const fix = near === undefined ? `the keys are ${names.join(", ")}` : `did you mean '${near}'?`;
      return { who, rule: `'${key}' is not a key`, fix };
    });
  }
  const key = issue.path.join(".");
  const got = issue.path.reduce<unknown>(
    (value, part) => (typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined),
    options,
  );
  const came = got === undefined ? "nothing" : JSON.stringify(got);
  const fix = got === undefined ? "give it" : fixFor(issue, got, schema);
  return { who, rule: `${key === "" ? "the options" : key} must be ${ruleOf(issue)}`, got: came, fix };
}

/** The rule for a value, in words. */
function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_small") return `${issue.inclusive === false ? "above" : "at least"} ${issue.minimum}`;
  if (issue.code === "too_big") return `${issue.inclusive === false ? "below" : "at most"} ${issue.maximum}`;
  if (issue.code === "invalid_type") return issue.expected === "int" ? "a whole number" : withArticle(issue.expected);
  if (issue.code === "invalid_value") return `one of ${issue.values.join(", ")}`;
  return `valid (${issue.message})`;
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

function fixFor(issue: z.core.$ZodIssue, got: unknown, schema: z.ZodObject): string {
  const near = issue.code === "invalid_value" ? nearestName(String(got), issue.values.map(String)) : undefined;
  if (near !== undefined) return `did you mean '${near}'?`;
  const [key, ...inside] = issue.path;
  if (key === undefined) return "give { key: value, … }";
  // A part of a list has no default of its own.
  const field: z.core.$ZodType | undefined = schema.shape[String(key)];
  const hasDefault = inside.length === 0 && field !== undefined && isOptional(field);
  return hasDefault ? "leave it out for its default" : "give one that is";
}

function isOptional(field: z.core.$ZodType): boolean {
  return "safeParse" in field && (field as z.ZodType).safeParse(undefined).success; // every field of zod has it
}
