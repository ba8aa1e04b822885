/** Where a run's data come from and how they are read: what `--data`, a recipe and a run folder say about it. */

import { readdir, stat } from "node:fs/promises";
import { resolve } from "node:path";

import * as z from "zod";

import { ConfigError, problem } from "../../graph/errors.ts";
import { parseOptions } from "../../graph/parse-options.ts";
import { proteinSplitRules, samplingRules, tagKinds } from "../../data/index.ts";
import { nearestName } from "../../graph/nearest-name.ts";

/** Data that come with the package, or that a package of the system holds. */
export const embeddedKinds = {
  proteins: "proteins",
  "pride-and-prejudice": "text",
  "fashion-mnist": "images",
  "fashion-mini": "images",
} as const;

export type EmbeddedName = keyof typeof embeddedKinds;

export const embeddedNames = [
  "proteins",
  "pride-and-prejudice",
  "fashion-mnist",
  "fashion-mini",
] as const satisfies readonly EmbeddedName[];

export const dataKinds = ["proteins", "text", "images", "table"] as const;
export type DataKind = (typeof dataKinds)[number];

/** What is learnt. */
export const tasks = ["language-modeling", "masked", "classification", "regression"] as const;
export type Task = (typeof tasks)[number];

/** How data are parted; which of these there are depends on the kind. */
export const splitRules = [...proteinSplitRules, "contiguous"] as const;

/** Vocabularies of text that need no file. */
export const vocabularyNames: readonly string[] = ["bytes", "characters", "protein"];

/** The section `data` of a recipe. */
export const dataSchema = z.strictObject({
  /** Embedded data by name. Default: proteins. */
  source: z.enum(embeddedNames).optional(),
  /** A file or a folder, in place of a source. */
  path: z.string().min(1).optional(),
  /** The kind of data at the path. Default: by the file's ending, or the endings of a folder's files. */
  kind: z.enum(dataKinds).optional(),
  /**
   * Default: classification of tables with few labels, regression where they are fractions, else language modelling.
   */
  task: z.enum(tasks).optional(),
  /** Proteins: `header` (default), `hash`, `family` or `similarity`; text: `contiguous` (default) or `hash`. */
  splitBy: z.enum(splitRules).optional(),
  /**
   * Proteins: a tab-separated table of accession and family, for splits and tags by family. Default: the families of
   * the headers.
   */
  families: z.string().min(1).optional(),
  /** Proteins: shorter sequences are left out. */
  minLength: z.int().positive().optional(),
  /** Proteins: longer sequences are left out. */
  maxLength: z.int().positive().optional(),
  /** Proteins: the tag in front of each, its `family` or `organism`, which `generate --tag` asks for. Default: none. */
  tags: z.enum(tagKinds).optional(),
  /** The least number of training sequences that a tag must have. Default 5. */
  minTagged: z.int().positive().optional(),
  /** The share of tagged sequences that training reads without their tag, drawn anew each time. Default 0.1. */
  tagDropout: z.number().nonnegative().lt(1).optional(),
  /** Join sequences, <eos> behind each, into rows of exactly maxSeqLen. Default false: a row holds one sequence. */
  concatenate: z.boolean().optional(),
  /**
   * How an epoch samples: every token equally often (`tokens`, default), or every sequence (`sequences`; long ones by a
   * random window).
   */
  sampling: z.enum(samplingRules).optional(),
  /** Task `masked`: the share of tokens that training hides. Default 0.15, the share that evaluations always hide. */
  maskRate: z.number().positive().max(1).optional(),
  /** Task `masked`: hide single `tokens` (default), or `spans` of them. */
  masking: z.enum(["tokens", "spans"]).optional(),
  /** Text and tables: `bytes` (default), `characters`, `protein` (tables), or the path of a tokenizer.json. */
  tokenizer: z.string().min(1).optional(),
  /** Side of the square that images are brought to. Default: as they are. */
  imageSize: z.int().positive().optional(),
  /** 1: grey, 3: colour. Default: 3 for files, 1 for IDX. */
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  /** Tables: the column of the sequences. Default: `sequence`, else `text`. */
  sequenceColumn: z.string().min(1).optional(),
  /** Tables: the column of the labels. Default: `label`. */
  labelColumn: z.string().min(1).optional(),
});

export type DataSettings = z.output<typeof dataSchema>;

/** Names of the settings of `data`. */
export const dataKeys: readonly string[] = Object.keys(dataSchema.shape);

/** Settings whose kind is known, so that they can be read. */
export interface DataSource extends DataSettings {
  readonly kind: DataKind;
}

/** @throws ConfigError naming the key, the rule and what came */
export function checkDataSettings(data: Readonly<Record<string, unknown>>, origin: string): DataSettings {
  const { source } = data;
  if (typeof source === "string" && /[./\\]/.test(source)) {
    throw new ConfigError(
      problem`${origin}: data: source must be one of ${embeddedNames.join(", ")}, got '${source}'; a file or a folder is
      a path: write "path": ${JSON.stringify(source)}`,
    );
  }
  const parsed = parseOptions(`${origin}: data`, dataSchema, data);
  if (parsed.source === undefined || parsed.path === undefined) return parsed;
  throw new ConfigError(
    problem`${origin}: data: there must be a source or a path, got the source '${parsed.source}' and the path
    '${parsed.path}'; leave one out`,
  );
}

/**
 * What `--data` says: embedded data by name, or a path, relative to the working directory.
 *
 * @throws ConfigError for neither: no such name, and a word that is no path
 */
export async function readSourceOption(text: string): Promise<Pick<DataSettings, "source" | "path">> {
  const source = embeddedNames.find((name) => name === text);
  if (source !== undefined) return { source };
  const near = nearestName(text, embeddedNames);
  const isPath = /[./\\]/.test(text) || (await fileType(text)) !== undefined;
  if (isPath) return { path: resolve(text) };
  const fix = near === undefined ? "check the path" : `did you mean '${near}'?`;
  throw new ConfigError(
    problem`--data must be a file, a folder or one of ${embeddedNames.join(", ")}, got '${text}'; ${fix}`,
  );
}

/**
 * Completes settings by the kind of their data, and refuses those that this kind does not have.
 *
 * @param origin the recipe, for messages
 * @throws ConfigError when the kind cannot be told, and for settings and tasks of other kinds
 */
export async function dataSource(data: DataSettings, origin: string): Promise<DataSource> {
  const kind = await kindOf(data, `${origin}: data`);
  if (data.source !== undefined && kind !== embeddedKinds[data.source]) {
    throw new ConfigError(
      problem`${origin}: data: the kind of ${data.source} must be ${embeddedKinds[data.source]}, got ${kind}; leave it
      out`,
    );
  }
  if (kind === "table" && data.path === undefined) {
    throw new ConfigError(problem`${origin}: data: a table must have a path, got none; name the file with data.path`);
  }
  const { settings, splitBy, tasks: known } = rules[kind];
  for (const key of kindSettings) {
    if (data[key] === undefined || settings.includes(key)) continue;
    const having = dataKinds.filter((each) => rules[each].settings.includes(key)).join(" or ");
    throw new ConfigError(
      problem`${origin}: data: ${key} (${optionOf[key]}) must come with ${having}, got it with ${kind}; leave it out`,
    );
  }
  if (data.splitBy !== undefined && !splitBy.includes(data.splitBy)) {
    throw new ConfigError(
      problem`${origin}: data: splitBy (--split-by) of ${kind} must be
      ${splitBy.length === 0 ? "left out" : `one of ${splitBy.join(", ")}`}, got '${data.splitBy}';
      ${kind === "table" ? "name the splits in a column 'split'" : "leave it out for the default"}`,
    );
  }
  if (data.task !== undefined && !known.includes(data.task)) {
    throw new ConfigError(
      problem`${origin}: data: task (--task) of ${kind} must be one of ${known.join(", ")}, got '${data.task}', which
      needs labels; give a table (.csv, .tsv, .jsonl, .parquet) with a label column, or leave the task out`,
    );
  }
  const { path, tokenizer, families, labelColumn, task, minLength, maxLength } = data;
  if (families !== undefined && data.splitBy !== "family" && data.tags !== "family") {
    throw new ConfigError(
      problem`${origin}: data: families must come with splitBy 'family' or tags 'family', got
      ${data.splitBy === undefined ? "none" : `splitBy '${data.splitBy}'`}; write --split-by family, or --set
      data.tags=family`,
    );
  }
  const ofTags = (["minTagged", "tagDropout"] as const).find((key) => data[key] !== undefined);
  if (ofTags !== undefined && data.tags === undefined) {
    throw new ConfigError(
      problem`${origin}: data: ${ofTags} must come with tags, got none; write --set data.tags=family`,
    );
  }
  if (data.tags !== undefined && data.concatenate === true) {
    throw new ConfigError(
      problem`${origin}: data: tags must stand in front of rows of one sequence, got '${data.tags}' with concatenate,
      whose rows hold many; leave one of them out`,
    );
  }
  if (minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
    throw new ConfigError(
      problem`${origin}: data: minLength must be at most maxLength, got ${minLength} and ${maxLength}; exchange them`,
    );
  }
  if (data.sampling === "sequences" && data.concatenate === true) {
    throw new ConfigError(
      problem`${origin}: data: sampling must be 'tokens' with concatenate, whose rows hold all tokens, got 'sequences';
      leave one of them out`,
    );
  }
  if (labelColumn !== undefined && (task === "language-modeling" || task === "masked")) {
    throw new ConfigError(
      problem`${origin}: data: labelColumn (--label-column) must come with task classification or regression, got
      '${task}', which learns sequences alone; leave one of them out`,
    );
  }
  return {
    ...data,
    kind,
    ...(path !== undefined && { path: resolve(path) }),
    ...(families !== undefined && { families: resolve(families) }),
    ...(tokenizer !== undefined && !vocabularyNames.includes(tokenizer) && { tokenizer: resolve(tokenizer) }),
  };
}

type KindSetting = (typeof kindSettings)[number];

/** Settings that not every kind has. */
const kindSettings = [
  "tokenizer",
  "imageSize",
  "channels",
  "sequenceColumn",
  "labelColumn",
  "families",
  "minLength",
  "maxLength",
  "tags",
  "minTagged",
  "tagDropout",
  "concatenate",
  "sampling",
] as const;

/** How the command line calls them. */
const optionOf = {
  tokenizer: "--tokenizer",
  imageSize: "--image-size",
  channels: "--grey or --colour",
  sequenceColumn: "--sequence-column",
  labelColumn: "--label-column",
  families: "--set data.families",
  minLength: "--set data.minLength",
  maxLength: "--set data.maxLength",
  tags: "--set data.tags",
  minTagged: "--set data.minTagged",
  tagDropout: "--set data.tagDropout",
  concatenate: "--set data.concatenate",
  sampling: "--set data.sampling",
} as const satisfies Record<KindSetting, string>;

const rules: Readonly<
  Record<DataKind, { settings: readonly KindSetting[]; splitBy: readonly string[]; tasks: readonly Task[] }>
> = {
  proteins: {
    settings: ["families", "minLength", "maxLength", "tags", "minTagged", "tagDropout", "concatenate", "sampling"],
    splitBy: proteinSplitRules,
    tasks: ["language-modeling", "masked"],
  },
  text: {
    settings: ["tokenizer", "concatenate", "sampling"],
    splitBy: ["contiguous", "hash"],
    tasks: ["language-modeling", "masked"],
  },
  images: {
    settings: ["imageSize", "channels"],
    splitBy: [],
    tasks: ["language-modeling", "masked", "classification"],
  },
  table: {
    settings: ["tokenizer", "sequenceColumn", "labelColumn", "concatenate", "sampling"],
    splitBy: [],
    tasks,
  },
};

const kindsOfEndings: Readonly<Record<string, DataKind>> = {
  fasta: "proteins",
  fa: "proteins",
  faa: "proteins",
  gz: "proteins",
  txt: "text",
  "idx3-ubyte": "images",
  csv: "table",
  tsv: "table",
  tab: "table",
  jsonl: "table",
  ndjson: "table",
  parquet: "table",
};

/** @throws ConfigError when neither a name nor an ending tells it */
export async function kindOf({ source, path, kind }: DataSettings, who: string): Promise<DataKind> {
  if (kind !== undefined) return kind;
  if (path === undefined) return embeddedKinds[source ?? "proteins"];
  if ((await fileType(path)) === "folder") return kindOfFolder(path, who);
  // A name that has no ending under .gz is taken for FASTA, as which such files are published.
  const known = kindOfFile(path);
  if (known !== undefined) return known;
  if (/\.(png|jpe?g)$/i.test(path)) {
    throw new ConfigError(
      problem`${who}: images must come as a folder of PNG or JPEG files, got the file '${path}'; name its folder`,
    );
  }
  throw new ConfigError(
    problem`${who}: the ending of a file must tell what it holds
    (${Object.keys(kindsOfEndings)
      .map((ending) => `.${ending}`)
      .join(", ")}), got '${path}'; rename it, name a folder
    of images, or say it with --set data.kind=${dataKinds.join("|")}`,
  );
}

function kindOfFile(path: string): DataKind | undefined {
  const lower = path.toLowerCase();
  const name = lower.replace(/\.gz$/, "");
  const inner = Object.entries(kindsOfEndings).find(([ending]) => new RegExp(`[.-]${ending}$`).test(name));
  return inner?.[1] ?? (name === lower ? undefined : "proteins");
}

async function kindOfFolder(path: string, who: string): Promise<DataKind> {
  const names = (await readdir(path)).map((name) => name.toLowerCase());
  const isText = names.some((name) => /\.txt(\.gz)?$/.test(name));
  const isImages = names.some((name) => /\.(png|jpe?g)$|idx3-ubyte(\.gz)?$/.test(name));
  if (isText !== isImages) return isText ? "text" : "images";
  throw new ConfigError(
    problem`${who}: a folder must hold .txt files, or images (.png, .jpg, IDX), got '${path}', which holds
    ${isText ? "both; say which with --set data.kind=text or images" : "neither; name the folder that holds the files themselves"}`,
  );
}

/** @returns undefined where there is nothing of that name */
export async function fileType(path: string): Promise<"file" | "folder" | undefined> {
  return stat(path).then(
    (found) => (found.isDirectory() ? "folder" : "file"),
    () => undefined,
  );
}
