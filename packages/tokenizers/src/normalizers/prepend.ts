import type { Normalizer } from '../parts';

/** Puts a text before any that is not empty. */
export const prepend = (prefix: string): Normalizer => ({
  normalize: (text) => text.prepend(prefix),
  toJSON: () => ({ type: 'Prepend', prepend: prefix }),
});
