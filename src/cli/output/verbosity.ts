/** How much a command says on standard error: --quiet and --verbose. */

let quiet = false;

/** Sets it for the command that is about to run. `verbose` is what PERFORMER_DEBUG=1 does. */
export function setVerbosity(options: { readonly quiet?: boolean; readonly verbose?: boolean }): void {
  quiet = options.quiet === true;
  if (options.verbose === true) process.env["PERFORMER_DEBUG"] ??= "1";
}

/** Whether progress and notices are left out; errors never are. */
export function isQuiet(): boolean {
  return quiet;
}
