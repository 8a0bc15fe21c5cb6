import { softmax, tensor, topK } from '@qkv/tensor';

import type { TextModel } from './model';

/** What the decoder thought of the next token. */
export interface DecoderStep {
  /** The token that was put in: START first. */
  readonly given: string;
  /** The most probable next tokens, the best first; probabilities from 0 to 1. */
  readonly candidates: readonly { readonly token: string; readonly probability: number }[];
  /** The token that followed: at the last step END, or undefined where the target was cut before it. */
  readonly chosen: string | undefined;
}

/** The decoder's steps while it writes this target: p(y_t | y_<t, source), the `count` best of each. */
export async function decoderSteps(
  { module, codecs }: TextModel,
  source: Int32Array,
  target: Int32Array,
  { count, finished }: { readonly count: number; readonly finished: boolean },
): Promise<DecoderStep[]> {
  const { start, end, size } = codecs.target;
  const input = Int32Array.of(start, ...target);
  // Forced, the decoder says at each place what it says step by step: no place sees a later one.
  const logits = module.forward(tensor(source, [1, source.length]), tensor(input, [1, input.length])); // (1, T, V)
  const k = Math.min(count, size);
  const best = topK(softmax(logits), k); // (1, T, k) each
  const [values, ids] = await Promise.all([best.values.data(), best.ids.data()]);
  const nameOf = (id: number): string => (id === start ? 'START' : id === end ? 'END' : codecs.target.nameOf(id));
  const next = [...target, ...(finished ? [end] : [])];
  return Array.from(input, (given, t) => ({
    given: nameOf(given),
    candidates: Array.from({ length: k }, (_, i) => ({
      token: nameOf(ids[t * k + i]),
      probability: values[t * k + i],
    })),
    chosen: next[t] === undefined ? undefined : nameOf(next[t]),
  }));
}
