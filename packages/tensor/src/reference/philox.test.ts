import { expect, test } from 'vitest';

import { philox } from './philox';

// Known answers of Random123 1.14 (tests/kat_vectors, philox4x32 with 10 rounds): counter, key, words.
const ANSWERS: readonly (readonly [string, string, string])[] = [
  ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
  ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
];

const words = (text: string): number[] => text.split(' ').map((word) => Number.parseInt(word, 16));

test.each(ANSWERS)('counter %s, key %s', (counter, key, answer) => {
  expect(philox(words(counter) as never, words(key) as never)).toEqual(words(answer));
  // Signed words, as int32 tensors hold them, are the same words.
  expect(philox(words(counter).map((w) => w | 0) as never, words(key).map((w) => w | 0) as never)).toEqual(words(answer));
});

test('equals ten rounds in exact arithmetic', () => {
  const exact = (counter: number[], key: number[]): number[] => {
    let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
    let [k0, k1] = key.map(BigInt) as [bigint, bigint];
    for (let round = 0; round < 10; round++) {
      const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
      [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & 0xffffffffn, (p0 >> 32n) ^ c3 ^ k1, p0 & 0xffffffffn];
      [k0, k1] = [(k0 + 0x9e3779b9n) & 0xffffffffn, (k1 + 0xbb67ae85n) & 0xffffffffn];
    }
    return [c0, c1, c2, c3].map(Number);
  };
  let seed = 1;
  const next = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  for (let i = 0; i < 500; i++) {
    const counter = [next(), next(), next(), next()];
    const key = [next(), next()];
    expect(philox(counter as never, key as never)).toEqual(exact(counter, key));
  }
});
