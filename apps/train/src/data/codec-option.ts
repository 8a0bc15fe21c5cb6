import { z } from 'zod';

import { type DataFile, dataFileSchema } from './data-file';

/** Tokenizers that are trained on the pairs, to a size. */
const presets = ['bpe', 'wordpiece', 'unigram', 'sentencepiece-bpe'] as const;
export type SubwordPreset = (typeof presets)[number];
type Unit = 'character' | 'word';
type TrainedSpec = `${SubwordPreset}:${number}`;

/** What makes tokens of a side: characters or words, a tokenizer to be trained and its size (`bpe:8000`), or a file. */
export type CodecSpec = Unit | TrainedSpec | DataFile;

/** The same as the user gives it, where files have only been named. */
export type CodecOption = Unit | TrainedSpec | Pick<DataFile, 'path'>;

const LEAST = 16;
const MOST = 1_000_000;

export const isUnit = (spec: unknown): spec is Unit => spec === 'character' || spec === 'word';
export const isFile = (spec: CodecSpec): spec is DataFile => typeof spec === 'object';

/** Name and size of a tokenizer to be trained, undefined if the text is something else. */
export function parseTrained(text: string): { readonly preset: SubwordPreset; readonly size: number } | undefined {
  const [, name, digits] = /^([a-z-]+):(\d+)$/.exec(text) ?? [];
  const preset = presets.find((known) => known === name);
  const size = Number(digits);
  return preset !== undefined && size >= LEAST && size <= MOST ? { preset, size } : undefined;
}

export const isTrained = (spec: unknown): spec is TrainedSpec =>
  typeof spec === 'string' && parseTrained(spec) !== undefined;

export const KNOWN = `${presets.map((preset) => `${preset}:8000`).join(', ')}, word, character, or the path of a tokenizer.json`;

/** What the text of an option means, or what is wrong with it. */
export function parseCodecOption(text: string): { readonly option: CodecOption } | { readonly problem: string } {
  if (isUnit(text) || isTrained(text)) return { option: text };
  const [name] = text.split(':');
  if (presets.some((preset) => preset === name)) {
    return { problem: `Expected a vocabulary size from ${count(LEAST)} to ${count(MOST)}, as in ${name}:8000.` };
  }
  if (isUnit(name)) return { problem: `Expected ${name} alone: it takes all ${name}s.` };
  return text === '' ? { problem: `Expected ${KNOWN}.` } : { option: { path: text } };
}

/** `characters`, `bpe:8000`, `tokenizers/own.json` */
export const describeSpec = (spec: CodecSpec): string => (isFile(spec) ? spec.path : isUnit(spec) ? `${spec}s` : spec);

/** What a specification stands for, wherever its file may be. */
export const contentOfSpec = (spec: CodecSpec): string => (isFile(spec) ? `sha256:${spec.digest}` : spec);

export const codecSpecSchema = z.union([
  z.enum(['character', 'word']),
  z.custom<TrainedSpec>(isTrained, 'Expected character, word, or a name and a size, as in bpe:8000.'),
  dataFileSchema,
]);

const count = (n: number): string => n.toLocaleString('en');
