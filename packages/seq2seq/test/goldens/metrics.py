"""Scores of sacrebleu for made-up and for real segments: writes metrics.json.gz.

    pip install sacrebleu && python metrics.py
    python metrics.py --seed 7 --sets 20000 --output more.json.gz     # for comparisons beyond the committed ones

Real sentences: tatoeba.tsv, English, Chinese, attribution (CC BY 2.0 FR); hypotheses are these, worsened.
"""
import argparse
import gzip
import json
import pathlib
import platform
import random

import regex
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF, TER

here = pathlib.Path(__file__).parent
parser = argparse.ArgumentParser()
parser.add_argument('--seed', type=int, default=6)
parser.add_argument('--sets', type=int, default=1400)
parser.add_argument('--output', default=here / 'metrics.json.gz')
arguments = parser.parse_args()
rng = random.Random(arguments.seed)

real = [line.split('\t')[:2] for line in (here / 'tatoeba.tsv').read_text('utf8').splitlines()]
words = (
    'the a of to and in is it was cat dog house tree runs RUNS Run over under quick brown red blue green one two three '
    "don't it's John's state-of-the-art e.g. U.S. 3.14 1,000 10-20 5% $7.50 #tag @user a/b x=y (see) [1] {z} \"quoted\" "
    "'single' end. end, end; end: end! end? ... — – “curly” ‘s’ … &amp; &lt;b&gt; &quot;q&quot; &amp;lt; <skipped> < > & "
    'Straße ÄRGER naïve İstanbul Σίσυφος ΟΔΟΣ привет мир مرحبا ١٢٣ नमस्ते 😀 👩‍👩‍👧 𝒳 𠀀 €5 ½ ² ™ °C ™. '
    '你好 世界。 中文，测试 「引号」 （括号） 100％ ｆｕｌｌ ひらがな カタカナ・ ー ㈱ ㍿ ㌔ 。 、 ！ 〜 ⺀ 豈 が- -が ﹏ ﾊﾝｶｸ 한국어 ア'
).split()
spaces = [' '] * 30 + ['  ', '\t', '\u00a0', '\u3000', '\n', '-\n', '\n-', '\u2003', '\x85', '\x1c']


def noise(text):
    """Swaps, drops, doubles, replaces and moves words, or does so to characters."""
    chars = ' ' not in text or rng.random() < 0.2
    items = list(text) if chars else text.split(' ')
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        if not items:
            break
        i, j = rng.randrange(len(items)), rng.randrange(len(items))
        kind = rng.choice(['swap', 'drop', 'double', 'other', 'move', 'case'])
        if kind == 'swap':
            items[i], items[j] = items[j], items[i]
        elif kind == 'drop':
            del items[i]
        elif kind == 'double':
            items.insert(j, items[i])
        elif kind == 'other':
            items[i] = rng.choice('abcxyz.,!？。好') if chars else rng.choice(words)
        elif kind == 'case':
            items[i] = items[i].swapcase()
        else:
            start, end = min(i, j), max(i, j) + 1
            run = items[start:end][: rng.randint(1, 12)]
            del items[start : start + len(run)]
            at = rng.randint(0, len(items))
            items[at:at] = run
    return ('' if chars else ' ').join(items)


def made_up():
    few = rng.sample(words, rng.choice([2, 5, 20, len(words)]))
    # Long ones of few words reach the limits of TER: its beam, the longest move, the number of candidates.
    length = rng.choice([0, 1, 2, 3, 5, 8, 8, 12, 12, 20] + [40, 90] * (rng.random() < 0.15))
    return ''.join(rng.choice(few) + rng.choice(spaces) for _ in range(length))


def segment(language):
    text = made_up() if language is None else rng.choice(real)[language]
    references = [text] + [noise(text) if rng.random() < 0.9 else made_up() for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    rng.shuffle(references)
    hypothesis = text
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        hypothesis = noise(hypothesis)
    return [made_up() if language is None and rng.random() < 0.1 else hypothesis, references]


def extreme():
    """Pairs at the limits of TER: length of a move, distance of a move, number of candidates, width of the beam."""
    def unique(n, letter):
        return [f'{letter}{i}' for i in range(n)]

    n = rng.randint(8, 12)
    near = rng.choice([49, 50, 50, 51])
    wide = rng.randint(22, 29)
    kind = rng.choice(['size', 'distance', 'candidates', 'candidates', 'candidates', 'candidates', 'beam', 'beam', 'ratio'])
    if kind == 'size':
        a, b = unique(n, 'a') + unique(5, 'b'), unique(5, 'b') + unique(n, 'a')
    elif kind == 'distance':
        a, b = unique(near, 'a') + ['x', 'y', 'z'], ['x', 'y', 'z'] + unique(near, 'b')
    elif kind == 'candidates':
        few = unique(rng.randint(2, 4), 'a')
        a, b = ([rng.choice(few) for _ in range(rng.randint(16, 30))] for _ in range(2))
    elif kind == 'beam':
        shared = unique(rng.randint(30, 60), 'c')
        a, b = unique(wide, 'a') + shared, shared + unique(wide + rng.choice([0, 0, 1, 5]), 'b')
    else:
        b = unique(rng.randint(90, 240), 'a')
        a = rng.sample(b, rng.randint(1, 3))
    pair = [' '.join(a), ' '.join(b)]
    rng.shuffle(pair)
    return [pair[0], [pair[1]]]


def bleu_options(language):
    method, value = rng.choice([('exp', None)] * 3 + [('none', None), ('floor', None), ('floor', 0.5), ('add-k', None), ('add-k', 0.25)])
    tokenizer = rng.choice(['13a', 'intl', 'zh', 'char', 'none'] + ['zh', 'char'] * (language == 1))
    return dict(tokenize=tokenizer, smooth_method=method, smooth_value=value, lowercase=rng.random() < 0.3,
                effective_order=rng.random() < 0.4, max_ngram_order=rng.choice([4, 4, 4, 2, 6]))


def chrf_options():
    return dict(char_order=rng.choice([6, 6, 6, 3, 1]), word_order=rng.choice([0, 0, 2, 2, 1]), beta=rng.choice([2, 2, 1, 3]),
                lowercase=rng.random() < 0.3, whitespace=rng.random() < 0.3, eps_smoothing=rng.random() < 0.3)


def ter_options():
    return {name: rng.random() < 0.5 for name in ('normalized', 'no_punct', 'asian_support', 'case_sensitive')}


def scored(metric, options, segments):
    streams = max(len(references) for _, references in segments)
    references = [[r[i] if i < len(r) else None for _, r in segments] for i in range(streams)]
    score = metric.corpus_score([hypothesis for hypothesis, _ in segments], references)
    signature = '|'.join(part for part in str(metric.get_signature()).split('|') if not part.startswith('version:'))
    return [options, float(f'{score.score:.12g}'), signature]


sets = []
for i in range(arguments.sets):
    language = rng.choice([None, 0, 1])
    # The last tenth stands at the limits.
    count = rng.choice([1, 1, 1, 2, 4]) if i < 0.9 * arguments.sets else 0
    segments = [segment(language) for _ in range(count)] or [extreme()]
    entry = {'segments': segments, 'bleu': [], 'chrf': [], 'ter': []}
    for _ in range(2):
        options = bleu_options(language)
        entry['bleu'].append(scored(BLEU(**options, force=True), options, segments))
    options = chrf_options()
    entry['chrf'].append(scored(CHRF(**options), options, segments))
    options = ter_options()
    entry['ter'].append(scored(TER(**options), options, segments))
    sets.append(entry)

out = {'sacrebleu': sacrebleu.__version__, 'regex': regex.__version__, 'python': platform.python_version(), 'sets': sets}
text = json.dumps(out, ensure_ascii=False, separators=(',', ':')) + '\n'
pathlib.Path(arguments.output).write_bytes(gzip.compress(text.encode('utf8'), 9, mtime=0))
