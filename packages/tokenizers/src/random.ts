/**
 * Numbers from 0 to below 1, the same for the same seed: number i is a hash of the seed and i (the finaliser of
 * MurmurHash3, applied twice).
 */
export function uniform(seed: number): () => number {
  let counter = 0;
  return () => mix(mix(seed | 0) ^ counter++) / 2 ** 32;
}

function mix(value: number): number {
  let h = value + 0x9e3779b9;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
