import { z } from 'zod';

import { loadDictionary, loadHeldOutWords, splitDictionary } from '../data/cmudict';
import { examplesOf, loadG2pTask } from '../data/g2p-task';
import { Failure } from '../failure';
import { pairsKind } from './pairs';

/** English spelling to pronunciation, from CMUdict. */
export const g2p = pairsKind({
  name: 'g2p',
  dataSchema: z.strictObject({ task: z.literal('g2p') }),
  labels: { examples: 'words', tokens: ['PER', 'PER'], sequences: ['WER', 'WER'] },
  specsOf: () => ({}),
  async loadTask({ recipe, codecs }) {
    const task = loadG2pTask(recipe);
    if (JSON.stringify(task.codecs) === JSON.stringify(codecs)) return task;
    throw new Failure(
      'the CMUdict here has other phonemes than the one that the run was trained on; install its version',
    );
  },
  ownExamples() {
    const dictionary = loadDictionary();
    const { heldOut } = splitDictionary(dictionary, loadHeldOutWords());
    return { name: 'all held-out words', examples: examplesOf(heldOut, dictionary) };
  },
});
