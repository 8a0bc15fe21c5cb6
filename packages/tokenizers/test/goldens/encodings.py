"""Makes encodings.json: what the Rust library gives for small tokenizers of every kind.

    pip install tokenizers numpy
    python encodings.py > encodings.json
"""

import json

import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "The quick brown fox jumps over the lazy dog.",
    "Attention is all you need, and attention is what the model pays.",
    "她们在图书馆里读书，然后去公园散步。",
    "Dr. Müller's naïve café costs 12.50 € — or does it?",
    "def attend(q, k, v):\n    return softmax(q @ k.T) @ v",
    "👩‍👩‍👧 family 😀😀 smile",
] * 3

TEXTS = [
    "",
    " ",
    "the dog reads",
    "The  quick\tbrown fox!",
    "naïve Müller, ÉCOLE, cafe\u0301",
    "她在图书馆 reading 书",
    "😀 smile 👩‍👩‍👧!",
    "unknown ß ﬁ Ω ѣ \u0e01",
    "<s>the<mask> dog</s> [CLS]",
    "a" * 40 + " don't 3.14 1234567",
    "line\r\n\nbreak \u00a0 end ",
]

PAIRS = [("the dog reads", "attention is all you need"), ("", "fox"), ("她在", "")]


def specials(*names):
    return [AddedToken(name, special=True) for name in names]


def byte_level(prefix):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=specials("<s>", "</s>", "<mask>"),
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def gpt2():
    tokenizer = byte_level(False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return tokenizer


def roberta():
    tokenizer = byte_level(True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def bert():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=30))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=220, show_progress=False, special_tokens=specials("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def old_bert():
    tokenizer = bert()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def llama():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=460, show_progress=False, special_tokens=["<unk>", "<s>", "</s>", *alphabet], limit_alphabet=40
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    state = json.loads(tokenizer.to_str())
    state["pre_tokenizer"] = None
    state["added_tokens"] = state["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=180, show_progress=False, unk_token="<unk>", special_tokens=specials("<unk>", "<s>", "</s>")
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def words():
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(show_progress=False, special_tokens=["[UNK]"])
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def affixes(fuse):
    tokenizer = Tokenizer(
        models.BPE(unk_token="<unk>", fuse_unk=fuse, continuing_subword_prefix="##", end_of_word_suffix="</w>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)])
    tokenizer.decoder = decoders.BPEDecoder()
    trainer = trainers.BpeTrainer(
        vocab_size=200,
        show_progress=False,
        special_tokens=["<unk>"],
        continuing_subword_prefix="##",
        end_of_word_suffix="</w>",
        limit_alphabet=60,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def added():
    tokenizer = bert()
    tokenizer.add_tokens(
        [
            AddedToken("dog", single_word=True),
            AddedToken("FOX", lstrip=True),
            AddedToken("need", rstrip=True, normalized=False),
            AddedToken("attention is", lstrip=True, rstrip=True),
            AddedToken("att"),
        ]
    )
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def describe(encoding):
    return {
        "ids": encoding.ids,
        "tokens": encoding.tokens,
        "offsets": [list(range) for range in encoding.offsets],
        "wordIds": [-1 if word is None else word for word in encoding.word_ids],
        "typeIds": encoding.type_ids,
        "sequenceIds": [-1 if sequence is None else sequence for sequence in encoding.sequence_ids],
        "specialTokensMask": encoding.special_tokens_mask,
        "attentionMask": encoding.attention_mask,
        "overflowing": [describe(part) for part in encoding.overflowing],
    }


def cases(tokenizer):
    for text in TEXTS:
        encoding = tokenizer.encode(text)
        yield {"text": text, **describe(encoding), "decoded": tokenizer.decode(encoding.ids)}
    for text, pair in PAIRS:
        yield {"text": text, "pair": pair, **describe(tokenizer.encode(text, pair))}
    words = ["The", "dog's", "", "naïve café"]
    yield {"text": words, **describe(tokenizer.encode(words, is_pretokenized=True))}


def truncated(tokenizer):
    text, pair = "attention is all you need and the quick brown fox reads", "the lazy dog jumps over a fox"
    for strategy in ["longest_first", "only_first", "only_second"]:
        for direction in ["left", "right"]:
            for length, stride in [(14, 0), (14, 1), (17, 3)]:
                tokenizer.enable_truncation(length, stride=stride, strategy=strategy, direction=direction)
                options = {"maxLength": length, "stride": stride, "strategy": strategy, "direction": direction}
                if strategy != "only_second":
                    yield {"text": text, "truncation": options, **describe(tokenizer.encode(text))}
                try:
                    encoding = tokenizer.encode("attention is the dog", pair)
                except BaseException:  # too short for the stride: the library panics
                    continue
                yield {"text": "attention is the dog", "pair": pair, "truncation": options, **describe(encoding)}
    tokenizer.no_truncation()
    for direction in ["left", "right"]:
        for options in [{"length": 9}, {"multipleOf": 8}, {}]:
            tokenizer.enable_padding(
                direction=direction,
                pad_id=0,
                pad_type_id=1,
                pad_token="[PAD]",
                length=options.get("length"),
                pad_to_multiple_of=options.get("multipleOf"),
            )
            batch = ["the dog reads", "fox", "attention is all you need"]
            yield {
                "batch": batch,
                "padding": {**options, "direction": direction, "id": 0, "typeId": 1, "token": "[PAD]"},
                "encodings": [describe(encoding) for encoding in tokenizer.encode_batch(batch)],
            }
    tokenizer.no_padding()


def main():
    made = {
        "gpt2": gpt2(),
        "roberta": roberta(),
        "bert": bert(),
        "bert with BertProcessing": old_bert(),
        "llama": llama(),
        "unigram": unigram(),
        "words": words(),
        "affixes": affixes(False),
        "affixes, unknown fused": affixes(True),
        "added tokens": added(),
    }
    goldens = []
    for name, tokenizer in made.items():
        # The tokenizer as it is written before truncation and padding are switched on.
        entry = {"name": name, "tokenizer": json.loads(tokenizer.to_str()), "cases": list(cases(tokenizer))}
        if name in ("roberta", "bert", "bert with BertProcessing"):
            entry["cases"] += truncated(tokenizer)
        goldens.append(entry)
    print(json.dumps({"tokenizers": tokenizers.__version__, "goldens": goldens}, ensure_ascii=False, separators=(",", ":")))


main()
