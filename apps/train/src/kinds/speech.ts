import { z } from 'zod';

import { dataFileSchema, withoutPaths } from '../data/data-file';
import { besides, listRecordings, loadRecordings, nameParts } from '../data/recordings';
import {
  describeCut,
  heldOutRecordings,
  reloadSpeechTask,
  requireKnownLabels,
  type SpeechData,
  type SpeechTask,
} from '../data/speech-task';
import { Failure } from '../failure';
import { readInputLines } from '../input';
import { giveLabels } from '../model/labeller';
import { createRecordingClassifier, type Recording } from '../model/recording-classifier';
import type { Symbols } from '../model/symbols';
import { type SpeechRecipe, speechSettings } from '../recipe';
import { withProgress } from '../terminal/progress';
import { type LabelConfig, labelKind } from './labels';

export interface SpeechConfig extends LabelConfig {
  readonly data: SpeechData;
  readonly recipe: SpeechRecipe;
  readonly codecs: { readonly label: Symbols };
}

/** Recordings, and what or who is heard in them. */
export const speech = labelKind<SpeechConfig, Recording, SpeechTask>({
  name: 'speech',
  items: 'recordings',
  unit: 'frames',
  settings: speechSettings,
  dataSchema: z.strictObject({
    task: z.literal('speech'),
    train: dataFileSchema,
    valid: dataFileSchema.nullable(),
    label: z.enum(nameParts).nullable(),
    split: z.literal('official').nullable(),
    sampleRate: z.int().min(1),
  }),
  codecNames: () => ['label'],
  specsOf: () => ({}),
  contentOf: (data) => withoutPaths({ ...data }),
  createModel: ({ codecs, recipe }) => createRecordingClassifier(codecs.label, recipe),
  loadTask: ({ data, recipe }) => reloadSpeechTask(data, recipe),
  async testExamples({ model, config: { data, recipe } }, { test, reporter }) {
    const told = <R extends readonly Recording[]>(recordings: R): R => {
      for (const line of describeCut(recordings, recipe.maxLength)) reporter.notice(line);
      return recordings;
    };
    if (test === undefined) {
      if (data.split === null) throw new Failure('name the recordings to judge by: --test list.tsv, or a folder');
      return { name: 'official test', examples: told(await heldOutRecordings(data, recipe)) };
    }
    const listed = await listRecordings(test, data.label ?? 'digit');
    const { recordings } = await loadRecordings(listed, recipe, data.sampleRate);
    requireKnownLabels(recordings, model.labels);
    return { name: test, examples: told(recordings) };
  },
  async predict({ model, config: { data, recipe } }, { input, isWatched }) {
    const { lines } = await readInputLines(input);
    const paths = lines.map((line) => line.trim()).filter((line) => line !== '');
    // Paths of a file begin where it is, those of standard input where the command is.
    const listed = paths.map((path) => ({
      path: input === undefined ? path : besides(input, path),
      label: '',
      index: NaN,
    }));
    const { recordings } = await loadRecordings(listed, recipe, data.sampleRate);
    const given = await withProgress('recordings', recordings.length, isWatched, (onProgress) =>
      giveLabels(model, recordings, () => 1, { onProgress }),
    );
    const written = given.map(([{ label, probability }], i) => `${paths[i]}\t${label}\t${probability.toFixed(4)}\n`);
    return { text: written.join(''), what: `${paths.length} recordings` };
  },
});
