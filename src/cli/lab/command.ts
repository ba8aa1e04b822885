// `performer lab`: the claims of the literature, to be checked on this machine.

import { Command } from "commander";
import { join } from "node:path";

import { nearestName } from "../../graph/nearest-name.ts";
import { runClaim } from "../../lab/index.ts";
import type { Claim, ClaimProgress, ClaimRun } from "../../lab/index.ts";
import { UsageError } from "../failures.ts";
import { printJson } from "../output/json.ts";
import { createProgress } from "../output/progress.ts";
import type { Progress } from "../output/progress.ts";
import { createVerb, frameErrors } from "../verb.ts";
import { diagnoseCommand } from "./diagnose.ts";
import { loadBuiltClaims } from "./load-claims.ts";
import type { LoadClaims } from "./load-claims.ts";
import { formatClaimList, formatClaimResult } from "./summary.ts";
import { writeClaimRun } from "./write-result.ts";

/** Where results go when nobody says. */
const RESULTS_FOLDER = join("runs", "lab");
const ALL = "all";

/** @param loadClaims default the compiled ones; tests bring their own */
export function labCommand(loadClaims: LoadClaims = loadBuiltClaims): Command {
  return frameErrors(new Command("lab"), "performer lab")
    .description("Check published claims on this machine, and how near a model's attention is to softmax.")
    .addHelpText(
      "after",
      `
Examples:
  performer lab list                       the claims
  performer lab run attention-error        check one: minutes; --quick: seconds
  performer lab diagnose runs/demo         the attention of a trained model`,
    )
    .addCommand(listCommand(loadClaims))
    .addCommand(runCommand(loadClaims))
    .addCommand(diagnoseCommand());
}

function listCommand(loadClaims: LoadClaims): Command {
  return createVerb({
    name: "lab list",
    summary: "List the claims that can be checked.",
    examples: [
      ["lab list", "names and titles"],
      ["lab list --json", "with what was published"],
    ],
  })
    .name("list")
    .action(async (options: { readonly json?: boolean }) => {
      const claims = await loadClaims();
      if (options.json === true) {
        await printJson({ claims: claims.map(({ claim, title, published }) => ({ claim, title, published })) });
      } else {
        process.stdout.write(`${formatClaimList(claims)}\n`);
      }
    });
}

const NOTES = `
result.json holds the claim's name, the setting, the published and the measured figures, and whether the claim holds; figure.svg
shows them. A claim that does not hold is a result, not a failure: the exit code is 0.`;

interface RunOptions {
  readonly quick?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

function runCommand(loadClaims: LoadClaims): Command {
  return createVerb({
    name: "lab run",
    summary: "Check a claim: measure it, and compare with what was published.",
    examples: [
      ["lab run unsigned-qr", "seconds to minutes"],
      ["lab run unsigned-qr --quick", "seconds, with wider error bars"],
      ["lab run all --json", "every claim in turn, the figures as JSON"],
    ],
  })
    .name("run")
    .addHelpText("after", NOTES)
    .argument("<claim>", `a name from performer lab list, or ${ALL}`)
    .option("--quick", "seconds instead of minutes: fewer draws, smaller sizes")
    .option(
      "--out <folder>",
      `where result.json and figure.svg go (default: ${RESULTS_FOLDER}/<claim>); with ${ALL}, a folder a claim in it`,
    )
    .action(async (name: string, options: RunOptions) => {
      const claims = await loadClaims();
      if (name !== ALL) {
        const claim = findClaim(name, claims);
        const { result } = await carryOut(claim, options.out ?? join(RESULTS_FOLDER, name), options);
        if (options.json === true) await printJson(result);
        return;
      }
      const results = [];
      for (const claim of claims) {
        if (results.length > 0 && options.json !== true) process.stdout.write("\n");
        const { result } = await carryOut(claim, join(options.out ?? RESULTS_FOLDER, claim.claim), options);
        results.push(result);
      }
      if (options.json === true) await printJson({ results });
    });
}

/** @throws UsageError that names the nearest claim */
function findClaim(name: string, claims: readonly Claim[]): Claim {
  const found = claims.find(({ claim }) => claim === name);
  if (found !== undefined) return found;
  const nearest = nearestName(
    name,
    claims.map(({ claim }) => claim),
  );
  const guess = nearest === undefined ? "" : `did you mean ${nearest}? `;
  throw new UsageError(`there is no claim '${name}'; ${guess}performer lab list names them all`);
}

/** Runs a claim, writes its files, and tells people about it; where standard output belongs to JSON, on standard error. */
async function carryOut(claim: Claim, folder: string, { quick = false, json = false }: RunOptions): Promise<ClaimRun> {
  const { onProgress, stop } = progressOf(claim.claim);
  let run: ClaimRun;
  try {
    run = await runClaim(claim, { quick, onProgress });
  } finally {
    stop();
  }
  const files = await writeClaimRun(folder, run);
  if (json) process.stderr.write(`lab ${claim.claim}: written to ${files.resultPath} and ${files.figurePath}\n`);
  else process.stdout.write(`${formatClaimResult(claim.title, run.result, files)}\n`);
  return run;
}

/** The bar begins with the claim's first word about its progress, which says how much there is to do. */
function progressOf(name: string): { readonly onProgress: ClaimProgress; readonly stop: () => void } {
  let progress: Progress | undefined;
  return {
    onProgress: (done, total, what) => {
      progress ??= createProgress({ label: `lab ${name}`, total });
      progress.update(done, { measuring: what });
    },
    stop: () => progress?.stop(),
  };
}
