// `npm test`: everything. The last line is `N passed, N failed`. Arguments after `--` choose test files, as Vitest
// does.

import { say } from "./process.mjs";
import { setUp } from "./setup.mjs";
import { runStaticChecks } from "./static-checks.mjs";
import { runVitest } from "./vitest.mjs";

await setUp({ browser: true });
say("static checks");
const checks = await runStaticChecks({ builtPackage: true });
say("tests");
const tests = await runVitest(process.argv.slice(2));

const failed = checks.failed + tests.failed;
say(`${checks.passed + tests.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
