/** What benchmarks measured, as tables for people. */

import { formatBytes, formatCount, formatFixed, formatPercent } from "../text/numbers.ts";
import { formatTable } from "../text/table.ts";
import type { AttentionBenchResult } from "./attention.ts";
import { directionOf } from "./contender.ts";
import type { DataBenchResult } from "./data.ts";
import type { DecodeBenchResult } from "./decode.ts";
import type { InferenceBenchResult } from "./inference.ts";
import { describeRun } from "./measure.ts";
import type { MemoryBenchResult } from "./memory.ts";
import type { ModelBenchResult } from "./model.ts";
import type { TrainBenchResult } from "./train.ts";

/** The machine on one line, then the rows as a table; what was not measured stays empty. */
export function formatAttentionBench({ machine, gemm, rows, scaling }: AttentionBenchResult): string {
  const times = (value: number | undefined, digits: number, unit = "") =>
    value === undefined ? "" : `${formatFixed(value, digits)}${unit}`;
  const table = formatTable(
    ...measuredColumns(
      [
        "attention",
        "direction",
        "pass",
        "tokens",
        "median ms",
        "min ms",
        "bound ms",
        "over bound",
        "over loop bound",
        "over positive",
        "exact ms",
        "faster",
      ],
      rows.map((row) => [
        row.mechanism,
        directionOf(row),
        row.pass,
        formatCount(row.seqLen),
        times(row.medianMs, 1),
        times(row.minMs, 1),
        times(row.boundMs, 1),
        times(row.ratioToBound, 2, "×"),
        times(row.ratioToLoopBound, 2, "×"),
        times(row.ratioToPositive, 2, "×"),
        times(row.exactMs, 0),
        times(row.speedupOverExact, 1, "×"),
      ]),
    ),
  );
  const about = `${describeRun(machine)}; 1024³ product ${formatFixed(gemm.gflops, 0)} GFLOP/s`;
  const slopes = scaling.map((fit) => [
    fit.mechanism,
    directionOf(fit),
    fit.pass,
    `L^${formatFixed(fit.exponent, 2)}`,
    `${formatCount(fit.from)} … ${formatCount(fit.to)}`,
  ]);
  const grows = formatTable(["attention", "direction", "pass", "time grows as", "tokens"], slopes);
  return [about, table, ...(slopes.length === 0 ? [] : [grows])].join("\n\n");
}

/** Without the columns of what was not measured at all. */
function measuredColumns(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): [readonly string[], readonly (readonly string[])[]] {
  const kept = heads.map((_, column) => rows.some((row) => row[column] !== ""));
  const pick = (cells: readonly string[]) => cells.filter((_, column) => kept[column]);
  return [pick(heads), rows.map(pick)];
}

export function formatModelBench({ machine, rows }: ModelBenchResult): string {
  const header = [
    "model",
    "attention",
    "direction",
    "pass",
    "tokens",
    "median ms",
    "min ms",
    "of X",
    "peak MiB",
    "of X's",
  ];
  const cells = rows.map((row) => [
    row.model,
    row.mechanism,
    directionOf(row),
    row.pass,
    formatCount(row.seqLen),
    formatFixed(row.medianMs, 1),
    formatFixed(row.minMs, 1),
    `${formatFixed(row.ratioToX, 2)}×`,
    formatCount(Math.round(row.peakBytes / 2 ** 20)),
    `${formatFixed(row.peakRatioToX, 2)}×`,
  ]);
  return `${describeRun(machine)}\n\n${formatTable(header, cells)}`;
}

export function formatMemoryBench({ machine, rows }: MemoryBenchResult): string {
  const cells = rows.map((row) => [
    row.mechanism,
    directionOf(row),
    row.pass,
    formatCount(row.seqLen),
    formatCount(Math.round(row.peakBytes / 2 ** 20)),
  ]);
  return `${describeRun(machine)}\n\n${formatTable(["attention", "direction", "pass", "tokens", "peak MiB"], cells)}`;
}

export function formatTrainBench({ gemm, rows }: TrainBenchResult): string {
  const cells = rows.map((row) => [
    row.model,
    formatFixed(row.stepMs, 0),
    formatCount(Math.round(row.tokensPerSecond)),
    formatFixed(row.gflop, 1),
    formatPercent(row.shareOfGemm),
    formatFixed(row.peakBytes / 2 ** 30, 2),
  ]);
  const header = ["model", "step ms", "tokens/s", "GFLOP", "share of product rate", "peak GiB"];
  return `1024³ product ${formatFixed(gemm.gflops, 0)} GFLOP/s\n\n${formatTable(header, cells)}`;
}

export function formatDecodeBench({ rows }: DecodeBenchResult): string {
  const cells = rows.map((row) => [
    row.model,
    formatCount(row.batch),
    formatCount(row.position),
    formatFixed(row.medianMsPerToken, 3),
    formatCount(Math.round(row.tokensPerSecond)),
    `${formatFixed(row.ratioToPosition1000, 3)}×`,
    formatCount(row.tokensRead),
  ]);
  const header = [
    "model",
    "sequences",
    "position",
    "ms a step",
    "tokens/s",
    "of position 1,000's time",
    "tokens read before",
  ];
  return formatTable(header, cells);
}

export function formatInferenceBench({
  machine,
  model,
  sequences,
  residues,
  rows,
  peakBytes,
}: InferenceBenchResult): string {
  const cells = rows.map((row) => [
    row.task,
    formatFixed(row.seconds, 1),
    formatCount(Math.round(row.residuesPerSecond)),
    formatFixed(row.gflop, 0),
    formatFixed(row.gemmGflops, 0),
    formatPercent(row.shareOfGemm),
    formatPercent(row.paddingShare),
    `${row.graphs} in ${formatFixed(row.compileSeconds, 1)} s`,
    `${row.batches} in ${formatFixed(row.runSeconds, 1)} s`,
  ]);
  const header = [
    "task",
    "seconds",
    "residues/s",
    "GFLOP",
    "1024³ GFLOP/s",
    "share",
    "padding",
    "graphs compiled",
    "batches run",
  ];
  const about = `${describeRun(machine)}\n${model}\n${formatCount(sequences)} sequences, ${formatCount(residues)} residues`;
  return `${about}; peak memory ${formatBytes(peakBytes)}\n\n${formatTable(header, cells)}`;
}

const labels = {
  memory: "packed in memory",
  packed: "packed into a cache",
  cache: "found in the cache",
} as const satisfies Record<DataBenchResult["rows"][number]["from"], string>;

export function formatDataBench({ file, fileBytes, records, residues, rows }: DataBenchResult): string {
  const header = ["", "index ms", "read ms", "MB/s of the file", "residues/s"];
  const cells = rows.map((row) => [
    labels[row.from],
    formatFixed(row.indexMs, 0),
    formatFixed(row.readMs, 0),
    row.megabytesPerSecond === null ? "–" : formatFixed(row.megabytesPerSecond, 1),
    formatCount(Math.round(row.residuesPerSecond)),
  ]);
  const facts = `${file}: ${formatFixed(fileBytes / 1e6, 1)} MB, ${formatCount(records)} sequences, ${formatCount(residues)} residues`;
  return `${facts}\n\n${formatTable(header, cells)}`;
}
