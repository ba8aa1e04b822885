/** The decoder that a language model keeps between calls, so that only the first call compiles its graphs. */
import type { NdArray } from "../graph/ndarray.ts";
import { createBatchDecoder, type BatchDecoder } from "../inference/index.ts";
import type { ModelConfig, Named } from "../model/index.ts";
import type { WeightDtype } from "../onnx/weight-dtype.ts";
import type { Backend } from "../runtime/backend.ts";

interface DecodedModel {
  readonly config: ModelConfig;
  readonly tensors: Named<NdArray>;
  readonly backend: Backend;
  readonly dtype: WeightDtype;
}

/** A decoder for one sequence. Disposing of it gives it back. */
export interface BorrowedDecoder extends AsyncDisposable {
  readonly decoder: BatchDecoder;
}

export class KeptDecoder implements AsyncDisposable {
  #kept: { readonly tensors: Named<NdArray>; readonly decoder: BatchDecoder } | undefined;
  #isLent = false;

  /** The kept decoder; while it is lent, or after the weights have changed, a new one. */
  async borrow({ config, tensors, backend, dtype }: DecodedModel): Promise<BorrowedDecoder> {
    if (this.#kept?.tensors === tensors && !this.#isLent) return this.#lend(this.#kept.decoder);
    const decoder = await createBatchDecoder(config, tensors, backend, { slots: 1, dtype });
    if (this.#isLent) return { decoder, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() };
    const lent = this.#lend(decoder);
    await this.#kept?.decoder[Symbol.asyncDispose]();
    this.#kept = { tensors, decoder };
    return lent;
  }

  #lend(decoder: BatchDecoder): BorrowedDecoder {
    this.#isLent = true;
    return {
      decoder,
      [Symbol.asyncDispose]: async () => {
        this.#isLent = false;
        // The model was disposed of in the meantime.
        if (this.#kept?.decoder !== decoder) await decoder[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const kept = this.#kept;
    this.#kept = undefined;
    // Who has borrowed it disposes of it.
    if (!this.#isLent) await kept?.decoder[Symbol.asyncDispose]();
  }
}
