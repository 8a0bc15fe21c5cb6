import { readTokenizer } from '@qkv/tokenizers';
import { expect, test } from 'vitest';

import { renderTokens, visible, widthOf } from './token-picture';

const tokenizer = readTokenizer({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: { type: 'BertProcessing', sep: ['[SEP]', 8], cls: ['[CLS]', 9] },
  decoder: null,
  model: {
    type: 'WordPiece',
    unk_token: '?',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: { '?': 0, un: 1, '##aff': 2, '##able': 3, 世界: 4, '!': 5, '[SEP]': 8, '[CLS]': 9 },
  },
});

test('pieces stand over their tokens, and all lines are equally wide', () => {
  const text = 'unaffable 世界!';
  const picture = renderTokens([text], tokenizer.encode(text), 100);
  expect(picture).toBe(
    [
      'pieces       │unaffable       │世界 │!    │     │',
      'tokens  [CLS]│un │##aff│##able│世界 │!    │[SEP]│',
      'ids     9    │1  │2    │3     │4    │5    │8    │',
      'offsets      │0–2│2–5  │5–9   │10–12│12–13│     │',
    ].join('\n'),
  );
  expect(new Set(picture.split('\n').map(widthOf)).size).toBe(1);
});

test('a narrow terminal gets blocks; a pair keeps its texts apart', () => {
  const [text, pair] = ['unaffable', 'un 世界'];
  const blocks = renderTokens([text, pair], tokenizer.encode(text, { pair }), 30).split('\n\n');
  expect(blocks.length).toBeGreaterThan(1);
  for (const block of blocks) for (const line of block.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(30);
  expect(blocks.join('\n')).toMatch(/世界/);
  expect(renderTokens([''], tokenizer.encode('', { addSpecialTokens: false }), 30)).toBe('no tokens');
});

test('what cannot be seen is escaped', () => {
  expect(visible('a\nb\t\u0000\u001b[31m\u200d\u2028')).toBe('a\\nb\\t\\u0000\\u001b[31m\\u{200d}\\u{2028}');
  expect(visible('Ġ▁é世 ')).toBe('Ġ▁é世 ');
});
