import { inputs, randomNumbers } from '../workload.mjs';

/** The encoder of the workload, written with tfjs. */

/** x Φ(x), exactly. */
export const gelu = (/** @type {any} */ tf, /** @type {any} */ x) =>
  tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

export function layerNorm(
  /** @type {any} */ tf,
  /** @type {any} */ x,
  /** @type {any} */ gain,
  /** @type {any} */ bias,
  /** @type {number} */ epsilon,
) {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), gain), bias);
}

/** @returns its forward pass, its input, and a step of training that gives the loss */
export function createClassifier(/** @type {any} */ tf, /** @type {import('../workload.mjs').Model} */ model) {
  const { B, T, D, H, F, layers, classes, patch, epsilon, learningRate, beta1, beta2, adamEpsilon } = model;
  const random = randomNumbers();
  let parameters = 0;
  const draw = (/** @type {number[]} */ shape, /** @type {() => number} */ value) => {
    const length = shape.reduce((n, size) => n * size, 1);
    parameters += length;
    return tf.variable(tf.tensor(Float32Array.from({ length }, value), shape));
  };
  const linear = (/** @type {number} */ rows, /** @type {number} */ columns) => ({
    w: draw([rows, columns], () => (2 * random()) / Math.sqrt(rows)),
    b: draw([columns], () => 0),
  });
  const norm = () => ({ gain: draw([D], () => 1), bias: draw([D], () => 0) });
  const stack = Array.from({ length: layers }, () => ({
    norm1: norm(),
    q: linear(D, D),
    k: linear(D, D),
    v: linear(D, D),
    o: linear(D, D),
    norm2: norm(),
    inner: linear(D, F),
    outer: linear(F, D),
  }));
  const [last, head] = [norm(), linear(D, classes)];
  const small = () => 0.04 * random();
  const patches =
    patch > 0 ? { ...linear(patch, D), token: draw([1, 1, D], small), positions: draw([1, T, D], small) } : null;

  const apply = (/** @type {any} */ x, /** @type {any} */ p) => tf.add(tf.matMul(x, p.w), p.b); // (rows, ·)
  const normalize = (/** @type {any} */ x, /** @type {any} */ p) => layerNorm(tf, x, p.gain, p.bias, epsilon);
  const split = (/** @type {any} */ x) => tf.transpose(tf.reshape(x, [B, T, H, D / H]), [0, 2, 1, 3]); // (B, H, T, Dh)
  const attention = (/** @type {any} */ x, /** @type {any} */ p) => {
    const [q, k, v] = [p.q, p.k, p.v].map((one) => split(apply(x, one)));
    const weights = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(D / H))); // (B, H, T, T)
    const heads = tf.transpose(tf.matMul(weights, v), [0, 2, 1, 3]); // (B, T, H, Dh)
    return apply(tf.reshape(heads, [B * T, D]), p.o);
  };
  const embed = (/** @type {any} */ x) => {
    if (patches === null) return tf.reshape(x, [B * T, D]);
    const embedded = tf.reshape(apply(tf.reshape(x, [B * (T - 1), patch]), patches), [B, T - 1, D]);
    const all = tf.concat([tf.tile(patches.token, [B, 1, 1]), embedded], 1); // (B, T, D)
    return tf.reshape(tf.add(all, patches.positions), [B * T, D]);
  };
  const forward = (/** @type {any} */ input) => {
    let x = embed(input); // (B T, D)
    for (const p of stack) {
      x = tf.add(x, attention(normalize(x, p.norm1), p));
      x = tf.add(x, apply(gelu(tf, apply(normalize(x, p.norm2), p.inner)), p.outer));
    }
    const y = tf.reshape(normalize(x, last), [B, T, D]);
    const pooled = patches === null ? tf.mean(y, 1) : tf.reshape(tf.slice(y, [0, 0, 0], [B, 1, D]), [B, D]);
    return apply(pooled, head); // (B, classes)
  };

  const batch = inputs(model);
  const x = tf.tensor(batch.x, batch.shape);
  const target = tf.oneHot(tf.tensor1d(batch.labels, 'int32'), classes);
  const optimizer = tf.train.adam(learningRate, beta1, beta2, adamEpsilon);
  const train = () => {
    const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(target, forward(x)), true);
    const [value] = loss.dataSync();
    loss.dispose();
    return value;
  };
  return { forward, x, train, parameters };
}
