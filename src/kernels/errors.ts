/** The error of everything that no kernel can be estimated from. */
import { GraphError, type PerformerErrorOptions, type Problem } from "../graph/errors.ts";

/** Arguments that do not fit, or numbers that leave the range of the results: who, the rule, what came, the way out. */
export class KernelError extends GraphError {
  override readonly name = "KernelError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, options, "ERR_KERNEL");
  }
}
