import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { type Tokenizer, type TokenizerPreset, trainTokenizer } from '@qkv/tokenizers';

import { linesOfFile, sizeOfFile } from '../../data/lines';
import { Failure } from '../../failure';
import { writeOutput } from '../../output';
import { prepareFolder } from '../../run/folder';
import { formatSeconds } from '../../terminal/progress';
import { type OutputMode, Reporter } from '../../terminal/reporter';
import { StageProgress } from '../../terminal/stage-progress';

export interface TrainTokenizerOptions {
  readonly model: TokenizerPreset;
  readonly vocabSize: number;
  readonly minFrequency?: number;
  readonly lowercase?: boolean;
  /** The first tokens, in place of those that are usual for the model. */
  readonly special?: readonly string[];
  /** Which column of tab-separated lines to take; by default whole lines. */
  readonly column?: number;
  readonly output: string;
  readonly overwrite: boolean;
  readonly mode: OutputMode;
}

/** Most characters that compression is measured on: they are kept, as a pipe can be read only once. */
const MEASURED = 1_000_000;

/** `tokenizer train`: a tokenizer for the lines of files. */
export async function trainTokenizerOn(paths: readonly string[], options: TrainTokenizerOptions): Promise<void> {
  const { model, output, overwrite, mode } = options;
  const reporter = new Reporter(mode);
  if (model === 'unigram' && options.minFrequency !== undefined) {
    throw new Failure('--min-frequency is not for --model unigram; leave it out');
  }
  await requireWritable(output, overwrite); // before minutes are spent
  const sizes = paths.map(sizeOfFile);
  const total = sizes.includes(undefined) ? 0 : sizes.reduce<number>((sum, size) => sum + size!, 0);
  const progress = mode === 'text' ? new StageProgress() : undefined;
  const started = performance.now();
  const texts = new Texts(paths, options.column);
  let tokenizer: Tokenizer;
  let measured: Compression;
  try {
    let read = 0;
    const onRead = (length: number): void => {
      if (total > 0) progress?.update({ stage: 'reading', done: (read += length), total }); // not known of a pipe
    };
    tokenizer = trainTokenizer(texts.lines(onRead), {
      preset: model,
      vocabSize: options.vocabSize,
      minFrequency: options.minFrequency,
      lowercase: options.lowercase,
      specialTokens: options.special,
      onProgress: (report) => progress?.update(report),
    });
    if (texts.characters === 0) throw new Failure(`there is no text in ${paths.join(', ')}`);
    measured = compressionOf(tokenizer, texts.sample, progress);
  } finally {
    progress?.stop();
  }
  const text = `${JSON.stringify(tokenizer, null, 2)}\n`;
  await writeOutput(output, text);
  const seconds = (performance.now() - started) / 1000;
  const ratio = measured.characters / measured.tokens;
  const { size } = tokenizer;
  if (size < options.vocabSize) {
    reporter.notice(
      `the text has no more than ${count(size)} tokens to give, of ${count(options.vocabSize)} asked for`,
    );
  }
  if (size > options.vocabSize) {
    reporter.notice(
      `more tokens than the ${count(options.vocabSize)} asked for: so many bytes and characters need one`,
    );
  }
  const part = measured.characters < texts.characters ? ` in the first ${count(measured.characters)} characters` : '';
  reporter.say(
    `${count(size)} tokens from ${count(texts.count)} lines, ${count(texts.characters)} characters, in ${formatSeconds(seconds)}`,
  );
  reporter.say(`${ratio.toFixed(2)} characters a token${part}`);
  reporter.say(`saved in ${output} (${count(Buffer.byteLength(text))} bytes)`);
  const { characters, count: lines } = texts;
  reporter.event('tokenizer', { output, model, size, lines, characters, seconds, charactersPerToken: ratio });
}

/** The texts to train on, to be read once. */
class Texts {
  count = 0;
  characters = 0;
  /** The first of them. */
  readonly sample: string[] = [];

  constructor(
    readonly paths: readonly string[],
    readonly column: number | undefined,
  ) {}

  *lines(onRead?: (bytes: number) => void): Generator<string> {
    for (const path of this.paths) {
      let number = 0;
      for (const line of linesOfFile(path, onRead)) {
        number++;
        const text = this.column === undefined ? line : columnOf(line, this.column);
        if (text === undefined) {
          throw new Failure(`${path}, line ${number}: there is no column ${this.column}; columns end with a tab`);
        }
        if (text === '') continue;
        if (this.characters < MEASURED) this.sample.push(cut(text, MEASURED - this.characters));
        this.count++;
        this.characters += countCharacters(text);
        yield text;
      }
    }
  }
}

/** At most so many UTF-16 units, and no half of a character. */
const cut = (text: string, most: number): string =>
  text.length <= most ? text : text.slice(0, most).replace(/[\ud800-\udbff]$/, '');

function columnOf(line: string, column: number): string | undefined {
  return line === '' ? '' : line.split('\t')[column - 1];
}

interface Compression {
  readonly characters: number;
  readonly tokens: number;
}

function compressionOf(tokenizer: Tokenizer, texts: readonly string[], progress?: StageProgress): Compression {
  const total = texts.reduce((sum, { length }) => sum + length, 0);
  let [done, shown, characters, tokens] = [0, 0, 0, 0];
  for (const text of texts) {
    done += text.length;
    characters += countCharacters(text);
    tokens += tokenizer.encode(text, { addSpecialTokens: false }).length;
    if (done < shown) continue;
    shown = done + total / 100;
    progress?.update({ stage: 'measuring', done, total });
  }
  return { characters, tokens };
}

function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** @throws Failure if a file is there already, or none can be made. */
export async function requireWritable(path: string, overwrite: boolean): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new Failure(`cannot write ${path}: it is a folder`);
  if (there?.isFile() && !overwrite) throw new Failure(`${path} is there already; --overwrite replaces it`);
  if (there === undefined || there.isFile()) await prepareFolder(dirname(resolve(path)), 0);
}

const count = (n: number): string => n.toLocaleString('en');
