import { it } from "vitest";
import { diagnose } from "./diagnose.ts";
import { labCommand } from "../../cli/lab/command.ts";
it("x", async () => {
  const rows = (seed: number) =>
    Array.from({ length: 1000 }, (_, t) => Float32Array.from({ length: 128 }, (_, d) => Math.sin(seed * t + d)));
  const a = { q: rows(0.1), k: rows(0.2), v: rows(0.3) };
  for (const wantedError of [0.05, 0.25])
    for (let seed = 0; seed < 6; seed++) {
      const t = performance.now();
      const d = await diagnose(a, { numHeads: 4, causal: true, numFeatures: 128, wantedError, seed });
      const s = ((performance.now() - t) / 1000).toFixed(1);
      process.stdout.write(
        `w ${wantedError} seed ${seed} ${s} s: ` +
          d.heads
            .map(
              (h) =>
                `${h.outputError?.toFixed(3)}±${h.standardError?.toFixed(3)} ${h.featuresNeeded}${h.confirmed ? "" : "~"} ${h.best.mechanism} ${h.best.featuresNeeded}${h.best.confirmed ? "" : "~"}`,
            )
            .join("; ") +
          "\n",
      );
    }
  for (const extra of [["--sequences", "3"], []]) {
    const t = performance.now();
    await labCommand().parseAsync(["diagnose", "runs/demo", ...extra], { from: "user" });
    process.stdout.write(`TIME ${extra.join(" ")} ${((performance.now() - t) / 1000).toFixed(1)} s\n`);
  }
}, 400000);
