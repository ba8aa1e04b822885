#!/usr/bin/env node
// The command `performer`.

import { runProgram } from "./program.ts";

await runProgram(process.argv.slice(2));
