import { attend, attentionScores, attentionWeights, type AttentionFormula } from '@qkv/attention';
import { loadGolden } from '@qkv/goldens';
import { Linear, Module } from '@qkv/nn';
import { Parameter, relu, softmax, type Tensor, zeros } from '@qkv/tensor';
import { test } from 'vitest';

import { type Place, verify } from './verify';

type Outputs = Record<string, Tensor>;

/** Bahdanau's score: W_q q + b and W_k k are projections, v is the score's own. */
class Additive extends Module {
  readonly query = new Linear({ inputs: 6, outputs: 8 });
  readonly key = new Linear({ inputs: 5, outputs: 8, bias: false });
  readonly vector = new Parameter({ shape: [8], initialize: () => zeros([8]) });

  override forward({ q, k, v, G }: Record<string, Tensor>): Outputs {
    const [queries, keys] = [this.query.forward(q).unsqueeze(2), this.key.forward(k).unsqueeze(2)]; // one head
    const score = { additive: this.vector.value };
    const y = attend(queries, keys, v.unsqueeze(2), { score }).squeeze(2); // (B, T, Dv)
    return {
      score: attentionScores(queries, keys, score).squeeze(1),
      attn: attentionWeights(queries, keys, { score }).squeeze(1),
      y,
      loss: y.mul(G).sum(),
    };
  }
}

/** One head without biases. */
abstract class SelfAttention extends Module {
  readonly query = new Linear({ inputs: 6, outputs: 5, bias: false });
  readonly key = new Linear({ inputs: 6, outputs: 5, bias: false });
  readonly value = new Linear({ inputs: 6, outputs: 5, bias: false });
}

/** A token a row: softmax(QKᵀ/√d)V. */
class Rows extends SelfAttention {
  override forward({ a, G }: Record<string, Tensor>, normalization: 'softmax' | 'relu'): Outputs {
    const head = (layer: Linear): Tensor => layer.forward(a).unsqueeze(0).unsqueeze(2); // (1, T, 1, Dh)
    const [q, k, v] = [this.query, this.key, this.value].map(head);
    const formula: AttentionFormula = { normalization };
    const factor = normalization === 'relu' ? 4 : 1; // the lecture's ReLU is not divided by the length
    const b = attend(q, k, v, formula).mul(factor).reshape([4, 5]);
    return {
      score: attentionScores(q, k).reshape([4, 4]),
      attn: attentionWeights(q, k, formula).mul(factor).reshape([4, 4]),
      b,
      loss: b.mul(G).sum(),
    };
  }
}

/** A token a column, as the lecture writes it: V·softmax(KᵀQ/√d), the softmax down the columns. */
class Columns extends SelfAttention {
  override forward({ a, G }: Record<string, Tensor>, normalization: 'softmax' | 'relu'): Outputs {
    const columns = a.transpose(); // (D, T)
    const [q, k, v] = [this.query, this.key, this.value].map((layer) => layer.weight.value.matmul(columns)); // (Dh, T)
    const score = k
      .transpose()
      .matmul(q)
      .mul(1 / Math.sqrt(5)); // (S, T)
    const attn = normalization === 'softmax' ? softmax(score, 0) : relu(score);
    const b = v.matmul(attn); // (Dh, T)
    return { score: score.transpose(), attn: attn.transpose(), b: b.transpose(), loss: b.mul(G.transpose()).sum() };
  }
}

export function attentionGoldens(place: () => Promise<Place>): void {
  test('attn_additive', async () => {
    const module = new Additive();
    const links = { 'query.weight': 'Wq', 'query.bias': 'b', 'key.weight': 'Wk', vector: 'v_a' };
    await verify(await loadGolden('attn_additive'), await place(), {
      module,
      links: Object.entries(links).map(([ours, torch]) => ({ ours, torch })),
      compute: (inputs) => module.forward(inputs),
    });
  });

  test.each([
    ['softmax', 'rows', Rows],
    ['softmax', 'columns', Columns],
    ['relu', 'rows', Rows],
    ['relu', 'columns', Columns],
  ] as const)('lecture_selfattn_%s, %s', async (normalization, _, Convention) => {
    const module = new Convention();
    const links = { query: 'Wq', key: 'Wk', value: 'Wv' };
    await verify(await loadGolden(`lecture_selfattn_${normalization}`), await place(), {
      module,
      links: Object.entries(links).map(([name, torch]) => ({ ours: `${name}.weight`, torch })),
      compute: (inputs) => module.forward(inputs, normalization),
    });
  });
}
