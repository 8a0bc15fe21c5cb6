import { expect, test } from 'vitest';

import { renderAttentionMap } from './attention-map';

test('shades by weight, with a legend, in plain characters', () => {
  const text = renderAttentionMap({
    columns: ['C', 'A', 'T'],
    rows: ['K', 'AE', '<end>'],
    weights: [
      [0.9, 0.1, 0],
      [0.2, 0.5, 0.3],
      [0, 0.05, 0.75],
    ],
  });
  expect(text.split('\n')).toEqual([
    '        C A T',
    '    K │ ██░░',
    '   AE │ ░░▓▓▒▒',
    '<end> │     ██',
    '',
    "share of a row's attention: blank below 10 %, ░░ 10–25 %, ▒▒ 25–50 %, ▓▓ 50–75 %, ██ 75 % and more",
  ]);
});
