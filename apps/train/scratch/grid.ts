import { chooseGrid, GridBatches } from '@qkv/data';
import { loadDictionary, loadHeldOutWords, phonemesOf, splitDictionary } from '../src/cmudict';
import { createVocabularies } from '../src/g2p/model';
import { createPairs } from '../src/g2p/training';
const d = loadDictionary();
const split = splitDictionary(d, loadHeldOutWords());
const vocab = createVocabularies(phonemesOf(d));
const pairs = createPairs(split.training, d, vocab.letters, vocab.phonemes);
for (const cells of [4, 6, 8, 10, 12, 16]) {
  const g = new GridBatches(pairs, { cells: chooseGrid(pairs, { cells }), rows: 128, seed: 1 });
  console.log(cells, g.paddingShare.toFixed(3), g.batchesPerEpoch, g.cells.map((c) => `${c.sourceLength}x${c.targetLength}:${c.batches}`).join(' '));
}
