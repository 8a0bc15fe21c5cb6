import { formatConllu, parseConllu } from '@qkv/data';
import { z } from 'zod';

import { codecSpecSchema } from '../data/codec-option';
import { dataFileSchema, requireUnchanged, withoutPaths } from '../data/data-file';
import {
  isConllu,
  loadTagTask,
  looksLikeConllu,
  readTaggedTestFile,
  tagColumns,
  type TagData,
  type TagTask,
} from '../data/tag-task';
import { Failure } from '../failure';
import { linesOf, readInput } from '../input';
import { giveLabels, type Labeller } from '../model/labeller';
import { createTagger, cutSentence, type TagCodecs, type TaggedWords } from '../model/tagger';
import { type TagRecipe, tagSettings } from '../recipe';
import type { LoadedRun, PredictOptions } from '../run/kind';
import { withProgress } from '../terminal/progress';
import { type LabelConfig, labelKind } from './labels';

export interface TagConfig extends LabelConfig {
  readonly data: TagData;
  readonly recipe: TagRecipe;
  readonly codecs: TagCodecs;
}

type TagRun = LoadedRun<TagConfig, Labeller<TaggedWords>>;

/** Words in sentences, and their tags. */
export const tag = labelKind<TagConfig, TaggedWords, TagTask>({
  name: 'tag',
  items: 'words',
  unit: 'words',
  settings: tagSettings,
  dataSchema: z.strictObject({
    task: z.literal('tag'),
    train: dataFileSchema,
    valid: dataFileSchema.nullable(),
    format: z.enum(['conllu', 'columns']),
    column: z.enum(tagColumns).nullable(),
    tokenizer: codecSpecSchema.nullable(),
  }),
  codecNames: ({ tokenizer }) => (tokenizer === null ? ['source', 'character', 'label'] : ['source', 'label']),
  specsOf: ({ tokenizer }): Record<string, NonNullable<typeof tokenizer>> =>
    tokenizer === null ? {} : { source: tokenizer },
  contentOf: (data) => withoutPaths({ ...data }),
  createModel: ({ codecs, recipe }) => createTagger(codecs, recipe),
  async loadTask({ data, recipe, codecs }) {
    await requireUnchanged(data.train);
    if (data.valid !== null) await requireUnchanged(data.valid);
    return loadTagTask({
      train: data.train.path,
      valid: data.valid?.path,
      format: data.format,
      column: data.column ?? 'upos',
      tokenizer: data.tokenizer ?? undefined,
      recipe,
      run: { data, codecs },
    });
  },
  async testExamples({ model, config }, { test, reporter }) {
    if (test === undefined) throw new Failure('name the sentences to judge by: --test sentences.conllu');
    const { sentences } = await readTaggedTestFile(test, config.data.column);
    const labels = sentences.flatMap((sentence) => sentence.labels);
    const unknown = labels.filter((label) => model.labels.idOf(label) === undefined);
    if (unknown.length > 0) {
      const names = [...new Set(unknown)].slice(0, 5).join(', ');
      reporter.notice(
        `${unknown.length} of ${labels.length} words have tags that training did not see (${names}): they count as wrong`,
      );
    }
    return { name: test, examples: sentences.flatMap((sentence) => cut(sentence, config)) };
  },
  predict,
});

const cut = (sentence: TaggedWords, { codecs, recipe }: TagConfig): TaggedWords[] =>
  cutSentence(sentence, codecs, recipe.maxLength);

/** CoNLL-U with the column filled, for CoNLL-U; else the words of each line with their tags. */
async function predict(
  { model, config }: TagRun,
  { input, columns, isWatched }: PredictOptions,
): Promise<{ text: string; what: string }> {
  const { name, bytes } = await readInput(input);
  const tagsOf = async (sentences: readonly (readonly string[])[]): Promise<string[][]> => {
    const pieces = sentences.map((words) => cut({ words, labels: [] }, config));
    const all = pieces.flat().filter(({ words }) => words.length > 0);
    const given = await withProgress('pieces of text', all.length, isWatched, (onProgress) =>
      giveLabels(model, all, ({ words }) => words.length, { onProgress }),
    );
    const tags = given.map((labels) => labels.map(({ label }) => label));
    let at = 0;
    return pieces.map((own) => own.flatMap(({ words }) => (words.length === 0 ? [] : tags[at++])));
  };
  if (isConllu(name) || looksLikeConllu(bytes)) {
    const { column } = config.data;
    if (column === null) {
      throw new Failure(`${name}: the run learned two columns, and knows no column of CoNLL-U; give it plain text`);
    }
    const sentences = parseConllu(bytes, { name });
    const tags = await tagsOf(sentences.map(({ words }) => words.map(({ form }) => form)));
    const filled = sentences.map((sentence, i) => ({
      ...sentence,
      words: sentence.words.map((word, k) => ({ ...word, [column]: tags[i][k] })),
    }));
    return { text: formatConllu(filled), what: `${sentences.length} sentences` };
  }
  const lines = linesOf(name, bytes).map((line) => line.split(/\s+/).filter((word) => word !== ''));
  const tags = await tagsOf(lines);
  const written = lines.map((words, i) =>
    columns
      ? words.map((word, k) => `${word}\t${tags[i][k]}\n`).join('') + '\n'
      : `${words.map((word, k) => `${word}/${tags[i][k]}`).join(' ')}\n`,
  );
  return { text: written.join(''), what: `${lines.length} lines` };
}
