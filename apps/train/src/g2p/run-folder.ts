import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { loadStateDict, stateDict } from '@qkv/nn';
import type { TensorEntry } from '@qkv/safetensors';
import { readSafetensors, writeSafetensors } from '@qkv/safetensors/node';
import { Vocabulary, type VocabularyJSON } from '@qkv/tokenizers';

import { describeError, Failure, systemReason } from '../failure';
import type { Scores } from './evaluation';
import { createModel, type PronunciationModel } from './model';
import type { Architecture, Recipe } from './recipe';

const FORMAT = 'qkv.g2p';
const FORMAT_VERSION = 1;
const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';

/** What `config.json` tells about a run, beside the model itself. */
export interface RunRecord {
  readonly recipe: Recipe;
  /** Steps made: fewer than the recipe's if it was interrupted. */
  readonly stepsMade: number;
  readonly trainingSeconds: number;
  readonly backend: string;
  readonly scores: { readonly validation?: Scores; readonly heldOut?: Scores };
}

interface RunConfig extends RunRecord {
  readonly format: typeof FORMAT;
  readonly formatVersion: typeof FORMAT_VERSION;
  /** Made of the weights, and also in their file's metadata: tells whether the two files belong together. */
  readonly run: string;
  readonly letters: VocabularyJSON;
  readonly phonemes: VocabularyJSON;
}

/** Makes the folder and makes sure, before hours are spent, that the model will find its place there. */
export async function prepareRunFolder(folder: string, model: PronunciationModel): Promise<void> {
  const probe = join(folder, `.probe-${process.pid}`);
  try {
    await makeFolder(folder);
    await writeFile(probe, 'can this folder be written to?');
    await rm(probe);
  } catch (error) {
    throw new Failure(`cannot write to ${resolve(folder)}: ${systemReason(error)}; choose another with --output`);
  }
  const needed = 4 * model.transformer.parameterCount() + 2 ** 20;
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < needed) {
    const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
    throw new Failure(
      `${resolve(folder)}: the disk is full: the model needs ${mebibytes(needed)}, ${mebibytes(bavail * bsize)} are free`,
    );
  }
}

/**
 * Writes the model and what is told about it. Both files are on the disk before either takes its name; if they cannot be,
 * those of an earlier run stay as they are.
 */
export async function saveRun(folder: string, model: PronunciationModel, record: RunRecord): Promise<void> {
  const state = await stateDict(model.transformer);
  const tensors = new Map<string, TensorEntry>();
  const digest = createHash('sha256');
  for (const [name, { shape, data }] of state) {
    const weights = data as Float32Array;
    tensors.set(name, { dtype: 'F32', shape, data: weights });
    digest.update(name).update(new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength));
  }
  const run = digest.digest('hex').slice(0, 32);
  const config: RunConfig = {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    run,
    ...record,
    letters: model.letters.toJSON(),
    phonemes: model.phonemes.toJSON(),
  };
  await makeFolder(folder).catch((error) => failToSave(folder, error));
  await writeConfig(folder, config, () => writeSafetensors(join(folder, WEIGHTS), tensors, { format: FORMAT, run }));
}

/** As mkdir's `recursive`, which in Node 20 never returns where the system makes no folders, such as in /proc. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
}

/** Adds scores to a saved run. */
export async function saveScores(folder: string, scores: RunRecord['scores']): Promise<void> {
  await writeConfig(folder, { ...(await readConfig(folder)), scores });
}

/** Writes the file in one step; `before` is done when its bytes are on the disk, and can still prevent it. */
async function writeConfig(folder: string, config: RunConfig, before?: () => Promise<void>): Promise<void> {
  const staged = join(folder, `.${CONFIG}.${process.pid}.tmp`);
  try {
    await writeDurably(staged, `${JSON.stringify(config, null, 2)}\n`);
    await before?.();
    await rename(staged, join(folder, CONFIG));
  } catch (error) {
    await rm(staged, { force: true }).catch(() => {}); // the first error is the one to tell
    failToSave(folder, error);
  }
}

function failToSave(folder: string, error: unknown): never {
  if (error instanceof Error && error.name === 'SafetensorsError') throw error; // names the file already
  throw new Failure(`cannot save to ${resolve(folder)}: ${systemReason(error)}`, { cause: error });
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Loads a model; everything is checked before anything is used. */
export async function loadRun(folder: string): Promise<PronunciationModel> {
  const config = await readConfig(folder);
  const file = join(folder, WEIGHTS);
  const { tensors, metadata } = await readSafetensors(file);
  const model = modelOf(config, join(folder, CONFIG));
  try {
    await loadStateDict(model.transformer, tensors);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Failure(`${file} is not the model that ${CONFIG} beside it describes: ${shorten(describeError(error))}`);
  }
  if (metadata.run !== config.run) {
    throw new Failure(`${file} and ${CONFIG} beside it are of different runs; run start again`);
  }
  return model;
}

async function readConfig(folder: string): Promise<RunConfig> {
  const file = join(folder, CONFIG);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new Failure(`there is no model in ${resolve(folder)}; run start first, or name a folder with --model`);
    }
    throw new Failure(`cannot read ${file}: ${systemReason(error)}`);
  }
  let config: Partial<RunConfig> | null;
  try {
    config = JSON.parse(text) as Partial<RunConfig> | null;
  } catch (error) {
    throw new Failure(`${file} is not JSON (${describeError(error)}); run start again`);
  }
  if (config?.format !== FORMAT) throw new Failure(`${file} does not describe a model of this application`);
  if (config.formatVersion !== FORMAT_VERSION) {
    throw new Failure(
      `${file} has format version ${String(config.formatVersion)}, this release reads ${FORMAT_VERSION}; run start again`,
    );
  }
  return config as RunConfig;
}

const sizes = ['dimension', 'heads', 'feedForward', 'encoderLayers', 'decoderLayers'] as const;

function modelOf(config: RunConfig, file: string): PronunciationModel {
  const { recipe } = config;
  const wrong = sizes.find(
    (name) => !(Number.isSafeInteger(recipe?.[name]) && recipe[name] > 0 && recipe[name] <= 65_536),
  );
  if (wrong !== undefined) {
    throw new Failure(
      `${file}: recipe.${wrong} is ${String(recipe?.[wrong])}, expected a whole number from 1 to 65536`,
    );
  }
  const architecture: Architecture = { ...recipe };
  try {
    const letters = Vocabulary.fromJSON(config.letters);
    const phonemes = Vocabulary.fromJSON(config.phonemes);
    return createModel({ letters, phonemes }, architecture);
  } catch (error) {
    throw new Failure(`${file}: ${describeError(error)}`);
  }
}

const shorten = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text);
