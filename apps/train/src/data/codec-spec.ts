import { type Unit, trainTokenizer, Vocabulary } from '@qkv/tokenizers';

import { Failure } from '../failure';
import { specialTokens, type TextCodec, TokenizerCodec, VocabularyCodec } from '../model/codec';
import type { StageReport } from '../terminal/stage-progress';
import { type TokenizerFile, readTokenizerFile } from './tokenizer-file';
import type { DataFile } from './task';

/** Tokenizers that are trained on the pairs, to a size. */
const presets = ['bpe', 'wordpiece', 'unigram', 'sentencepiece-bpe'] as const;
type Preset = (typeof presets)[number];

/** What makes tokens of a side: characters or words, a tokenizer to be trained and its size (`bpe:8000`), or a file. */
export type CodecSpec = Unit | `${Preset}:${number}` | DataFile;

/** The same as the user gives it, where files have only been named. */
export type CodecOption = Unit | `${Preset}:${number}` | Pick<DataFile, 'path'>;

export const vocabularySizes = { least: 16, most: 1_000_000 } as const;
const pattern = new RegExp(`^(${presets.join('|')}):(\\d+)$`);

/** What an option or a config says, undefined if it cannot be. */
export function isTrainedSpec(text: string): text is `${Preset}:${number}` {
  const size = Number(pattern.exec(text)?.[2]);
  return size >= vocabularySizes.least && size <= vocabularySizes.most;
}

const isUnit = (text: string): text is Unit => text === 'character' || text === 'word';
const isTrained = (spec: CodecOption): boolean => typeof spec === 'string' && !isUnit(spec);
export const isFile = (spec: CodecSpec): spec is DataFile => typeof spec === 'object';

/** @throws Failure if the text is neither a known tokenizer nor could be a path. */
export function parseCodecOption(text: string): CodecOption {
  if (isUnit(text) || isTrainedSpec(text)) return text;
  const [name] = text.split(':');
  if ((presets as readonly string[]).includes(name)) {
    const range = `${count(vocabularySizes.least)} to ${count(vocabularySizes.most)}`;
    throw new Failure(`Expected a vocabulary size from ${range} after the name, as in ${name}:8000.`);
  }
  if (isUnit(name)) throw new Failure(`Expected no size: a ${name} vocabulary takes all ${name}s.`);
  if (text === '') throw new Failure(`Expected ${KNOWN}.`);
  return { path: text };
}

const KNOWN = `${presets.map((preset) => `${preset}:8000`).join(', ')}, word, character, or the path of a tokenizer.json`;

/** A side of a task before its texts are known. */
export interface CodecSource {
  readonly spec: CodecSpec;
  /** Whether how long a text is depends on what it is trained on. */
  readonly isTrained: boolean;
  readonly create: (texts: Iterable<string>, onProgress?: (report: StageReport) => void) => TextCodec;
}

/** Reads the file, if it is one that no run has yet. */
export async function codecSource(option: CodecOption | CodecSpec): Promise<CodecSource> {
  if (typeof option === 'object') {
    const { path } = option;
    if ('digest' in option) {
      const create = (): never => {
        throw new Failure(`${path} belongs to a run that has it in its folder`);
      };
      return { spec: option, isTrained: false, create };
    }
    const file = await read(path);
    return { spec: { path, digest: file.digest }, isTrained: false, create: () => new TokenizerCodec(file.tokenizer) };
  }
  return {
    spec: option,
    isTrained: isTrained(option),
    create(texts, onProgress) {
      if (isUnit(option)) return new VocabularyCodec(Vocabulary.train(texts, { unit: option }));
      const [, preset, size] = pattern.exec(option)!;
      const tokenizer = trainTokenizer(texts, {
        preset: preset as Preset,
        vocabSize: Number(size),
        specialTokens,
        unkToken: specialTokens[3],
        onProgress,
      });
      return new TokenizerCodec(tokenizer);
    },
  };
}

async function read(path: string): Promise<TokenizerFile> {
  try {
    return await readTokenizerFile(path);
  } catch (error) {
    const isMissing = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    if (!isMissing) throw error;
    throw new Failure(`${(error as Error).message}; a tokenizer is one of ${KNOWN}`, { cause: error });
  }
}

/** `characters`, `bpe:8000`, `tokenizers/own.json` */
export const describeSpec = (spec: CodecSpec): string =>
  isFile(spec) ? spec.path : isUnit(spec) ? `${spec}s` : spec;

const count = (n: number): string => n.toLocaleString('en');
