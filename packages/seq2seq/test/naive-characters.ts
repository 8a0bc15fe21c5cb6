import { linear, rowsOf, vectorOf, type Weights } from './naive-blocks';

/** Kim et al. 2016, Eq. 2 and 3, without the highway: one word's characters → its vector. Zeros follow the last character. */
export function naiveWord(weights: Weights, name: string, characters: readonly number[]): number[] {
  const E = rowsOf(weights, `${name}.embedding.weight`);
  const features: number[] = [];
  for (let n = 0; weights.has(`${name}.convolutions.${n}.weight`); n++) {
    const { shape, data } = weights.get(`${name}.convolutions.${n}.weight`)!;
    const bias = vectorOf(weights, `${name}.convolutions.${n}.bias`)!;
    const [filters, C, w] = shape;
    for (let f = 0; f < filters; f++) {
      const responses = characters.map((_, at) => {
        let value = bias[f];
        for (let k = 0; k < w && at + k < characters.length; k++) {
          for (let c = 0; c < C; c++) value += data[(f * C + c) * w + k] * E[characters[at + k]][c];
        }
        return Math.tanh(value);
      });
      features.push(characters.length === 0 ? 0 : Math.max(...responses));
    }
  }
  return linear(weights, `${name}.output`, [features])[0];
}
