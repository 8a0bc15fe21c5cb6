import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readTokenizer } from '@qkv/tokenizers';
import { Tokenizer as RustTokenizer } from 'tokenizers';
import { afterAll, expect, it } from 'vitest';

import { ADDED, FITS } from '../src/compositions/added';
import { MODELS } from '../src/compositions/models';
import { OPTIONS, PROBES } from '../src/compositions/probes';
import { realTexts, strangeTexts } from '../src/texts';
import type { TokenizerJson } from '../src/tokenizer-json';

const folder = mkdtempSync(join(tmpdir(), 'qkv-parity-'));
afterAll(() => rmSync(folder, { recursive: true }));

const texts = [...realTexts(60), ...strangeTexts(60)].map((text) => text.slice(0, 60));
/** Each kind of part and option once or more; large vocabularies only where they are the point. */
const large =
  /^(o200k_base|Llama 3|RoBERTa.*|Llama 2, Metaspace|added tokens.*(GPT-2|Llama 2).*|(BERT|no post-processor) (cut|padded).*)$/;
const compositions = [...MODELS, ...OPTIONS, ...ADDED, ...FITS, ...PROBES].filter(
  ({ name }) => name === 'RoBERTa' || !large.test(name),
);

/** Scores as numbers of 32 bits: the Rust library's reader of JSON misses the last bit of some. */
function parsed(text: string): TokenizerJson {
  const json = JSON.parse(text) as TokenizerJson;
  const { vocab } = json.model as unknown as { vocab: object | [string, number][] };
  if (Array.isArray(vocab)) for (const entry of vocab) entry[1] = Math.fround(entry[1]);
  return json;
}

it.each(compositions.map((one) => [one.name, one] as const))('%s', async (_, { json }) => {
  const given = JSON.stringify(json());
  const written = JSON.stringify(readTokenizer(given));
  expect(JSON.stringify(readTokenizer(written))).toBe(written);

  // What the Rust library writes, to the last field; and it reads what ours writes.
  const path = join(folder, 'tokenizer.json');
  const rust = RustTokenizer.fromString(given);
  rust.save(path);
  const saved = readFileSync(path, 'utf8');
  expect(parsed(written)).toEqual(parsed(saved));
  expect(parsed(JSON.stringify(readTokenizer(saved)))).toEqual(parsed(written));

  const [before, after] = await Promise.all(
    [rust, RustTokenizer.fromString(written)].map((tokenizer) => tokenizer.encodeBatch(texts)),
  );
  expect(after.map((encoding) => encoding.getIds())).toEqual(before.map((encoding) => encoding.getIds()));
});
