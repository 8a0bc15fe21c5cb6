import { type ConlluWord, parseColumns, parseConllu } from '@qkv/data';

import { Failure } from '../failure';
import type { LabelTask } from '../kinds/labels';
import { TokenizerCodec } from '../model/codec';
import { Symbols } from '../model/symbols';
import { cutSentence, normalizeWord, type TaggedWords, type TagCodecs } from '../model/tagger';
import type { TagRecipe } from '../recipe';
import type { StageReport } from '../terminal/stage-progress';
import { type CodecOption, type CodecSpec, describeSpec } from './codec-option';
import { codecSource } from './codec-source';
import { type DataFile, digestOf, readBytes, withoutPaths } from './data-file';
import { holdOut } from './hold-out';

/** How files of tagged words are written. */
export type TagFormat = 'conllu' | 'columns';
/** Columns of CoNLL-U whose values can be learned. */
export const tagColumns = ['upos', 'xpos', 'deprel'] as const;
export type TagColumn = (typeof tagColumns)[number];

/** Where the tagged words of a run come from. */
export interface TagData {
  readonly task: 'tag';
  readonly train: DataFile;
  /** Null where validation sentences are taken from the training file. */
  readonly valid: DataFile | null;
  readonly format: TagFormat;
  /** Of CoNLL-U. */
  readonly column: TagColumn | null;
  /** Sub-words; null for whole words and their characters. */
  readonly tokenizer: CodecSpec | null;
}

export interface TagTask extends LabelTask<TaggedWords> {
  readonly data: TagData;
  readonly codecs: TagCodecs;
}

export interface TagOptions {
  readonly train: string;
  readonly valid?: string;
  /** By default, what the ending of the file says: `.conllu`, or two columns. */
  readonly format?: TagFormat;
  readonly column: TagColumn;
  readonly tokenizer?: CodecOption | CodecSpec;
  readonly recipe: Pick<TagRecipe, 'minCount' | 'maxLength'>;
  /** A run that may be of the same data: then its tokenizer is taken. */
  readonly run?: { readonly data: TagData; readonly codecs: TagCodecs };
  readonly onProgress?: (report: StageReport) => void;
}

export const isConllu = (path: string): boolean => /\.conllu$/i.test(path);

/** Whether the first line that is neither empty nor a comment has its ten columns. */
export const looksLikeConllu = (bytes: Uint8Array): boolean =>
  /^(?:#.*\n|\r?\n)*[^\t\n]+(?:\t[^\t\n]+){9}\r?\n/.test(new TextDecoder().decode(bytes));

export const columnOf = (word: ConlluWord, column: TagColumn): string | null => word[column];

interface TaggedFile extends DataFile {
  readonly sentences: readonly TaggedWords[];
}

/** Reads sentences with their tags. @throws Failure or DataFormatError naming the file and the line. */
export async function readTaggedFile(path: string, format: TagFormat, column: TagColumn | null): Promise<TaggedFile> {
  const bytes = await readBytes(path);
  return { path, digest: digestOf(bytes), sentences: parseTagged(bytes, path, format, column) };
}

/** The same of a file to judge by: CoNLL-U, known by its ending or its look, or two columns. */
export async function readTaggedTestFile(path: string, column: TagColumn | null): Promise<TaggedFile> {
  const bytes = await readBytes(path);
  const format = isConllu(path) || looksLikeConllu(bytes) ? 'conllu' : 'columns';
  if (format === 'conllu' && column === null) {
    throw new Failure(`${path}: the run learned two columns, and knows no column of CoNLL-U; give it word<TAB>tag`);
  }
  return { path, digest: digestOf(bytes), sentences: parseTagged(bytes, path, format, column) };
}

function parseTagged(bytes: Uint8Array, name: string, format: TagFormat, column: TagColumn | null): TaggedWords[] {
  if (format === 'columns') {
    return parseColumns(bytes, { name }).map(({ tokens: words, labels }) => ({ words, labels }));
  }
  return parseConllu(bytes, { name }).map(({ words }) => ({
    words: words.map(({ form }) => form),
    labels: words.map((word) => {
      const label = columnOf(word, column!);
      if (label !== null) return label;
      throw new Failure(
        `${name}: line ${word.line}: ${JSON.stringify(word.form)} has no ${column}; fill it in, or choose another --column`,
      );
    }),
  }));
}

export async function loadTagTask(options: TagOptions): Promise<TagTask> {
  const { recipe, run, onProgress } = options;
  const format = options.format ?? (isConllu(options.train) ? 'conllu' : 'columns');
  const column = format === 'conllu' ? options.column : null;
  const source = options.tokenizer === undefined ? undefined : await codecSource(options.tokenizer);
  const train = await readTaggedFile(options.train, format, column);
  const valid = options.valid === undefined ? null : await readTaggedFile(options.valid, format, column);
  const fileOf = ({ path, digest }: DataFile): DataFile => ({ path, digest });
  const data: TagData = {
    task: 'tag',
    train: fileOf(train),
    valid: valid && fileOf(valid),
    format,
    column,
    tokenizer: source?.spec ?? null,
  };
  const { training, validation } =
    valid === null
      ? holdOut(train.sentences, ({ words }) => words.join(' '))
      : { training: train.sentences, validation: valid.sentences };
  if (training.length === 0 || validation.length === 0) {
    throw new Failure(`${train.path}: too few different sentences to keep some for validation; give --valid`);
  }
  const isSame =
    run !== undefined && JSON.stringify(withoutPaths({ ...run.data })) === JSON.stringify(withoutPaths({ ...data }));
  let codecs: TagCodecs;
  if (source !== undefined) {
    const label = Symbols.sorted(training.flatMap(({ labels }) => labels));
    const texts = training.map(({ words }) => words.join(' '));
    const codec = isSame ? run.codecs.source : source.create(texts, onProgress);
    if (!(codec instanceof TokenizerCodec)) {
      throw new Failure('--tokenizer is for sub-words: name a size, as in bpe:8000, or a file; words are the default');
    }
    codecs = { source: codec, label };
  } else {
    codecs = wordCodecs(training, recipe.minCount);
  }
  if (codecs.label.size < 2) {
    throw new Failure(`${train.path}: there is one tag, ${codecs.label.names[0]}; there must be two to tell apart`);
  }
  const known = new Set(codecs.label.names);
  const unknown = validation.flatMap(({ labels }) => labels).filter((label) => !known.has(label)).length;
  const origin = valid === null ? `of ${train.path}, by digest` : `of ${valid.path}`;
  const cut = (sentences: readonly TaggedWords[]) =>
    sentences.flatMap((sentence) => cutSentence(sentence, codecs, recipe.maxLength));
  return {
    data,
    codecs,
    training: cut(training),
    validation: cut(validation),
    description: [
      `${train.path}: ${count(training.length)} sentences (${count(wordsIn(training))} words) to train on, ` +
        `${count(validation.length)} (${count(wordsIn(validation))}) for validation (${origin})`,
      `${count(codecs.label.size)} tags${column === null ? '' : ` (${column})`}, ${count(codecs.source.size)} ` +
        (data.tokenizer === null ? 'words that are known' : `ids (${describeSpec(data.tokenizer)})`),
      ...(unknown > 0 ? [`${count(unknown)} validation words have tags that are in no training sentence`] : []),
    ],
  };
}

function wordCodecs(sentences: readonly TaggedWords[], minCount: number): TagCodecs {
  const words = sentences.flatMap(({ words: own }) => own);
  return {
    source: Symbols.count(words.map(normalizeWord), minCount),
    character: Symbols.count(
      words.flatMap((word) => [...word]),
      minCount,
    ),
    label: Symbols.sorted(sentences.flatMap(({ labels }) => labels)),
  };
}

const wordsIn = (sentences: readonly TaggedWords[]): number =>
  sentences.reduce((sum, { words }) => sum + words.length, 0);
const count = (n: number): string => n.toLocaleString('en');
