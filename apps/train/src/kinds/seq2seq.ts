import { z } from 'zod';

import { codecSpecSchema } from '../data/codec-option';
import { dataFileSchema, requireUnchanged } from '../data/data-file';
import { loadSeq2seqTask } from '../data/seq2seq-task';
import type { PairsData } from '../data/task';
import { Failure } from '../failure';
import { pairsKind } from './pairs';

type Seq2seqData = Extract<PairsData, { task: 'seq2seq' }>;

/** The user's own pairs. */
export const seq2seq = pairsKind({
  name: 'seq2seq',
  dataSchema: z.strictObject({
    task: z.literal('seq2seq'),
    train: dataFileSchema,
    valid: dataFileSchema.nullable(),
    sourceUnit: codecSpecSchema,
    targetUnit: codecSpecSchema,
  }),
  labels: {
    examples: 'sources',
    tokens: ['token error rate', 'tokens'],
    sequences: ['sequence error rate', 'sequences'],
  },
  specsOf(data) {
    const { sourceUnit: source, targetUnit: target } = data as Seq2seqData;
    return { source, target };
  },
  async loadTask({ data: source, recipe: { maxLength }, codecs }) {
    const data = source as Seq2seqData;
    await requireUnchanged(data.train);
    if (data.valid !== null) await requireUnchanged(data.valid);
    const [train, valid] = [data.train.path, data.valid?.path];
    return loadSeq2seqTask({ ...data, train, valid, maxLength, run: { data, codecs } });
  },
  ownExamples() {
    throw new Failure('name the pairs to judge by: --test pairs.tsv');
  },
});
