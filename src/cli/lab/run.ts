// `performer lab run`: a claim is checked, or an experiment made, and written down with its figure.

import { Option } from "commander";
import type { Command } from "commander";
import { join } from "node:path";

import { nearestName } from "../../graph/nearest-name.ts";
import { runClaim } from "../../lab/index.ts";
import type { Claim, ClaimProgress, ClaimRun, Experiment, GivenOptions } from "../../lab/index.ts";
import { checkPlain } from "../../lab/claim.ts";
import { asUsage, UsageError } from "../../runs/usage.ts";
import { printJson } from "../output/json.ts";
import { createProgress } from "../output/progress.ts";
import type { Progress } from "../output/progress.ts";
import { formatTable } from "../../text/table.ts";
import { createVerb } from "../verb.ts";
import type { LabTable, LoadLab } from "./load-lab.ts";
import { formatClaimResult } from "./summary.ts";
import { writeResult } from "./write-result.ts";

/** Where results go when nobody says. */
const RESULTS_FOLDER = join("runs", "lab");
const ALL = "all";

const NOTES = `
result.json holds the setting and the measured figures, for a claim also the published ones and whether it holds; figure.svg shows
them. A claim that does not hold is a result, not a failure: the exit code is 0. Experiments have options of their own:
performer lab run <experiment> --help.`;

interface RunOptions {
  readonly quick?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export function runCommand(load: LoadLab): Command {
  const command = createVerb({
    name: "lab run",
    summary: "Check a claim, or make an experiment: measure, and compare.",
    examples: [
      ["lab run unsigned-qr", "seconds to minutes"],
      ["lab run unsigned-qr --quick", "seconds, with wider error bars"],
      ["lab run all --json", "every claim in turn, the figures as JSON"],
      ["lab run compare --help", "the options of an experiment"],
    ],
  }).name("run");
  return addRunOptions(command, join(RESULTS_FOLDER, "<name>"))
    .addHelpText("after", NOTES)
    .argument("<name>", `a name from performer lab list, or ${ALL} for every claim`)
    .argument("[options...]", "options of that claim or experiment")
    .passThroughOptions()
    .action(async (name: string, rest: readonly string[], before: RunOptions) => {
      const table = await load();
      const named = namedCommand(name, table, before);
      await named.parseAsync([...rest], { from: "user" });
    });
}

function addRunOptions(command: Command, folder: string): Command {
  return command
    .option("--quick", "seconds to minutes instead of minutes to hours: fewer draws, smaller sizes")
    .option(
      "--out <folder>",
      `where result.json and figure.svg go (default: ${folder}); with ${ALL}, a folder a claim in it`,
    );
}

/** The command line behind a name, with the options of what it names; `before` are options given before the name. */
function namedCommand(name: string, { claims, experiments }: LabTable, before: RunOptions): Command {
  const experiment = experiments.find((each) => each.experiment === name);
  const chosen = name === ALL ? claims : claims.filter(({ claim }) => claim === name);
  if (experiment === undefined && chosen.length === 0) throw unknownName(name, { claims, experiments });
  const command = addRunOptions(
    createVerb({
      name: `lab run ${name}`,
      summary: experiment?.title ?? chosen.map(({ title }) => title).join(" "),
      examples: experiment?.examples.map(([line, effect]) => [`lab run ${line}`, effect] as const) ?? [
        [`lab run ${name}`, "in full"],
        [`lab run ${name} --quick`, "quickly"],
      ],
    }),
    join(RESULTS_FOLDER, name),
  ).name(`performer lab run ${name}`);
  if (experiment === undefined) {
    return command.action((options: RunOptions) => carryOut(name, chosen, { ...before, ...options }));
  }
  for (const { flags, description, default: usual, choices } of experiment.options) {
    const option = new Option(flags, description).default(usual);
    command.addOption(choices === undefined ? option : option.choices([...choices]));
  }
  return command.action((options: RunOptions) => make(experiment, { ...before, ...options }));
}

/** Names the nearest. */
function unknownName(name: string, { claims, experiments }: LabTable): UsageError {
  const names = [...claims.map(({ claim }) => claim), ...experiments.map(({ experiment }) => experiment)];
  const nearest = nearestName(name, names);
  const guess = nearest === undefined ? "" : `did you mean ${nearest}? `;
  return new UsageError(`there is no claim or experiment '${name}'; ${guess}performer lab list names them all`);
}

async function carryOut(name: string, claims: readonly Claim[], options: RunOptions): Promise<void> {
  const folder = options.out ?? (name === ALL ? RESULTS_FOLDER : join(RESULTS_FOLDER, name));
  const results = [];
  for (const claim of claims) {
    if (results.length > 0 && options.json !== true) process.stdout.write("\n");
    const { result } = await check(claim, name === ALL ? join(folder, claim.claim) : folder, options);
    results.push(result);
  }
  if (options.json === true) await printJson(name === ALL ? { results } : results[0]);
}

/** Runs a claim, writes its files, and tells people about it; where standard output belongs to JSON, on standard error. */
async function check(claim: Claim, folder: string, { quick = false, json = false }: RunOptions): Promise<ClaimRun> {
  const { onProgress, stop } = progressOf(claim.claim);
  let run: ClaimRun;
  try {
    run = await runClaim(claim, { quick, onProgress });
  } finally {
    stop();
  }
  const files = await writeResult(folder, run);
  if (json) process.stderr.write(`lab ${claim.claim}: written to ${files.resultPath} and ${files.figurePath}\n`);
  else process.stdout.write(`${formatClaimResult(claim.title, run.result, files)}\n`);
  return run;
}

/** Makes an experiment, writes its files, and shows its table. */
async function make(experiment: Experiment, given: RunOptions): Promise<void> {
  const { quick = false, json = false, out, ...others } = given;
  const options = others as GivenOptions; // what commander has read by the experiment's own options
  const { experiment: name } = experiment;
  const { onProgress, onNote, stop } = progressOf(name);
  const { setting, measured, table, figure } = await asUsage(() =>
    experiment.run(options, { quick, onProgress, onNote }),
  ).finally(stop);
  checkPlain(`experiment ${name}`, { setting, measured });
  const result = { experiment: name, setting, measured };
  const files = await writeResult(out ?? join(RESULTS_FOLDER, name), { result, figure });
  const written = `written to ${files.resultPath} and ${files.figurePath}`;
  if (json) {
    process.stderr.write(`lab ${name}: ${written}\n`);
    await printJson(result);
  } else {
    process.stdout.write(`${formatTable(table.header, table.rows)}\n\n${written}\n`);
  }
}

/** The bar begins with the first word about progress, which says how much there is to do. */
function progressOf(name: string): {
  readonly onProgress: ClaimProgress;
  readonly onNote: (text: string) => void;
  readonly stop: () => void;
} {
  let progress: Progress | undefined;
  return {
    onProgress: (done, total, what) => {
      progress ??= createProgress({ label: `lab ${name}`, total });
      progress.update(done, { measuring: what });
    },
    onNote: (text) => {
      if (progress === undefined) process.stderr.write(`lab ${name}: ${text}\n`);
      else progress.log(`lab ${name}: ${text}`);
    },
    stop: () => progress?.stop(),
  };
}
