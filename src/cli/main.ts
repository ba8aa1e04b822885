#!/usr/bin/env node
// The command `performer`.

import { printEngineWarning } from "./output/warnings.ts";
import { runProgram } from "./program.ts";

printEngineWarning();
await runProgram(process.argv.slice(2));
