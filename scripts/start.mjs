// `npm start`: set-up, then the demonstration. Arguments after `--` go to it.

import { join } from "node:path";
import { root, run } from "./process.mjs";
import { setUp } from "./setup.mjs";

await setUp();
process.exitCode = await run(process.execPath, [
  join(root, "dist", "cli", "main.js"),
  "demo",
  ...process.argv.slice(2),
]);
