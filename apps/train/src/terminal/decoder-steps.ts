import type { DecoderStep } from '../model/decoder-steps';

/** A line for each step: what was put in, and what might follow; `*` stands before what did. */
export function renderDecoderSteps(steps: readonly DecoderStep[]): string {
  const width = Math.max(...steps.map(({ given }) => columnsOf(given)));
  const lines = steps.map(({ given, candidates, chosen }) => {
    const listed = candidates.map(
      ({ token, probability }) => `${token === chosen ? '*' : ''}${token} ${(100 * probability).toFixed(1)} %`,
    );
    const outside = chosen === undefined || candidates.some(({ token }) => token === chosen) ? [] : [`… *${chosen}`];
    return `  ${given}${' '.repeat(width - columnsOf(given))} → ${[...listed, ...outside].join('  ')}`;
  });
  return lines.join('\n');
}

/** Columns of a terminal: Chinese, Japanese and Korean characters take two. */
const columnsOf = (text: string): number =>
  Array.from(text).reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uff60]/u;
