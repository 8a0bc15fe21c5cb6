import { z } from 'zod';

import {
  type ClassifyData,
  type ClassifyTask,
  describeCut,
  loadClassifyTask,
  readTextsFile,
  requireKnownLabels,
} from '../data/classify-task';
import { codecSpecSchema } from '../data/codec-option';
import { dataFileSchema, requireUnchanged, withoutPaths } from '../data/data-file';
import { Failure } from '../failure';
import { readInputLines } from '../input';
import { type ClassifiedText, type ClassifyCodecs, createClassifier } from '../model/classifier';
import { giveLabels } from '../model/labeller';
import { type ClassifyRecipe, classifySettings } from '../recipe';
import { withProgress } from '../terminal/progress';
import { type LabelConfig, labelKind } from './labels';

export interface ClassifyConfig extends LabelConfig {
  readonly data: ClassifyData;
  readonly recipe: ClassifyRecipe;
  readonly codecs: ClassifyCodecs;
}

/** Texts, and their classes. */
export const classify = labelKind<ClassifyConfig, ClassifiedText, ClassifyTask>({
  name: 'classify',
  items: 'texts',
  unit: 'tokens',
  settings: classifySettings,
  dataSchema: z.strictObject({
    task: z.literal('classify'),
    train: dataFileSchema,
    valid: dataFileSchema.nullable(),
    separator: z.enum(['tab', 'space']),
    encoding: z.enum(['utf-8', 'latin1']),
    tokenizer: codecSpecSchema,
  }),
  codecNames: () => ['source', 'label'],
  specsOf: ({ tokenizer }) => ({ source: tokenizer }),
  contentOf: (data) => withoutPaths({ ...data }),
  createModel: ({ codecs, recipe }) => createClassifier(codecs, recipe),
  async loadTask({ data, recipe, codecs }) {
    await requireUnchanged(data.train);
    if (data.valid !== null) await requireUnchanged(data.valid);
    const [train, valid] = [data.train.path, data.valid?.path];
    return loadClassifyTask({ ...data, train, valid, recipe, run: { data, codecs } });
  },
  async testExamples({ model, config }, { test, reporter }) {
    if (test === undefined) throw new Failure('name the texts to judge by: --test texts.tsv');
    const { texts } = await readTextsFile(test, config.data, 'run');
    requireKnownLabels(test, texts, model.labels);
    for (const line of describeCut(texts, config.codecs.source, config.recipe.maxLength)) reporter.notice(line);
    return { name: test, examples: texts };
  },
  async predict({ model }, { input, isWatched }) {
    const { lines } = await readInputLines(input);
    const texts = lines.map((text) => ({ text: text.trim(), labels: [] }));
    const given = await withProgress('lines', texts.length, isWatched, (onProgress) =>
      giveLabels(model, texts, () => 1, { onProgress }),
    );
    const written = given.map(([{ label, probability }]) => `${label}\t${probability.toFixed(4)}\n`);
    return { text: written.join(''), what: `${lines.length} lines` };
  },
});
