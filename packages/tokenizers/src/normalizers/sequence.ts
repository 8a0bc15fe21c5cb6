import type { Normalizer } from '../parts';

/** Several normalizers, one after the other. */
export const sequence = (normalizers: readonly Normalizer[]): Normalizer => ({
  normalize: (text) => normalizers.reduce((result, normalizer) => normalizer.normalize(result), text),
  toJSON: () => ({ type: 'Sequence', normalizers: normalizers.map((normalizer) => normalizer.toJSON()) }),
});
