"""What the Rust tokenizers library trains from small corpora: writes training.json beside this file.

botchan.txt: chapters I to III of Natsume Soseki's Botchan, translated by Yasotaro Morri, 1919; public domain, from
Project Gutenberg, eBook 8868 (https://www.gutenberg.org/ebooks/8868). Run with RAYON_NUM_THREADS=1.
"""

import json
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

folder = Path(__file__).parent
corpora = {
    "botchan": (folder / "botchan.txt").read_text(encoding="utf-8").split("\n"),
    # Written for this test: scripts without spaces, marks, characters beyond U+FFFF, repetitions.
    "mixed": [
        "我们 今天 学习 中文,明天 也 学习 中文。 学习 中文 很 有意思!",
        "今天 天气 很 好,我们 去 公园 玩。 明天 天气 也 很 好。",
        "hello hello help held yellow mellow lowest lower newest newer widest wider",
        "aaaa aaaaaa aaa aa a abab ababab abababab bbbb baba",
        "😀😀 😀😃 👍🏽 👍🏽👍 🇩🇪🇫🇷 👨‍👩‍👧 𝒳𝒴𝒵 𝒳𝒴",
        "Straße straße café cafe\u0301 naïve nai\u0308ve 한국어 한국 \u1112\u1161\u11ab",
        "\u0000 a\u0000b ##a #a #",
    ],
}
kinds = {
    "bpe": (models.BPE, trainers.BpeTrainer),
    "wordPiece": (models.WordPiece, trainers.WordPieceTrainer),
    "wordLevel": (models.WordLevel, trainers.WordLevelTrainer),
    "unigram": (models.Unigram, trainers.UnigramTrainer),
}
specials = ["<s>", "</s>", "th", "e", "<s>"]
cases = [
    ("bpe", "botchan", {"vocabSize": 1500}),
    ("bpe", "botchan", {"vocabSize": 30000, "minFrequency": 12, "specialTokens": specials}),
    ("bpe", "botchan", {"vocabSize": 600, "limitAlphabet": 40, "initialAlphabet": ["é", "😀", "Z"]}),
    ("bpe", "botchan", {"vocabSize": 600, "maxTokenLength": 5}),
    ("bpe", "botchan", {"vocabSize": 600, "endOfWordSuffix": "</w>"}),
    ("bpe", "mixed", {}),
    ("bpe", "mixed", {"specialTokens": ["aaa", "今天", "中"], "minFrequency": 2}),
    ("bpe", "mixed", {"maxTokenLength": 4}),
    ("bpe", "mixed", {"maxTokenLength": 1}),
    ("bpe", "mixed", {"continuingSubwordPrefix": "##", "endOfWordSuffix": "_"}),
    ("wordPiece", "botchan", {"vocabSize": 800, "specialTokens": ["[UNK]", "[CLS]"]}),
    ("wordPiece", "mixed", {}),
    ("wordLevel", "botchan", {"vocabSize": 1000, "specialTokens": ["[UNK]", "was"]}),
    ("wordLevel", "mixed", {"minFrequency": 2}),
    ("unigram", "botchan", {"vocabSize": 1000, "unkToken": "<unk>"}),
    (
        "unigram",
        "botchan",
        {
            "vocabSize": 400,
            "shrinkingFactor": 0.6,
            "nSubIterations": 1,
            "maxPieceLength": 5,
            "specialTokens": ["[A]", "<unk>"],
            "unkToken": "<unk>",
            "initialAlphabet": ["é", "a"],
        },
    ),
    ("unigram", "mixed", {"vocabSize": 160}),
    ("unigram", "mixed", {"vocabSize": 95, "specialTokens": ["[A]"], "unkToken": "[U]"}),
]


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def train(kind, texts, options):
    model, trainer = kinds[kind]
    tokenizer = Tokenizer(model())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    options = {snake(name): value for name, value in options.items()}
    tokenizer.train_from_iterator(texts, trainer(show_progress=False, **options))
    return json.loads(tokenizer.to_str())["model"]


def golden(kind, texts, options):
    model = train(kind, texts, options)
    case = {"kind": kind, "options": options}
    # Tokens hold no white space; the long lists are kept as text.
    if kind == "unigram":
        case["vocab"] = " ".join(piece for piece, _ in model["vocab"])
        case["scores"] = " ".join(format(score, ".11g") for _, score in model["vocab"])
        case["unkId"] = model["unk_id"]
    else:
        case["vocab"] = " ".join(sorted(model["vocab"], key=model["vocab"].get))
    if kind == "wordLevel":
        case["ids"] = " ".join(str(id) for id in sorted(model["vocab"].values()))
    if kind == "bpe":
        case["merges"] = "\n".join(" ".join(pair) for pair in model["merges"])
    return case


def write(name, contents):
    contents = {"source": f"{name}.py, tokenizers {tokenizers.__version__}", **contents}
    text = json.dumps(contents, ensure_ascii=False, indent=2) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    goldens = [{"corpus": corpus, **golden(kind, corpora[corpus], options)} for kind, corpus, options in cases]
    write("training", {"mixed": corpora["mixed"], "cases": goldens})
