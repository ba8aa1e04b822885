// A model of your own in the graph language: a function, its gradient, compiled together, and a loop that learns.
// It fits y = sin(3x) with a network of two layers.
//
// Run it after `npm run build`:  node examples/graph-language.mjs

import { compile, gradients } from "performer-ts";
import { linear, mean, square, sub, tanh } from "performer-ts/ops";
import { createRandom, fillNormal } from "performer-ts/random";

const [numPoints, hidden] = [64, 32];

// A function of tensors is traced once; what it returns is compiled. `gradients` adds the derivatives to the same
// graph.
const step = await compile(
  ({ x, target, w1, b1, w2, b2 }) => {
    const y = linear(tanh(linear(x, w1, b1)), w2, b2);
    const loss = mean(square(sub(y, target)));
    const [dw1, db1, dw2, db2] = gradients(loss, [w1, b1, w2, b2]);
    return { loss, dw1, db1, dw2, db2 };
  },
  { x: [numPoints, 1], target: [numPoints, 1], w1: [hidden, 1], b1: [hidden], w2: [1, hidden], b2: [1] },
);

const x = Float32Array.from({ length: numPoints }, (_, i) => (2 * i) / (numPoints - 1) - 1);
const target = x.map((value) => Math.sin(3 * value));

const random = createRandom(7, "weights"); // every number is decided by this seed
const weights = {
  w1: fillNormal(random, new Float32Array(hidden), 2),
  b1: fillNormal(random, new Float32Array(hidden), 1),
  w2: fillNormal(random, new Float32Array(hidden), 1 / Math.sqrt(hidden)),
  b2: new Float32Array(1),
};

const learningRate = 0.05;
for (let i = 0; i <= 2000; i++) {
  const { loss, dw1, db1, dw2, db2 } = await step.run({ x, target, ...weights });
  if (i % 400 === 0) console.log(`step ${String(i).padStart(4)}  loss ${Number(loss.data[0]).toFixed(6)}`);
  const gradientOf = { w1: dw1, b1: db1, w2: dw2, b2: db2 };
  for (const name of /** @type {const} */ (["w1", "b1", "w2", "b2"])) {
    const values = weights[name];
    values.forEach((value, j) => (values[j] = value - learningRate * Number(gradientOf[name].data[j])));
  }
}
await step.dispose();
