/** A checkpoint as the state that training goes on from. */
import * as z from "zod";
import { parseOptions } from "../graph/parse-options.ts";
import { paths } from "#files";
import type { Checkpoint } from "../storage/checkpoints.ts";
import type { TrainingState } from "./trainer.ts";

const trainerStateSchema = z.object({
  tokens: z.number(),
  elapsedSeconds: z.number(),
  best: z.object({ step: z.int(), lossNats: z.number(), evaluationsSince: z.int() }).optional(),
});

/**
 * The state that `train` takes as `initial`, to go on from a checkpoint as if it had never stopped.
 *
 * @throws ConfigError when its trainer_state.json is not what training writes
 */
export function stateFromCheckpoint({ step, model, optimizer, trainerState, path }: Checkpoint): TrainingState {
  const state = parseOptions(paths.join(path, "trainer_state.json"), trainerStateSchema, trainerState);
  return { step, model, optimizer, trainerState: state };
}
