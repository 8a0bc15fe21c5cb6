import { loadG2pTask } from '../data/g2p-task';
import { readPairsFile } from '../data/pairs-file';
import { loadSeq2seqTask } from '../data/seq2seq-task';
import type { DataFile, Task } from '../data/task';
import { Failure } from '../failure';
import type { RunConfig } from './config';

/** The data of a run, once more. @throws Failure if they are not there, or not those of the run. */
export async function loadTaskOf({ data, recipe: { maxLength }, codecs }: RunConfig): Promise<Task> {
  if (data.task === 'g2p') {
    const task = loadG2pTask({ maxLength });
    if (JSON.stringify(task.codecs) === JSON.stringify(codecs)) return task;
    throw new Failure(
      'the CMUdict here has other phonemes than the one that the run was trained on; install its version',
    );
  }
  await requireUnchanged(data.train);
  if (data.valid !== null) await requireUnchanged(data.valid);
  const [train, valid] = [data.train.path, data.valid?.path];
  return loadSeq2seqTask({ ...data, train, valid, maxLength, run: { data, codecs } });
}

async function requireUnchanged({ path, digest }: DataFile): Promise<void> {
  const found = await readPairsFile(path).catch((error: unknown) => {
    const advice = 'it is needed as it was in training; a path that is not absolute begins where training was started';
    throw new Failure(`${(error as Error).message}; ${advice}`, { cause: error });
  });
  if (found.digest !== digest) throw new Failure(`${path} has changed since training; put it back as it was`);
}
