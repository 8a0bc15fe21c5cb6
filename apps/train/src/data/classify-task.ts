import { parseLabelledLines } from '@qkv/data';
import { Vocabulary } from '@qkv/tokenizers';

import { describeError, Failure } from '../failure';
import type { LabelTask } from '../kinds/labels';
import type { ClassifiedText, ClassifyCodecs } from '../model/classifier';
import { type TextCodec, VocabularyCodec } from '../model/codec';
import { Symbols } from '../model/symbols';
import type { ClassifyRecipe } from '../recipe';
import type { StageReport } from '../terminal/stage-progress';
import { type CodecOption, type CodecSpec, describeSpec } from './codec-option';
import { codecSource } from './codec-source';
import { type DataFile, digestOf, readBytes, withoutPaths } from './data-file';
import { holdOut } from './hold-out';

/** How lines are written. */
export interface LineForm {
  /** What ends the label. */
  readonly separator: 'tab' | 'space';
  readonly encoding: 'utf-8' | 'latin1';
}

/** Where the texts of a run come from. */
export interface ClassifyData extends LineForm {
  readonly task: 'classify';
  readonly train: DataFile;
  /** Null where validation texts are taken from the training file. */
  readonly valid: DataFile | null;
  /** What makes tokens of texts. */
  readonly tokenizer: CodecSpec;
}

export interface ClassifyTask extends LabelTask<ClassifiedText> {
  readonly data: ClassifyData;
  readonly codecs: ClassifyCodecs;
}

export interface ClassifyOptions extends LineForm {
  readonly train: string;
  readonly valid?: string;
  readonly tokenizer: CodecOption | CodecSpec;
  readonly recipe: Pick<ClassifyRecipe, 'minCount' | 'maxLength'>;
  /** A run that may be of the same data: then its tokens are taken. */
  readonly run?: { readonly data: ClassifyData; readonly codecs: ClassifyCodecs };
  readonly onProgress?: (report: StageReport) => void;
}

interface TextsFile extends DataFile {
  readonly texts: readonly (ClassifiedText & { readonly line: number })[];
}

/** Reads a label and a text from each line; `given` says where the form is from. @throws Failure naming file and line. */
export async function readTextsFile(
  path: string,
  { separator, encoding }: LineForm,
  given: 'options' | 'run' = 'options',
): Promise<TextsFile> {
  const bytes = await readBytes(path);
  try {
    const lines = parseLabelledLines(bytes, { name: path, separator, encoding });
    const tabbed = lines.find(({ label }) => label.includes('\t'));
    if (tabbed !== undefined) {
      const shown = JSON.stringify(tabbed.label);
      throw new Failure(`${path}: line ${tabbed.line}: its label holds a tab, ${shown}; leave --separator space out`);
    }
    return {
      path,
      digest: digestOf(bytes),
      texts: lines.map(({ label, text, line }) => ({ text, labels: [label], line })),
    };
  } catch (error) {
    // The parser speaks of its options, which here are those of the command line, or were when the run was trained.
    if (given === 'run') {
      const message = describeError(error)
        .replace(/; if a space ends.*/, '')
        .replace(/; convert the file.*/, '');
      const form = `label${separator === 'tab' ? '<TAB>' : ' '}text in ${encoding}`;
      throw new Failure(`${message}; write it as the run was trained, ${form}`, { cause: error });
    }
    const message = describeError(error).replace("say separator: 'space'", 'say --separator space');
    throw new Failure(message.replace(/\(such as with iconv[^)]*\)/, 'or say --encoding latin1'), { cause: error });
  }
}

/** @throws Failure naming the first line with a label that is not among these. */
export function requireKnownLabels(path: string, texts: TextsFile['texts'], labels: Symbols): void {
  const stranger = texts.find(({ labels: [label] }) => labels.idOf(label) === undefined);
  if (stranger === undefined) return;
  throw new Failure(
    `${path}: line ${stranger.line}: the label ${JSON.stringify(stranger.labels[0])} is in no training text; labels are ${few(labels.names)}`,
  );
}

export const few = (names: readonly string[]): string =>
  names.length > 12 ? `${names.slice(0, 12).join(', ')}, …` : names.join(', ');

export async function loadClassifyTask(options: ClassifyOptions): Promise<ClassifyTask> {
  const { separator, encoding, recipe, run, onProgress } = options;
  const source = await codecSource(options.tokenizer);
  const train = await readTextsFile(options.train, options);
  const valid = options.valid === undefined ? null : await readTextsFile(options.valid, options);
  const fileOf = ({ path, digest }: DataFile): DataFile => ({ path, digest });
  const data: ClassifyData = {
    task: 'classify',
    train: fileOf(train),
    valid: valid && fileOf(valid),
    separator,
    encoding,
    tokenizer: source.spec,
  };
  const split =
    valid === null
      ? holdOut(train.texts, ({ text }) => text, { labelOf: ({ labels: [own] }) => own })
      : { training: train.texts, validation: valid.texts };
  const { training, validation } = split;
  if (training.length === 0 || validation.length === 0) {
    throw new Failure(`${train.path}: too few different texts to keep some for validation; give --valid`);
  }
  const label = Symbols.sorted(training.map(({ labels: [own] }) => own));
  if (label.size < 2)
    throw new Failure(`${train.path}: there is one label, ${label.names[0]}; there must be two to tell apart`);
  requireKnownLabels((valid ?? train).path, validation, label);
  const isSame =
    run !== undefined && JSON.stringify(withoutPaths({ ...run.data })) === JSON.stringify(withoutPaths({ ...data }));
  const texts = training.map(({ text }) => text);
  const makeSource = () =>
    source.spec === 'word'
      ? new VocabularyCodec(Vocabulary.train(texts, { unit: 'word', minFrequency: recipe.minCount }))
      : source.create(texts, onProgress);
  const codecs: ClassifyCodecs = { source: isSame && source.spec !== 'word' ? run.codecs.source : makeSource(), label };
  const origin = valid === null ? `of ${train.path}, by digest` : `of ${valid.path}`;
  return {
    data,
    codecs,
    training,
    validation,
    description: [
      `${train.path}: ${count(training.length)} texts to train on, ${count(validation.length)} for validation (${origin})`,
      `${count(label.size)} labels (${few(label.names)}), ${count(codecs.source.size)} ids (${describeSpec(source.spec)})`,
      ...describeCut([...training, ...validation], codecs.source, recipe.maxLength),
    ],
  };
}

/** What is told where texts are longer than what is read of them. */
export function describeCut(texts: readonly ClassifiedText[], source: TextCodec, maxLength: number): string[] {
  const cut = texts.filter(({ text }) => source.encode(text).length > maxLength).length;
  return cut === 0
    ? []
    : [`${count(cut)} texts are longer than --max-length ${maxLength}: the rest of them is not read`];
}

const count = (n: number): string => n.toLocaleString('en');
