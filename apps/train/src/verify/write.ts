import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { StateEntry } from '@qkv/nn';
import type { TensorEntry } from '@qkv/safetensors';
import { writeFileDurably, writeSafetensors } from '@qkv/safetensors/node';

import { assetUrl } from '../assets';
import type { TextModel } from '../model/model';
import type { Recipe } from '../recipe';
import { prepareFolder } from '../run/folder';
import type { Recording } from './record';

/** What the folder holds: see the head of the script. */
export const verifyFiles = {
  script: 'verify.py',
  settings: 'settings.json',
  weights: 'weights.safetensors',
  batch: 'batch.safetensors',
  optimizer: 'optimizer.safetensors',
} as const;

/** Writes the script and all that it reads. */
export async function writeVerification(
  folder: string,
  model: TextModel,
  recipe: Recipe,
  recording: Recording,
): Promise<void> {
  await prepareFolder(folder, 4 * 6 * model.module.parameterCount() + 2 ** 20);
  const path = (name: keyof typeof verifyFiles): string => join(folder, verifyFiles[name]);
  const settings = { model: sizesOf(model, recipe), training: trainingOf(recipe, recording) };
  const { tensors, metadata } = recording.optimizer;
  await writeSafetensors(path('weights'), entriesOf('', recording.weights));
  await writeSafetensors(path('batch'), batchEntries(recording, model.module.output!.outputs));
  await writeSafetensors(path('optimizer'), tensors as ReadonlyMap<string, TensorEntry>, metadata);
  await writeFileDurably(path('settings'), `${JSON.stringify(settings, null, 2)}\n`);
  await writeFileDurably(path('script'), await readFile(assetUrl(verifyFiles.script)));
}

function sizesOf({ module, codecs }: TextModel, recipe: Recipe) {
  const { dimension, heads, feedForward, encoderLayers, decoderLayers, normalization, activation } = recipe;
  const { padId, decoder } = module;
  return {
    sourceVocabulary: codecs.source.size,
    targetVocabulary: codecs.target.size,
    dimension,
    heads,
    feedForward,
    encoderLayers,
    decoderLayers,
    normalization,
    activation,
    finalNorms: decoder.norm !== null,
    layerNormEpsilon: decoder.layers[0].norm1.epsilon,
    padId,
  };
}

function trainingOf(recipe: Recipe, { batches, accumulate, optimizerNames }: Recording) {
  const { smoothing, beta1, beta2, epsilon, weightDecay, clipNorm, average } = recipe;
  return {
    batches: batches.length,
    accumulate,
    smoothing,
    beta1,
    beta2,
    epsilon,
    weightDecay,
    clipNorm,
    average,
    optimizerNames,
  };
}

function batchEntries(recording: Recording, classes: number): Map<string, TensorEntry> {
  const { batches, logits, losses, gradientNorms, learningRates, moments, final, average } = recording;
  const entries = new Map<string, TensorEntry>();
  batches.forEach(({ source, target, rows, sourceLength, targetLength }, i) => {
    entries.set(`source.${i}`, { dtype: 'I32', shape: [rows, sourceLength], data: source });
    entries.set(`target.${i}`, { dtype: 'I32', shape: [rows, targetLength], data: target });
    entries.set(`logits.${i}`, { dtype: 'F32', shape: [rows, targetLength - 1, classes], data: logits[i] });
  });
  for (const [name, values] of Object.entries({ losses, gradientNorms, learningRates })) {
    entries.set(name, { dtype: 'F64', shape: [values.length], data: Float64Array.from(values) });
  }
  for (const [name, steps] of moments) {
    const data = Float32Array.from(steps.flatMap((step) => [...step]));
    entries.set(`moments.${name}`, { dtype: 'F32', shape: [steps.length, steps[0].length], data });
  }
  return new Map([...entries, ...entriesOf('final.', final), ...(average ? entriesOf('average.', average) : [])]);
}

const entriesOf = (prefix: string, state: ReadonlyMap<string, StateEntry>): Map<string, TensorEntry> =>
  new Map(
    [...state].map(([name, { shape, data }]) => [
      `${prefix}${name}`,
      { dtype: 'F32', shape, data: data as Float32Array },
    ]),
  );
