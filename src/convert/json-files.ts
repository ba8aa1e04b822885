/** JSON files of a folder, checked against what is read of them. */
import * as z from "zod";
import { parseJson } from "../storage/json.ts";
import type { FileSource } from "../storage/file-source.ts";
import { refuse, shown } from "./refuse.ts";

/** A file's path as messages name it. */
export function fileOf({ name }: FileSource, path: string): string {
  return `${name}/${path}`;
}

/**
 * A JSON file of a known form; undefined where there is none.
 *
 * @throws StorageError naming the file, the key, the rule and what came
 */
export async function readJsonIfThere<Schema extends z.ZodType>(
  source: FileSource,
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const bytes = await source.read(path);
  if (bytes === undefined) return undefined;
  const who = fileOf(source, path);
  return parseForeign(who, schema, parseJson(new TextDecoder().decode(bytes), who));
}

/** Reads like `readJsonIfThere`, but requires the file. */
export async function readJson<Schema extends z.ZodType>(
  source: FileSource,
  path: string,
  schema: Schema,
  fix: string,
): Promise<z.output<Schema>> {
  const found = await readJsonIfThere(source, path, schema);
  return found ?? refuse(fileOf(source, path), "the file must be there", "nothing", fix);
}

/**
 * Checks what another program has written. Nothing is said of leaving keys out: their values belong to the weights.
 *
 * @throws StorageError for the first thing that is wrong
 */
export function parseForeign<Schema extends z.ZodType>(who: string, schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  const got = path.reduce<unknown>(
    (inner, part) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, part) : undefined),
    value,
  );
  const what = path.length === 0 ? "the file" : `'${path.join(".")}'`;
  const rule = issue?.code === "invalid_value" ? `one of ${issue.values.map(String).join(", ")}` : issue?.message;
  const fix = "take the file that came with the weights; models of another kind are not read";
  return refuse(who, `${what} must be valid (${rule})`, shown(got), fix);
}

/** A JSON object, whatever its keys. */
export const jsonObject = z.record(z.string(), z.unknown());
