import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { quantize, type TensorEntry } from '@qkv/safetensors';
import { lockFolder } from '@qkv/training/node';

import { examplesOfPairs, readPairsFile } from '../data/pairs-file';
import { scoreNames } from '../data/task';
import { installEngine } from '../engine';
import { Failure } from '../failure';
import { type Example, judge, requireFitting, score, type Scores } from '../model/evaluation';
import type { TextModel } from '../model/model';
import { Translator } from '../model/translator';
import { readConfig, type RunConfig, runDigest, writeConfig } from '../run/config';
import { loadTaskOf } from '../run/data';
import { files, prepareFolder } from '../run/folder';
import { describeScores, ROWS } from '../run/training';
import { isModelFile, loadRun, saveModel, tensorsOfModel } from '../run/weights';
import { withProgress } from '../terminal/progress';
import { type OutputMode, Reporter } from '../terminal/reporter';

export type WeightFormat = 'float32' | 'fp16' | 'int8';

export interface ExportOptions {
  readonly run: string;
  readonly format: WeightFormat;
  /** A folder; other commands take it as they take a run. */
  readonly output: string;
  /** Most megabytes of a file; one file by default. */
  readonly maxShard?: number;
  /** Pairs to measure the loss with; by default those that the run was validated with. */
  readonly test?: string;
  readonly mode: OutputMode;
}

/** `export`: writes the weights in another format, and tells what that costs: bytes, and error rates before and after. */
export async function exportWeights({ run, format, output, maxShard, test, mode }: ExportOptions): Promise<void> {
  const reporter = new Reporter(mode);
  await installEngine();
  const { config, model, step } = await loadRun(run);
  const { task } = config.data;
  const examples =
    test === undefined
      ? (await loadTaskOf(config)).validation
      : examplesOfPairs((await readPairsFile(test)).pairs, model.codecs.target, task);
  requireFitting(model, examples, test ?? 'validation');
  await prepareFolder(output, 4 * model.transformer.parameterCount() + 2 ** 20);
  if ((await realpath(output)) === (await realpath(run))) {
    throw new Failure('--output is the run itself, whose weights stay as they are; name another folder');
  }
  const before = await scoresOf(model, examples, mode);

  const lock = await lockFolder(output);
  try {
    await writeExport(output, config, await tensorsOfModel(model), step, format, maxShard);
  } finally {
    await lock.release();
  }

  const after = await scoresOf((await loadRun(output)).model, examples, mode); // as a user will have it
  const bytes = await sizeOf(output);
  const full = await sizeOf(run);
  const what = test === undefined ? 'validation' : 'test';
  reporter.say(`before: ${describeScores(what, before, task)}`);
  reporter.say(`${format}: ${describeScores(what, after, task)}`);
  const difference = 100 * (after.tokenErrorRate - before.tokenErrorRate);
  reporter.say(
    `${bytes.toLocaleString('en')} bytes, ${(bytes / full).toFixed(3)} times those of the run; ` +
      `${scoreNames[task].tokenErrorRate} ${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(2)} points; in ${output}`,
  );
  reporter.event('export', { format, bytes, ratio: bytes / full, before, after });
}

async function writeExport(
  folder: string,
  config: RunConfig,
  weights: Map<string, TensorEntry>,
  step: number,
  format: WeightFormat,
  maxShard: number | undefined,
): Promise<void> {
  const there = await readConfig(folder);
  const isRun = (await stat(join(folder, files.checkpoints)).catch(() => undefined)) !== undefined;
  if (isRun || (there !== undefined && runDigest(there) !== runDigest(config))) {
    throw new Failure(`${resolve(folder)} holds another run; choose another --output`);
  }
  await writeConfig(folder, config);
  // Our matrices are stored (outputs, inputs), embeddings (ids, D): each row has a scale of its own.
  const reduced =
    format === 'float32' ? { tensors: weights, metadata: {} } : quantize(weights, format, { channelAxis: () => 0 });
  const shards = maxShard === undefined ? undefined : maxShard * 1e6;
  await saveModel(folder, config, reduced, step, shards);
  await removeOtherModel(folder, shards !== undefined);
}

/** What an earlier export has left in another number of files; only now that the new files are whole. */
async function removeOtherModel(folder: string, isSharded: boolean): Promise<void> {
  if (isSharded) return rm(join(folder, files.model), { force: true });
  // The index first: without it, its shards are nothing.
  const others = (await readdir(folder)).filter((name) => isModelFile(name) && name !== files.model);
  for (const name of others.sort((a, b) => Number(b.endsWith('.json')) - Number(a.endsWith('.json'))))
    await rm(join(folder, name));
}

async function scoresOf(model: TextModel, examples: readonly Example[], mode: OutputMode): Promise<Scores> {
  const translator = new Translator(model, Math.min(ROWS, examples.length));
  const judgements = await withProgress('examples', examples.length, mode === 'text', (onProgress) =>
    judge(translator, examples, { onProgress }),
  );
  translator.release();
  return score(judgements);
}

/** Bytes of the files of a model. */
async function sizeOf(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter(isModelFile);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
