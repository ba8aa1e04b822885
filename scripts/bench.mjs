// `npm run bench`: set-up, then the benchmark. Arguments after `--` go to it; without any, it measures attention.

import { join } from "node:path";
import { root, run } from "./process.mjs";
import { setUp } from "./setup.mjs";

const args = process.argv.slice(2);
// A first word names what to measure; options alone go to the attention benchmark.
const subject = args[0] === undefined || args[0].startsWith("-") ? ["attention"] : [];

await setUp();
process.exitCode = await run(process.execPath, [join(root, "dist", "cli", "main.js"), "bench", ...subject, ...args]);
