import type { Tokenizer } from '@qkv/tokenizers';

import { readTokenizerFile, type TokenizerFile } from '../../data/tokenizer-file';
import { Failure } from '../../failure';
import { out } from '../../terminal/colors';
import { renderTokens, visible, widthOf } from '../../terminal/token-picture';

export interface InspectOptions {
  /** A text to show as tokens. */
  readonly text?: string;
  readonly pair?: string;
  readonly json?: boolean;
}

/** How many of the longest tokens are shown, and how many of the special ones. */
const LONGEST = 10;
const SPECIAL = 20;
/** Columns where the terminal does not say. */
const WIDTH = 100;

/** `tokenizer inspect`: what a tokenizer is made of, and what it makes of a text. */
export async function inspectTokenizer(path: string, { text, pair, json }: InspectOptions): Promise<void> {
  if (pair !== undefined && text === undefined)
    throw new Failure('--pair is a second text: give the first with --text');
  const file = await readTokenizerFile(path);
  const { tokenizer } = file;
  const encoding = text === undefined ? undefined : tokenizer.encode(text, { pair, padding: null });
  if (json) {
    const { ids, tokens, offsets } = encoding ?? {};
    const shown = encoding && { ids: [...ids!], tokens, offsets };
    console.log(JSON.stringify({ ...factsOf(file), encoding: shown }));
    return;
  }
  console.log(describe(file));
  if (encoding === undefined) return;
  const texts = pair === undefined ? [text!] : [text!, pair];
  console.log(`\n${renderTokens(texts, encoding, process.stdout.columns ?? WIDTH)}`);
}

type Part = Readonly<Record<string, unknown>> | null;

function factsOf({ path, tokenizer }: TokenizerFile) {
  const { normalizer, preTokenizer, model, postProcessor, decoder, truncation, padding } = tokenizer;
  const parts = { normalizer, preTokenizer, model, postProcessor, decoder };
  return {
    path,
    size: tokenizer.size,
    idBound: tokenizer.idBound,
    parts: Object.fromEntries(
      Object.entries(parts).map(([name, part]) => [name, part === null ? null : summary(part.toJSON())]),
    ),
    truncation,
    padding,
    specialTokens: tokenizer.addedTokens.filter(({ special }) => special).map(({ id, content }) => ({ id, content })),
    addedTokens: tokenizer.addedTokens.filter(({ special }) => !special).map(({ id, content }) => ({ id, content })),
    longestTokens: longestOf(tokenizer),
  };
}

function describe(file: TokenizerFile): string {
  const { path, size, idBound, parts, truncation, padding, specialTokens, addedTokens, longestTokens } = factsOf(file);
  const named = (tokens: readonly { id: number; content: string }[]): string =>
    tokens
      .slice(0, SPECIAL)
      .map(({ id, content }) => `${visible(content)} ${out.dim(String(id))}`)
      .concat(tokens.length > SPECIAL ? [`and ${count(tokens.length - SPECIAL)} more`] : [])
      .join(', ');
  const rows: [string, string][] = [
    ['file', path],
    ['vocabulary', `${count(size)} tokens, ids from 0 to ${count(idBound - 1)}`],
    ['normalizer', parts.normalizer ?? ''],
    ['pre-tokenizer', parts.preTokenizer ?? ''],
    ['model', parts.model ?? ''],
    ['post-processor', parts.postProcessor ?? ''],
    ['decoder', parts.decoder ?? ''],
    ['truncation', truncation === null ? '' : JSON.stringify(truncation)],
    ['padding', padding === null ? '' : JSON.stringify(padding)],
    ['special tokens', named(specialTokens)],
    ['added tokens', named(addedTokens)],
    ['longest tokens', named(longestTokens)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(15)} ${value === '' ? '–' : value}`).join('\n');
}

/** `Sequence(NFD, Lowercase)`, `Metaspace(replacement ▁, …)`, `BPE(vocab: 8,000, merges: 7,743)` */
function summary(part: Part): string {
  if (part === null) return '';
  const { type, ...options } = part;
  const shown = Object.entries(options).flatMap(([name, value]): string[] => {
    if (value === null || value === false || value === '') return [];
    if (Array.isArray(value)) {
      const isParts = value.length < 20 && value.every((item) => typeof (item as Part)?.type === 'string');
      return isParts ? value.map((item) => summary(item as Part)) : [`${count(value.length)} ${name}`];
    }
    if (value === true) return [name];
    if (typeof value === 'object') return [describeObject(name, value)];
    return [`${name} ${visible(shorten(String(value)))}`];
  });
  return shown.length === 0 ? String(type) : `${String(type)}(${shown.join(', ')})`;
}

/** A pattern, a vocabulary, or what only counts. */
function describeObject(name: string, value: object): string {
  const entries = Object.entries(value);
  if (entries.length === 1 && typeof entries[0][1] === 'string') return `${name} ${visible(shorten(entries[0][1]))}`;
  return `${count(entries.length)} ${name}`;
}

/** The longest tokens of the model, in places of a terminal. */
function longestOf(tokenizer: Tokenizer): { id: number; content: string }[] {
  const added = new Set(tokenizer.addedTokens.map(({ id }) => id));
  const longest: { id: number; content: string; width: number }[] = [];
  const { model } = tokenizer; // not the tokenizer's ids: an added token may have any
  for (let id = 0; id < model.idBound; id++) {
    const content = model.idToToken(id);
    if (content === undefined || added.has(id)) continue;
    const least = longest.at(-1);
    if (longest.length === LONGEST && content.length <= least!.width / 2) continue;
    const width = widthOf(content);
    if (longest.length === LONGEST && width <= least!.width) continue;
    longest.push({ id, content, width });
    longest.sort((a, b) => b.width - a.width || a.id - b.id);
    longest.length = Math.min(longest.length, LONGEST);
  }
  return longest.map(({ id, content }) => ({ id, content }));
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
const count = (n: number): string => n.toLocaleString('en');
