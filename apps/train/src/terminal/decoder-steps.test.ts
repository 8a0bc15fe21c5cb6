import { expect, test } from 'vitest';

import { renderDecoderSteps } from './decoder-steps';

test('a line for each step, what followed marked, columns of wide characters aligned', () => {
  const text = renderDecoderSteps([
    {
      given: 'START',
      candidates: [
        { token: '你', probability: 0.75 },
        { token: '嗨', probability: 0.125 },
      ],
      chosen: '你',
    },
    {
      given: '你',
      candidates: [
        { token: '好', probability: 0.5 },
        { token: '们', probability: 0.25 },
      ],
      chosen: 'END',
    },
    { given: 'é', candidates: [{ token: 'END', probability: 1 }], chosen: undefined },
  ]);
  expect(text.split('\n')).toEqual([
    '  START → *你 75.0 %  嗨 12.5 %',
    '  你    → 好 50.0 %  们 25.0 %  … *END',
    '  é     → END 100.0 %',
  ]);
});
