import { useWasm } from '@qkv/backend-wasm';
import { loadDictionary, loadHeldOutWords, phonemesOf, splitDictionary } from '../src/cmudict';
import { createModel, createVocabularies } from '../src/g2p/model';
import { createPairs, train } from '../src/g2p/training';
import { defaultRecipe } from '../src/g2p/recipe';
await useWasm();
const d = loadDictionary();
const split = splitDictionary(d, loadHeldOutWords());
const vocab = createVocabularies(phonemesOf(d));
for (const spec of process.argv.slice(2)) {
  const [dimension, heads, feedForward, encoderLayers, decoderLayers, batch, steps = 60] = spec.split(',').map(Number);
  const recipe = { ...defaultRecipe, dimension, heads, feedForward, encoderLayers, decoderLayers, batch, steps };
  const model = createModel(vocab, recipe, 1);
  const pairs = createPairs(split.training, d, vocab.letters, vocab.phonemes);
  let t0 = 0, c0 = 0, tok = 0, n = 0; const per: number[] = []; let last = 0;
  await train({ model, pairs, recipe, onStep: ({ step, tokens }) => {
    const u = process.cpuUsage(); const c = (u.user + u.system) / 1e6;
    if (step === 20) { t0 = performance.now(); c0 = c; }
    if (step > 20) { tok += tokens; n++; per.push(c - last); }
    last = c;
    if (step === steps) {
      const cpu = c - c0;
      const D = dimension, V = vocab.phonemes.size, half = tok / 2 + 0; // letters ≈ phonemes
      const F = 6 * (encoderLayers * (4 * D * D + 2 * D * feedForward) * half + decoderLayers * (6 * D * D + 2 * D * feedForward) * half + decoderLayers * 2 * D * D * half + D * V * half);
      console.log(spec, `cpu/step ${(cpu / n * 1000).toFixed(0)} ms (best ${Math.min(...per) * 1000 | 0}), ${(tok / cpu).toFixed(0)} tokens/s, useful ${(F / cpu / 1e9).toFixed(1)} GFLOP/s, wall/step ${((performance.now() - t0) / n).toFixed(0)}`);
    }
  } });
}
