/** The errors of this package: one family, whose fields say who refuses, the rule, what came, and the way out. */

/** Stable codes, for programs that decide by the kind of an error. docs/errors.md says what each means. */
export const errorCodes = {
  ERR_ARGUMENT: "an argument of a function is of the wrong type or out of range",
  ERR_BUSY: "a model is being trained, and cannot be trained by a second call",
  ERR_CONFIG: "options or a configuration cannot be used",
  ERR_DATA: "input data cannot be used",
  ERR_DISK_FULL: "a file does not fit on its disk",
  ERR_DIVERGED: "the loss of a training is no longer a finite number",
  ERR_GRAPH: "a graph cannot be built",
  ERR_KERNEL: "a kernel cannot be estimated from its arguments",
  ERR_NOT_FOUND: "a file, a folder or a model is not there",
  ERR_PERMISSION: "a file may not be read or written",
  ERR_RUNTIME: "a value does not fit a compiled graph, or an engine is not available",
  ERR_SHAPE: "shapes do not fit an op or a declared shape",
  ERR_STORAGE: "a file cannot be read, written or understood",
  ERR_TRAINING: "training cannot start or go on",
  ERR_UNKNOWN_OPTION: "an option has a name that does not exist",
  ERR_USAGE: "a request is wrong as it is written",
} as const satisfies Record<`ERR_${string}`, string>;

export type ErrorCode = keyof typeof errorCodes;

/** One thing that is wrong. */
export interface Problem {
  /**
   * Who refuses: a function, an option's origin, or a file with its line. Empty where the command or the caller is
   * meant.
   */
  readonly who: string;
  /** The rule that was broken: "numFeatures must be a positive integer". */
  readonly rule: string;
  /** The value that came instead; undefined where the rule says it. */
  readonly got?: string | undefined;
  /** The way out. */
  readonly fix?: string | undefined;
}

export interface PerformerErrorOptions extends ErrorOptions {
  /** Default: the code of the class. */
  readonly code?: ErrorCode;
}

/** The base of all errors that speak to callers. `message` is "who: rule, got …; fix", a line for each problem. */
export abstract class PerformerError extends Error {
  readonly code: ErrorCode;
  /** All that is wrong, at least one; `who`, `rule`, `got` and `fix` are the first one's. */
  readonly problems: readonly Problem[];
  readonly who: string;
  readonly rule: string;
  readonly got: string | undefined;
  readonly fix: string | undefined;

  /** @param end follows each problem in the message */
  constructor(
    problems: Problem | readonly Problem[],
    ownCode: ErrorCode,
    { code, ...options }: PerformerErrorOptions = {},
    end = "",
  ) {
    const all: readonly Problem[] = "rule" in problems ? [problems] : problems;
    super(all.map((each) => formatProblem(each) + end).join("\n"), options);
    const { who, rule, got, fix } = all[0] ?? { who: "", rule: "" };
    this.code = code ?? ownCode;
    this.problems = all;
    this.who = who;
    this.rule = rule;
    this.got = got;
    this.fix = fix;
  }

  /** The first problem. */
  get problem(): Problem {
    const { who, rule, got, fix } = this;
    return { who, rule, got, fix };
  }

  /** The error as plain data, for a server to send and a page to show. */
  toJSON(): Pick<PerformerError, "name" | "code" | "message" | "problems"> {
    const { name, code, message, problems } = this;
    return { name, code, message, problems };
  }
}

/** A function's argument of the wrong type, or out of range. */
export class ArgumentError extends PerformerError {
  override readonly name = "ArgumentError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, "ERR_ARGUMENT", options);
  }
}

/** A graph that cannot be built. The message ends with the path of the op in the graph. */
export class GraphError extends PerformerError {
  override readonly name: string = "GraphError";

  constructor(
    problems: Problem | readonly Problem[],
    options?: PerformerErrorOptions,
    ownCode: ErrorCode = "ERR_GRAPH",
  ) {
    super(problems, ownCode, options);
  }
}

/** Shapes that do not fit an op or a declared shape string. */
export class ShapeError extends GraphError {
  override readonly name: string = "ShapeError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, options, "ERR_SHAPE");
  }
}

/** A configuration that cannot be used. */
export class ConfigError extends PerformerError {
  override readonly name = "ConfigError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, "ERR_CONFIG", options);
  }
}

/**
 * Writes a problem as a sentence: problem`${who}: steps must be a whole number, got ${steps}; give one`.
 *
 * The parts are told apart by ": ", ", got " and "; " in the sentence itself, never in a value. A line break with the
 * blanks around it is one blank.
 */
export function problem(texts: TemplateStringsArray, ...values: readonly unknown[]): Problem {
  let sentence = "";
  /** For each character whether the sentence itself has it. */
  let own = "";
  texts.forEach((text, index) => {
    const plain = text.replaceAll(/\s*\n\s*/g, " ");
    const value = index < values.length ? String(values[index]) : "";
    sentence += plain + value;
    own += plain + "\0".repeat(value.length);
  });
  const gotAt = own.indexOf(GOT);
  const whoEnd = own.indexOf(": ");
  const isWho = whoEnd >= 0 && (gotAt < 0 || whoEnd < gotAt) && !/ must | is not |; /.test(own.slice(0, whoEnd));
  const ruleAt = isWho ? whoEnd + 2 : 0;
  const fixAt = own.indexOf("; ", Math.max(ruleAt, gotAt));
  const end = fixAt < 0 ? sentence.length : fixAt;
  return {
    who: isWho ? sentence.slice(0, whoEnd) : "",
    rule: sentence.slice(ruleAt, gotAt < 0 ? end : gotAt),
    ...(gotAt >= 0 && { got: sentence.slice(gotAt + GOT.length, end) }),
    ...(fixAt >= 0 && { fix: sentence.slice(fixAt + 2) }),
  };
}

const GOT = ", got ";

/** "who: rule, got …; fix". */
export function formatProblem({ who, rule, got, fix }: Problem): string {
  const parts = [
    who === "" ? "" : `${who}: `,
    rule,
    got === undefined ? "" : `${GOT}${got}`,
    fix === undefined ? "" : `; ${fix}`,
  ];
  return parts.join("");
}

/** Puts who speaks in front of every problem. */
export function saidBy(who: string, problems: readonly Problem[]): readonly Problem[] {
  return problems.map((each) => ({ ...each, who: each.who === "" ? who : `${who}: ${each.who}` }));
}

/**
 * Lets the maker of a configuration speak of where it was read.
 *
 * @param who put in front of every problem of a ConfigError
 */
export function configuredBy<T>(who: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(saidBy(who, error.problems), { cause: error, code: error.code });
  }
}

/**
 * The option that a problem is about, where its rule begins with one: "numFeatures must …", "'typo' is not an option".
 */
export function optionOf({ rule }: Problem): string | undefined {
  return /(?:^|, )'?([\w-]+)'? (?:must|is not an option|is not a key)\b/.exec(rule)?.[1];
}

/**
 * The error with options by the names that its caller knows them by.
 *
 * @param nameOf the caller's name of an option; undefined where it has no other
 * @returns a new error of the same class with the first as its cause, or the same one where nothing changes
 */
export function withOptionNames(error: unknown, nameOf: (option: string) => string | undefined): unknown {
  if (!(error instanceof PerformerError)) return error;
  const problems = error.problems.map((each) => {
    const option = optionOf(each);
    const name = option === undefined ? undefined : nameOf(option);
    return option === undefined || name === undefined ? each : { ...each, rule: each.rule.replace(option, name) };
  });
  if (problems.every((each, index) => each === error.problems[index])) return error;
  const Class = error.constructor as ErrorClass; // every class of the family is made so
  return new Class(problems, { cause: error, code: error.code });
}

/** A class of the family, all of which are made alike. */
export type ErrorClass = new (
  problems: Problem | readonly Problem[],
  options?: PerformerErrorOptions,
) => PerformerError;
