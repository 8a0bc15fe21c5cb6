import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { SequencePair } from '@qkv/data';

import { loadG2pTask } from '../data/g2p-task';
import { loadSeq2seqTask } from '../data/seq2seq-task';
import { Failure, systemReason } from '../failure';
import type { RunConfig } from '../run/config';

/** What a run has trained on. @throws Failure if the data are not there, or not those of the run. */
export async function trainingPairsOf({ data, recipe, vocabularies }: RunConfig): Promise<readonly SequencePair[]> {
  const { maxLength } = recipe;
  if (data.task === 'g2p') {
    const task = loadG2pTask({ maxLength });
    if (JSON.stringify(task.vocabularies) === JSON.stringify(vocabularies)) return task.training;
    throw new Failure(
      'the CMUdict here has other phonemes than the one that the run was trained on; install its version',
    );
  }
  const { path, digest } = data.train;
  if ((await digestOf(path)) !== digest) {
    throw new Failure(`${path} has changed since the run was trained on it; put the file back as it was`);
  }
  // Where validation pairs had a file of their own, all of this one are for training; which file is then all the same here.
  const valid = data.valid === null ? undefined : path;
  const { training } = await loadSeq2seqTask({ ...data, train: path, valid, maxLength });
  return training;
}

async function digestOf(path: string): Promise<string> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (error) {
    const reason = `cannot read ${path}, which the run was trained on: ${systemReason(error, 'read')}`;
    throw new Failure(`${reason}; a path that is not absolute begins at the folder that training was started in`);
  }
}
