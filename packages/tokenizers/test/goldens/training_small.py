"""What the Rust tokenizers library trains from small random words, where many pairs and pieces are equally frequent
and many ways lead to one token: writes training_small.json beside this file. Run with RAYON_NUM_THREADS=1."""

import random
from collections import Counter

from training import golden, write

chance = random.Random(1)
pick = chance.choice


def maybe(options, share, name, *values):
    if chance.random() < share:
        options[name] = pick(values)


def random_case(kind):
    letters = pick(["ab", "abc", "ab#_@", "我们今天学", "😀a👍b"])
    parts = ["".join(pick(letters) for _ in range(chance.randint(1, 4))) for _ in range(6)]
    some = pick([[*letters], parts])
    words = ["".join(pick(some) for _ in range(chance.randint(1, 5))) for _ in range(pick([2, 5, 20, 50]))]
    options = {}
    maybe(options, 0.5, "specialTokens", ["ab"], ["a", "<s>"], ["ba", "abb", "ba"], ["##a", "今天"])
    maybe(options, 0.3, "initialAlphabet", ["z", "a"])
    if kind == "unigram":
        options["vocabSize"] = pick([8, 12, 20, 40])
        maybe(options, 0.5, "unkToken", "<unk>", "a")
        maybe(options, 0.4, "shrinkingFactor", 0.3, 0.9)
        maybe(options, 0.4, "nSubIterations", 1, 3)
        maybe(options, 0.4, "maxPieceLength", 1, 2, 3, 40)
    else:
        options["vocabSize"] = pick([10, 30, 60])
        maybe(options, 0.3, "minFrequency", 1, 2, 5)
        maybe(options, 0.3, "continuingSubwordPrefix", "##", "a", "_")
        maybe(options, 0.3, "endOfWordSuffix", "</w>", "_", "a", "b")
        maybe(options, 0.4, "maxTokenLength", 2, 3, 4, 8)
    return words, options


def without_chance(case):
    """A result without what may be another one each time: ids of first tokens, the order of equals."""
    pieces = sorted(case["vocab"].split(" "))
    return [pieces, case.get("scores"), sorted(case.get("merges", "").split("\n"))]


goldens = []
while len(goldens) < 130:
    kind = ["bpe", "bpe", "unigram"][len(goldens) % 3]
    words, options = random_case(kind)
    try:
        results = [golden(kind, [" ".join(words)], options) for _ in range(8)]
    except Exception:
        continue  # too many characters
    if any(without_chance(result) != without_chance(results[0]) for result in results):
        continue
    counts = " ".join(f"{word} {count}" for word, count in Counter(words).items())
    goldens.append({"words": counts, **results[0]})
write("training_small", {"cases": goldens})
