import { expect, test } from 'vitest';

import { isRight, type Judgement, score } from './evaluation';

const judgement = (hypothesis: string, ...references: string[]): Judgement => ({
  source: 'W',
  hypothesis: hypothesis.split(' ').filter(Boolean),
  references: references.map((reference) => reference.split(' ')),
  text: hypothesis,
});

test('a word is right if any listed pronunciation matches; the error rate goes to the nearest', () => {
  const judgements = [
    judgement('R IY D', 'R EH D', 'R IY D'), // right: 0 of 3
    judgement('K AE T S', 'K AE T'), // one inserted: 1 of 3
    judgement('D AO', 'D AO G Z', 'D AA G'), // 2 of 4 or 2 of 3: the first of equally near ones
    judgement('', 'AH'), // nothing said: 1 of 1
  ];
  expect(judgements.map(isRight)).toEqual([true, false, false, false]);
  expect(score(judgements)).toEqual({
    examples: 4,
    sequenceErrorRate: 3 / 4,
    tokenErrorRate: (0 + 1 + 2 + 1) / (3 + 3 + 4 + 1),
  });
});

test('tokens are compared whole', () => {
  expect(isRight(judgement('T HH', 'TH H'))).toBe(false);
  expect(isRight({ source: 'a', hypothesis: ['a,b'], references: [['a', 'b']] })).toBe(false);
  expect(score([judgement('AA', 'A A')]).tokenErrorRate).toBe(1);
});
