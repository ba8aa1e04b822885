/** `performer lab run`: a claim is checked, or an experiment made. */

import { problem } from "../../graph/errors.ts";
import { Option, type Command } from "commander";
import { join } from "node:path";

import { nearestName } from "../../graph/nearest-name.ts";
import type { Claim, Experiment, GivenOptions } from "../../lab/index.ts";
import { UsageError } from "../../runs/usage.ts";
import { checkClaim, makeExperiment } from "../../tasks/lab/run.ts";
import { describeFiles, formatClaimResult, formatExperiment } from "../../tasks/lab/summary.ts";
import { printJson } from "../output/json.ts";
import { showEvents } from "../output/show-events.ts";
import { createVerb } from "../verb.ts";
import type { LabTable, LoadLab } from "./load-lab.ts";

/** Where results go when nobody says. */
const RESULTS_FOLDER = join("runs", "lab");
const ALL = "all";

const NOTES = `
result.json holds the setting and the measured figures, for a claim also the published ones and
whether it holds; figure.svg shows them. A claim that does not hold is a result, not a failure: the
exit code is 0. Experiments have options of their own: performer lab run <experiment> --help.`;

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
    return command.action((options: RunOptions) => checkAll(name, chosen, { ...before, ...options }));
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
  return new UsageError(problem`there is no claim or experiment '${name}'; ${guess}performer lab list names them all`);
}

async function checkAll(name: string, claims: readonly Claim[], options: RunOptions): Promise<void> {
  const { json = false, quick = false } = options;
  const out = options.out ?? (name === ALL ? RESULTS_FOLDER : join(RESULTS_FOLDER, name));
  using display = showEvents();
  const results = [];
  for (const claim of claims) {
    const folder = name === ALL ? join(out, claim.claim) : out;
    const { result, files } = await checkClaim(claim, { folder, quick }, display);
    // Each at once: the next one may take hours.
    if (json) display.log(`lab ${claim.claim}: ${describeFiles(files)}`);
    else process.stdout.write(`${results.length > 0 ? "\n" : ""}${formatClaimResult(claim.title, result, files)}\n`);
    results.push(result);
  }
  if (json) await printJson(name === ALL ? { results } : results[0]);
}

async function make(experiment: Experiment, { quick = false, json, out, ...others }: RunOptions): Promise<void> {
  const { experiment: name } = experiment;
  const given = others as GivenOptions; // what commander has read by the experiment's own options
  using display = showEvents();
  const folder = out ?? join(RESULTS_FOLDER, name);
  const { result, table, files } = await makeExperiment(experiment, given, { folder, quick }, display);
  if (json === true) {
    display.log(`lab ${name}: ${describeFiles(files)}`);
    await printJson(result);
  } else {
    process.stdout.write(`${formatExperiment(table, files)}\n`);
  }
}
