import { ATTENTION_SIZES, randomNumbers } from '../workload.mjs';

/** The workloads as ONNX graphs. */

/** @returns {import('./encoder.mjs').Graph} c = a b, operands as they are stored */
export function gemmGraph(/** @type {import('../workload.mjs').GemmItem} */ { M, N, K, layout }) {
  const [transA, transB] = [layout[0] === 'T' ? 1 : 0, layout[1] === 'T' ? 1 : 0];
  return {
    inputs: [
      { name: 'a', shape: transA ? [K, M] : [M, K] },
      { name: 'b', shape: transB ? [N, K] : [K, N] },
    ],
    outputs: [{ name: 'c', shape: [M, N] }],
    nodes: [{ op: 'Gemm', inputs: ['a', 'b'], outputs: ['c'], attributes: { transA, transB } }],
  };
}

/** @returns {import('./encoder.mjs').Graph} */
export function elementwiseGraph(/** @type {import('../workload.mjs').ElementwiseItem} */ { op, shape }) {
  const row = { shape: [shape[1]] };
  const operations = {
    add: { op: 'Add', more: [{ name: 'y', shape }], attributes: {} },
    gelu: { op: 'Gelu', more: [], attributes: {} },
    softmax: { op: 'Softmax', more: [], attributes: { axis: -1 } },
    'layer norm': {
      op: 'LayerNormalization',
      more: [
        { name: 'gain', ...row },
        { name: 'bias', ...row },
      ],
      attributes: { axis: -1, epsilon: { float: 1e-5 } },
    },
  };
  const { op: name, more, attributes } = operations[op];
  const ports = [{ name: 'x', shape }, ...more];
  return {
    inputs: ports,
    outputs: [{ name: 'result', shape }],
    nodes: [{ op: name, inputs: ports.map((port) => port.name), outputs: ['result'], attributes }],
  };
}

/** @returns {import('./encoder.mjs').Graph} softmax(q kᵀ/√Dh) v; heads before positions, as its products want them */
export function attentionGraph(/** @type {{ T: number }} */ { T }) {
  const { B, H, Dh } = ATTENTION_SIZES;
  const shape = [B, H, T, Dh];
  return {
    inputs: ['q', 'k', 'v'].map((name) => ({ name, shape })),
    outputs: [{ name: 'result', shape }],
    initializers: [{ name: 'scale', shape: [], data: Float32Array.of(1 / Math.sqrt(Dh)) }],
    nodes: [
      { op: 'Transpose', inputs: ['k'], outputs: ['kt'], attributes: { perm: [0, 1, 3, 2] } },
      { op: 'Mul', inputs: ['q', 'scale'], outputs: ['scaled'] },
      { op: 'MatMul', inputs: ['scaled', 'kt'], outputs: ['scores'] },
      { op: 'Softmax', inputs: ['scores'], outputs: ['weights'], attributes: { axis: -1 } },
      { op: 'MatMul', inputs: ['weights', 'v'], outputs: ['result'] },
    ],
  };
}

/** Collects nodes and weights; every method gives the name of its result. */
class Builder {
  /** @type {import('./encoder.mjs').OnnxNode[]} */
  nodes = [];
  /** @type {import('./encoder.mjs').Initializer[]} */
  initializers = [];
  #random = randomNumbers();
  #count = 0;

  /** @returns {string} */
  add(
    /** @type {string} */ op,
    /** @type {readonly string[]} */ inputs,
    /** @type {import('./encoder.mjs').Attributes} */ attributes = {},
  ) {
    const name = `t${this.#count++}`;
    this.nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  }

  /** @returns {string} */
  weight(/** @type {readonly number[]} */ shape, /** @type {number | undefined} */ value = undefined) {
    const name = `w${this.#count++}`;
    const length = shape.reduce((n, size) => n * size, 1);
    const draw = () => value ?? (2 * this.#random()) / Math.sqrt(shape[0]);
    this.initializers.push({ name, shape, data: Float32Array.from({ length }, draw) });
    return name;
  }

  /** @returns {string} */
  integers(/** @type {readonly number[]} */ values) {
    const name = `i${this.#count++}`;
    this.initializers.push({ name, shape: [values.length], data: BigInt64Array.from(values.map(BigInt)) });
    return name;
  }

  linear(/** @type {string} */ x, /** @type {number} */ inputs, /** @type {number} */ outputs) {
    return this.add('Add', [this.add('MatMul', [x, this.weight([inputs, outputs])]), this.weight([outputs], 0)]);
  }

  norm(/** @type {string} */ x, /** @type {number} */ size, /** @type {number} */ epsilon) {
    const attributes = { axis: -1, epsilon: { float: epsilon } };
    return this.add('LayerNormalization', [x, this.weight([size], 1), this.weight([size], 0)], attributes);
  }
}

/** The encoder's forward pass, mean over positions, logits. @returns {import('./encoder.mjs').Graph} */
export function encoderGraph(
  /** @type {import('../workload.mjs').Model} */ { B, T, D, H, F, layers, classes, epsilon },
) {
  const g = new Builder();
  const [split, merged] = [g.integers([B, T, H, D / H]), g.integers([B, T, D])];
  const scale = g.weight([], 1 / Math.sqrt(D / H));
  const heads = (/** @type {string} */ x, /** @type {number[]} */ perm) =>
    g.add('Transpose', [g.add('Reshape', [g.linear(x, D, D), split])], { perm });
  let x = 'x';
  for (let i = 0; i < layers; i++) {
    const normed = g.norm(x, D, epsilon);
    const [q, k, v] = [
      [0, 2, 1, 3],
      [0, 2, 3, 1],
      [0, 2, 1, 3],
    ].map((perm) => heads(normed, perm)); // k (B, H, Dh, T)
    const weights = g.add('Softmax', [g.add('MatMul', [g.add('Mul', [q, scale]), k])], { axis: -1 }); // (B, H, T, T)
    const together = g.add('Transpose', [g.add('MatMul', [weights, v])], { perm: [0, 2, 1, 3] }); // (B, T, H, Dh)
    x = g.add('Add', [x, g.linear(g.add('Reshape', [together, merged]), D, D)]);
    const inner = g.add('Gelu', [g.linear(g.norm(x, D, epsilon), D, F)]);
    x = g.add('Add', [x, g.linear(inner, F, D)]);
  }
  const pooled = g.add('ReduceMean', [g.norm(x, D, epsilon), g.integers([1])], { keepdims: 0 }); // (B, D)
  const logits = g.linear(pooled, D, classes);
  return {
    inputs: [{ name: 'x', shape: [B, T, D] }],
    outputs: [{ name: logits, shape: [B, classes] }],
    initializers: g.initializers,
    nodes: g.nodes,
  };
}
