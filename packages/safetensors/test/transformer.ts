import type { TensorEntry } from '../src/index';
import { seeded } from './support';

/** Weights under the names and in the shapes of an encoder-decoder Transformer, uniform as after initialisation. */
export function transformerWeights(
  dim: number,
  feedForward: number,
  layers: number,
  vocabulary: number,
): Map<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  const random = seeded(1);
  const add = (name: string, ...shape: number[]): void => {
    const bound = 1 / Math.sqrt(shape.at(-1)!);
    const data = Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      () => (random(2 ** 24) / 2 ** 23 - 1) * bound,
    );
    tensors.set(name, { dtype: 'F32', shape, data });
  };
  const linear = (name: string, outputs: number, inputs: number): void => {
    add(`${name}.weight`, outputs, inputs);
    add(`${name}.bias`, outputs);
  };
  const attention = (name: string): void => {
    for (const part of ['query', 'key', 'value', 'output']) linear(`${name}.${part}`, dim, dim);
  };
  const norm = (name: string): void => {
    add(`${name}.gain`, dim);
    add(`${name}.bias`, dim);
  };
  for (const side of ['encoder', 'decoder']) {
    for (let i = 0; i < layers; i++) {
      const layer = `${side}.layers.${i}`;
      attention(`${layer}.selfAttention`);
      norm(`${layer}.norm1`);
      if (side === 'decoder') {
        attention(`${layer}.crossAttention`);
        norm(`${layer}.norm3`);
      }
      linear(`${layer}.feedForward.first`, feedForward, dim);
      linear(`${layer}.feedForward.second`, dim, feedForward);
      norm(`${layer}.norm2`);
    }
    norm(`${side}.norm`);
  }
  add('sourceEmbedding.table', vocabulary, dim);
  add('targetEmbedding.table', vocabulary, dim);
  return tensors;
}
