import { join } from 'node:path';

import { writeFileDurably } from '@qkv/safetensors/node';
import { lockFolder } from '@qkv/training/node';
import { z } from 'zod';

import { files } from './folder';
import { readJson } from './json';
import type { Scores } from './kind';

const scores = z.object({ examples: z.number() }).catchall(z.number());
const summarySchema = z.strictObject({
  reason: z.enum(['finished', 'stopped-early', 'interrupted']),
  parameters: z.number(),
  /** Updates made, and those that the saved model has had. */
  steps: z.number(),
  modelStep: z.number(),
  trainingSeconds: z.number(),
  backend: z.string(),
  validation: scores,
  /** Scores of the saved model on other data, by what they are. */
  tests: z.record(z.string(), scores).optional(),
});

/** What `summary.json` tells of a run that has ended. */
export type RunSummary = z.infer<typeof summarySchema>;

/** The summary of a run that has ended, if there is one that can be read. */
export async function readSummary(folder: string): Promise<RunSummary | undefined> {
  const json = await readJson(join(folder, files.summary)).catch(() => undefined);
  return summarySchema.safeParse(json).data;
}

/** Only for who holds the folder. */
export async function writeSummary(folder: string, summary: RunSummary): Promise<void> {
  await writeFileDurably(join(folder, files.summary), `${JSON.stringify(summary, null, 2)}\n`);
}

/**
 * Adds scores of the model that is there after so many updates; those of one that has been replaced meanwhile are dropped.
 *
 * @throws FolderLockedError if another process uses the folder.
 */
export async function noteScores(folder: string, modelStep: number, name: string, found: Scores): Promise<void> {
  const lock = await lockFolder(folder);
  try {
    const summary = await readSummary(folder);
    if (summary?.modelStep !== modelStep) return;
    await writeSummary(folder, { ...summary, tests: { ...summary.tests, [name]: found } });
  } finally {
    await lock.release();
  }
}
