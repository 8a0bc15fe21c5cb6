import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Tokenizer, type TokenizerPreset, trainTokenizer } from '@qkv/tokenizers';
import { Tokenizer as RustTokenizer } from 'tokenizers';
import { afterAll, describe, expect, it } from 'vitest';

import { botchan, tatoeba } from '../src/data';

/** The Rust library trains from files, and keeps the ends of their lines. */
const folder = mkdtempSync(join(tmpdir(), 'qkv-parity-'));
afterAll(() => rmSync(folder, { recursive: true }));
const corpora = {
  botchan: () => botchan(),
  Tatoeba: () => tatoeba().slice(0, 12_000).flat(),
};

/** Its binding trains with default options only: 30,000 tokens, 8,000 pieces, no special tokens, no initial alphabet. */
const EMPTY: Readonly<Record<string, object>> = {
  BPE: { type: 'BPE', vocab: {}, merges: [] },
  WordPiece: {
    type: 'WordPiece',
    vocab: {},
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
  },
  WordLevel: { type: 'WordLevel', vocab: {}, unk_token: '<unk>' },
  Unigram: { type: 'Unigram', unk_id: null, vocab: [], byte_fallback: false },
};

interface Trained {
  /** In the order of ids, special tokens left out. */
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
  readonly scores: readonly number[];
}

type ModelJson = { vocab: Record<string, number> | [string, number][]; merges?: [string, string][] };

function learned({ vocab, merges = [] }: ModelJson, leftOut: ReadonlySet<string>): Trained {
  const entries = Array.isArray(vocab) ? vocab : Object.entries(vocab).sort((a, b) => a[1] - b[1]);
  const kept = entries.filter(([token]) => !leftOut.has(token));
  return {
    tokens: kept.map(([token]) => token),
    merges: merges.map(([left, right]) => `${left} ${right}`),
    scores: Array.isArray(vocab) ? kept.map(([, score]) => score) : [],
  };
}

const modelOf = (tokenizer: Tokenizer): ModelJson & { type: string } => tokenizer.toJSON().model as never;

function rustTrained(ours: Tokenizer, lines: readonly string[]): ModelJson {
  const [input, output] = [join(folder, 'corpus.txt'), join(folder, 'trained.json')];
  writeFileSync(input, lines.join(''));
  const json = { ...ours.toJSON(), added_tokens: [], post_processor: null, model: EMPTY[modelOf(ours).type] };
  const rust = RustTokenizer.fromString(JSON.stringify(json));
  rust.train([input]);
  rust.save(output);
  return (JSON.parse(readFileSync(output, 'utf8')) as { model: ModelJson }).model;
}

/** Entries of two lists that are at different places, or in one of them only. */
function divergences(a: readonly string[], b: readonly string[]): string[] {
  const places = new Map(b.map((entry, i) => [entry, i]));
  const found = a.flatMap((entry, i) => {
    const place = places.get(entry);
    return place === i
      ? []
      : [`${JSON.stringify(entry)}: ours at ${i}, Rust ${place === undefined ? 'nowhere' : `at ${place}`}`];
  });
  const own = new Set(a);
  return [...found, ...b.filter((entry) => !own.has(entry)).map((entry) => `${JSON.stringify(entry)}: Rust only`)];
}

interface Case {
  readonly preset: TokenizerPreset;
  readonly vocabSize: number;
  /** Whether the Rust library gives the letters of a word other ids on each run: then places say nothing, only presence. */
  readonly shuffled?: boolean;
}

const cases: readonly Case[] = [
  { preset: 'bpe', vocabSize: 30_000 },
  { preset: 'sentencepiece-bpe', vocabSize: 30_000 },
  { preset: 'wordpiece', vocabSize: 30_000, shuffled: true },
  { preset: 'unigram', vocabSize: 8000 },
  { preset: 'word', vocabSize: 30_000 },
];

describe.each(Object.entries(corpora))('%s', (corpus, texts) => {
  it.each(cases.map((one) => [one.preset, one] as const))('%s', (_, { preset, vocabSize, shuffled = false }) => {
    const lines = texts().map((text) => `${text}\n`);
    const probe = trainTokenizer(lines.slice(0, 1), { preset, vocabSize: 1000 });
    const theirModel = rustTrained(probe, lines);
    const special = new Set(probe.addedTokens.map(({ content }) => content));
    if (preset === 'sentencepiece-bpe') {
      for (let byte = 0; byte < 256; byte++) {
        special.add(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      }
    }
    // Ours has all 256 bytes, whether they occur or not.
    const theirs = learned(theirModel, special);
    if (preset === 'bpe') {
      const occurring = new Set(theirs.tokens);
      for (const token of Object.keys(modelOf(probe).vocab)) {
        if ([...token].length === 1 && !occurring.has(token)) special.add(token);
      }
    }
    const started = performance.now();
    const trained = trainTokenizer(lines, { preset, vocabSize: vocabSize + special.size });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const ours = learned(modelOf(trained), special);
    const order = (list: readonly string[]): readonly string[] => (shuffled ? [...list].sort() : list);
    const found = [
      ...divergences(order(ours.tokens), order(theirs.tokens)),
      ...divergences(ours.merges, theirs.merges),
    ];
    const worst = ours.scores.reduce((max, score, i) => Math.max(max, Math.abs(score - theirs.scores[i])), 0);
    const scores = ours.scores.length === 0 ? '' : `, scores within ${worst.toExponential(1)}`;
    console.log(
      `${corpus}, ${preset}: ${ours.tokens.length} tokens, ${ours.merges.length} merges in ${seconds} s, ` +
        `${found.length} divergences${scores}${found
          .map((line) => `\n  ${line}`)
          .slice(0, 20)
          .join('')}`,
    );
    expect(theirs.tokens.length).toBeGreaterThan(500);
    expect(found.length).toBeLessThanOrEqual((ours.tokens.length + ours.merges.length) / 1000);
    expect(worst).toBeLessThan(1e-6);
  });
});
