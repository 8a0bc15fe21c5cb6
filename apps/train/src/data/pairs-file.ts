import { PairsError, parsePairs, type TextPair } from '@qkv/data';

import { Failure } from '../failure';
import type { TextCodec } from '../model/codec';
import type { Example } from '../model/evaluation';
import { type DataFile, digestOf, readBytes } from './data-file';
import { normalize, type PairsData } from './task';

export interface PairsFile extends DataFile {
  readonly pairs: readonly TextPair[];
}

/** Reads tab-separated pairs. @throws Failure naming the file, and the line if one is wrong. */
export async function readPairsFile(path: string): Promise<PairsFile> {
  const bytes = await readBytes(path);
  try {
    return { path, digest: digestOf(bytes), pairs: parsePairs(bytes) };
  } catch (error) {
    if (!(error instanceof PairsError)) throw error;
    throw new Failure(error.line === undefined ? `${path}: ${error.message}` : `${path}, ${error.message}`);
  }
}

/** Each source, and all its targets, as they are written. */
export function textsBySource(pairs: readonly TextPair[], task: PairsData['task']): Map<string, readonly string[]> {
  const bySource = new Map<string, string[]>();
  for (const { source: given, target: text } of pairs) {
    const source = normalize(task, given);
    const known = bySource.get(source);
    if (known === undefined) bySource.set(source, [text]);
    else if (!known.includes(text)) known.push(text);
  }
  return bySource;
}

/** Pairs with equal sources become one example with several references. */
export const examplesOfPairs = (
  pairs: readonly TextPair[],
  target: TextCodec,
  task: PairsData['task'] = 'seq2seq',
): Example[] =>
  [...textsBySource(pairs, task)].map(([source, targets]) => ({
    source,
    references: targets.map((text) => target.tokens(text)),
  }));
