// `npm run check`: the static checks and the fast tests, in under 30 seconds. For use while writing.

import { say } from "./process.mjs";
import { setUp } from "./setup.mjs";
import { runStaticChecks } from "./static-checks.mjs";
import { runVitest } from "./vitest.mjs";

const startedMs = performance.now();
await setUp({ dist: false });
const checks = await runStaticChecks({ builtPackage: false });
const tests = await runVitest(["--project=fast", ...process.argv.slice(2)]);

const failed = checks.failed + tests.failed;
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
say(`${checks.passed + tests.passed} passed, ${failed} failed, ${seconds} s`);
process.exitCode = failed === 0 ? 0 : 1;
