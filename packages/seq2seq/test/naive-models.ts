import {
  addRows,
  attention,
  feedForward,
  gatedConvolution,
  linear,
  type Matrix,
  norm,
  recurrence,
  residual,
  rowsOf,
  type Variant,
  vectorOf,
  type Weights,
} from './naive-blocks';

/** x, and what each layer of the encoder makes of it, each through the final norm if there is one. */
export function encoderOutputs(
  weights: Weights,
  name: string,
  x: Matrix,
  causal: boolean,
  variant: Variant,
): number[][][] {
  const owner = `${name}.layers.0`;
  const all: Matrix[] = [x];
  for (let i = 0; weights.has(`${name}.layers.${i}.norm1.gain`) || weights.has(`${name}.layers.${i}.norm.gain`); i++) {
    const layer = `${name}.layers.${i}`;
    const mix = (y: Matrix): Matrix => {
      if (weights.has(`${layer}.convolution.weight`)) return gatedConvolution(weights, `${layer}.convolution`, y);
      if (!weights.has(`${layer}.selfAttention.query.weight`)) return recurrence(weights, `${layer}.recurrence`, y);
      return attention(weights, `${layer}.selfAttention`, y, y, { causal, owner }, variant);
    };
    const hasFeedForward = weights.has(`${layer}.feedForward.inner.weight`);
    const h = residual(weights, layer, hasFeedForward ? 1 : '', all[i], mix, variant);
    const feed = (y: Matrix): Matrix => feedForward(weights, `${layer}.feedForward`, y, variant);
    all.push(hasFeedForward ? residual(weights, layer, 2, h, feed, variant) : h);
  }
  return all.map((h) => norm(weights, `${name}.norm`, h, variant.norm));
}

function decoder(weights: Weights, x: Matrix, memories: readonly Matrix[], variant: Variant): number[][] {
  let h = x;
  memories.forEach((memory, i) => {
    const layer = `decoder.layers.${i}`;
    const toSelf = (y: Matrix): Matrix =>
      attention(weights, `${layer}.selfAttention`, y, y, { causal: true, owner: 'decoder.layers.0' }, variant);
    const toMemory = (y: Matrix): Matrix =>
      attention(weights, `${layer}.crossAttention`, y, memory, { causal: false }, variant);
    h = residual(weights, layer, 1, h, toSelf, variant);
    h = residual(weights, layer, 2, h, toMemory, variant);
    h = residual(weights, layer, 3, h, (y) => feedForward(weights, `${layer}.feedForward`, y, variant), variant);
  });
  return norm(weights, 'decoder.norm', h, variant.norm);
}

/** √D E[id] + PE, where the positions are added: Vaswani et al. 2017, sections 3.4 and 3.5. */
export function embedded(
  weights: Weights,
  table: string,
  positions: string,
  ids: readonly number[],
  kind: string,
): number[][] {
  const E = rowsOf(weights, `${table}.weight`);
  return placed(
    weights,
    positions,
    ids.map((id) => E[id].map((value) => value * Math.sqrt(E[id].length))),
    kind,
  );
}

export function placed(weights: Weights, positions: string, x: Matrix, kind: string): number[][] {
  const learned = kind === 'learned' ? rowsOf(weights, `${positions}.weight`) : [];
  return x.map((row, p) =>
    row.map((value, d) => {
      if (kind === 'learned') return value + learned[p][d];
      if (kind !== 'sinusoidal') return value;
      const angle = p / 10000 ** ((d - (d % 2)) / row.length);
      return value + (d % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
    }),
  );
}

/** Logits, by the output layer or else by the table. */
function project(weights: Weights, y: Matrix, table: string): number[][] {
  if (weights.has('output.weight')) return linear(weights, 'output', y);
  const E = rowsOf(weights, `${table}.weight`);
  return y.map((row) => E.map((e) => e.reduce((total, value, d) => total + value * row[d], 0)));
}

export interface TransformerVariant extends Variant {
  readonly wiring: string;
  readonly decoderLayers: number;
}

/** Source and target of one example → logits (T, V). */
export function transformer(
  weights: Weights,
  source: readonly number[],
  target: readonly number[],
  variant: TransformerVariant,
): number[][] {
  const { wiring, decoderLayers, positions } = variant;
  const targetTable = weights.has('targetEmbedding.weight') ? 'targetEmbedding' : 'sourceEmbedding';
  const x = embedded(weights, 'sourceEmbedding', 'sourcePositions', source, positions);
  const outputs = encoderOutputs(weights, 'encoder', x, false, variant);
  const memories = Array.from({ length: decoderLayers }, (_, m): Matrix => {
    if (wiring === 'last') return outputs.at(-1)!;
    if (wiring === 'matching') return outputs[m + 1];
    // Bapna et al. 2018: z_m = Σ_n softmax(w_m)_n h_n
    const e = rowsOf(weights, 'mixture.weight')[m].map(Math.exp);
    const total = e.reduce((a, b) => a + b);
    return outputs
      .map((h, n) => h.map((row) => row.map((value) => (value * e[n]) / total)))
      .reduce((a, b) => addRows(a, b));
  });
  const y = decoder(weights, embedded(weights, targetTable, 'targetPositions', target, positions), memories, variant);
  return project(weights, y, targetTable);
}

/** ids of one example → logits (T, V). */
export function causalTransformer(weights: Weights, ids: readonly number[], variant: Variant): number[][] {
  const x = embedded(weights, 'embedding', 'positions', ids, variant.positions);
  return project(weights, encoderOutputs(weights, 'decoder', x, true, variant).at(-1)!, 'embedding');
}

/** Embedded inputs of one example → tokens (T, D) and pooled (D) of an encoder-only model. */
export function encoderModel(
  weights: Weights,
  inputs: Matrix,
  pooling: string,
  variant: Variant,
): { tokens: number[][]; pooled: number[] } {
  const token = vectorOf(weights, 'classToken');
  const x = placed(weights, 'positions', token === null ? inputs : [token, ...inputs], variant.positions);
  const y = encoderOutputs(weights, 'encoder', x, false, variant).at(-1)!;
  const tokens = token === null ? y : y.slice(1);
  const mean = tokens[0].map((_, d) => tokens.reduce((total, row) => total + row[d], 0) / tokens.length);
  const max = tokens[0].map((_, d) => Math.max(...tokens.map((row) => row[d])));
  return { tokens, pooled: pooling === 'mean' ? mean : pooling === 'max' ? max : y[0] };
}
