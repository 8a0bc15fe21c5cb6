"""Confidence intervals and p-values of sacrebleu, with the random numbers they rest on: writes significance.json.gz.

    pip install sacrebleu numpy && python significance.py
"""
import gzip
import json
import pathlib
import random

import numpy as np
import sacrebleu
from sacrebleu import significance
from sacrebleu.metrics import BLEU, CHRF, TER

here = pathlib.Path(__file__).parent
rng = random.Random(3)
references = [line.split('\t')[0] for line in (here / 'tatoeba.tsv').read_text('utf8').splitlines()][:40]


def worse(text, chance):
    return ' '.join(rng.choice(['a', 'it', word[::-1]]) if rng.random() < chance else word for word in text.split())


baseline = [worse(r, 0.25) for r in references]
SEED, SAMPLES = 5, 60
systems = {'close': [worse(r, 0.22) for r in references], 'far': [worse(r, 0.05) for r in references]}
n = len(references)
# The same draws as inside of sacrebleu, which seeds a generator anew for each test.
resamples = np.random.default_rng(SEED).choice(n, size=(SAMPLES, n), replace=True)
exchanges = np.random.default_rng(SEED).integers(2, size=(SAMPLES, n), dtype=bool)

# sacrebleu puts counts into float32 to save memory, which costs 1e-6 of a score; the goldens are without that.
array = np.array
np.array = lambda values, dtype=None: array(values, 'float64' if dtype == 'float32' else dtype)

results = []
for metric in (BLEU(), CHRF(word_order=2), TER()):
    stats = metric._extract_corpus_statistics(baseline, [references])
    base = metric._aggregate_and_compute(stats)
    info = {base.name: (stats, significance.Result(base.score))}
    for name, system in systems.items():
        arguments = ({base.name: metric}, SAMPLES, -1, SEED)
        ar = significance._paired_ar_test(info, name, system, [references], *arguments)[1][base.name]
        bs = significance._paired_bs_test(info, name, system, [references], *arguments)[1][base.name]
        results.append({
            'metric': base.name, 'system': name, 'baseline': base.score, 'score': ar.score,
            'randomization': ar.p_value, 'bootstrap': bs.p_value, 'mean': float(bs.mean), 'halfWidth': float(bs.ci),
        })

out = {
    'sacrebleu': sacrebleu.__version__, 'numpy': np.__version__, 'references': references, 'baseline': baseline,
    'systems': systems, 'resamples': resamples.tolist(), 'exchanges': exchanges.astype(int).tolist(), 'results': results,
}
text = json.dumps(out, ensure_ascii=False, separators=(',', ':')) + '\n'
(here / 'significance.json.gz').write_bytes(gzip.compress(text.encode('utf8'), 9, mtime=0))
