"""Writes files.json: small files of each format, and the tokenizer.json that other libraries make of them.

pip install tokenizers transformers sentencepiece tiktoken protobuf; python files.py

GPT-2, RoBERTa, BERT and tiktoken: by the converters of transformers. SentencePiece: composed here of the parts of
tokenizers, and proven to encode as sentencepiece does, as those converters need classes of whole models.
"""

import base64
import hashlib
import json
import random
import sys
import tempfile
import types
from pathlib import Path

import sentencepiece
import tiktoken
import tokenizers
import transformers.convert_slow_tokenizer  # noqa: F401
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram

converters = sys.modules["transformers.convert_slow_tokenizer"]
here = Path(__file__).parent
work = Path(tempfile.mkdtemp())
random.seed(5)

WORDS = "the cat sat on a mat while ninety-nine cats, who'd seen it all, looked at 12345 bats under the stars".split()
corpus = [" ".join(random.choice(WORDS) for _ in range(random.randrange(3, 12))) for _ in range(400)]
corpus += ["naïve café — “quoted” 中文 字 🙂", "aaaaaaaaaa ====== ababab", *["x = y  +  z;  return  x"] * 8] * 8
(work / "corpus.txt").write_text("\n".join(corpus))

TEXTS = [
    "", " ", "   ", "a", " a", "  a", "a ", "a  ", "the cat sat", "  the   cat  ", "the\tcat\n", "\nthe cat", "▁the cat",
    "the ▁cat▁", "▁", "naïve café", "中文字", "🙂🙂 ok", "aaaaaaa", "=====", "a<user>b", "the <user> cat", "<us er>",
    "the cats' mat<user> <user><user>", "x  =  12345", "e\u0301 ﬁ Ⅷ ㍿", "who'd\u00a0seen\u3000it", "<unk", "quoted”",
]  # fmt: skip
TEXTS += [" ".join(random.choice(WORDS) for _ in range(6)) for _ in range(5)]


def dump(tokenizer):
    return json.loads(tokenizer.to_str())


def original(**fields):
    return types.SimpleNamespace(**fields)


# GPT-2 and RoBERTa
bpe = tokenizers.ByteLevelBPETokenizer()
special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]
bpe.train_from_iterator(corpus, vocab_size=330, special_tokens=special, show_progress=False)
bpe.save_model(str(work))
vocab_text, merges_text = (work / "vocab.json").read_text(), (work / "merges.txt").read_text()
vocab = json.loads(vocab_text)
merges = [tuple(line.split(" ")) for line in merges_text.split("\n")[1:-1]]
ranks = {pair: i for i, pair in enumerate(merges)}
gpt2 = converters.GPT2Converter(original(encoder=vocab, bpe_ranks=ranks, add_prefix_space=False, add_bos_token=False)).converted()
gpt2.add_special_tokens(["<|endoftext|>"])
roberta = converters.RobertaConverter(
    original(encoder=vocab, bpe_ranks=ranks, add_prefix_space=True, sep_token="</s>", sep_token_id=2, cls_token="<s>", cls_token_id=0)
).converted()
roberta.add_special_tokens([*special[:4], AddedToken("<mask>", lstrip=True, normalized=False)])

# BERT
wordpiece = tokenizers.BertWordPieceTokenizer()
wordpiece.train_from_iterator(corpus, vocab_size=150, show_progress=False)
wordpiece_vocab = wordpiece.get_vocab()
wordpiece_text = "".join(f"{token}\n" for token in sorted(wordpiece_vocab, key=wordpiece_vocab.get))


def bert(**basic):
    converted = converters.BertConverter(
        original(vocab=wordpiece_vocab, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
                 cls_token_id=wordpiece_vocab["[CLS]"], sep_token_id=wordpiece_vocab["[SEP]"], basic_tokenizer=original(**basic))
    ).converted()  # fmt: skip
    converted.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return dump(converted)


# tiktoken: the same BPE with its bytes as bytes
to_byte = {character: byte for byte, character in converters.bytes_to_unicode().items()}
tokens = [bytes(to_byte[c] for c in token) for token in sorted(vocab, key=vocab.get) if token not in special]
tiktoken_text = "".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(tokens))
(work / "small.tiktoken").write_text(tiktoken_text)
pattern = r"\p{L}+| ?\d{1,3}|\s+|[^\s\p{L}\d]+"
ours = converters.TikTokenConverter(vocab_file=str(work / "small.tiktoken"), pattern=pattern)
converted = ours.converted()
encoding = tiktoken.Encoding("small", pat_str=pattern, mergeable_ranks={t: i for i, t in enumerate(tokens)}, special_tokens={})
for text in TEXTS + corpus:
    assert converted.encode(text).ids == encoding.encode(text), text

# SentencePiece


def train(name, **options):
    sentencepiece.SentencePieceTrainer.train(
        input=str(work / "corpus.txt"), model_prefix=str(work / name), minloglevel=2, num_threads=1,
        normalization_rule_name="identity", character_coverage=1.0, hard_vocab_limit=False, **options
    )  # fmt: skip
    return (work / f"{name}.model").read_bytes()


def compose(data, normalizer, pre_tokenizer, decoder, normalized_symbols=True):
    proto = sentencepiece_model_pb2.ModelProto.FromString(data)
    spec = proto.trainer_spec
    if spec.model_type == 1:
        scored = [(p.piece, p.score) for p in proto.pieces]
        model = Unigram(scored, unk_id=spec.unk_id, byte_fallback=spec.byte_fallback)
    else:
        ids = {p.piece: i for i, p in enumerate(proto.pieces)}
        scores = {p.piece: p.score for p in proto.pieces}
        other = {p.piece for p in proto.pieces if p.type != 1}
        pairs = converters.generate_merges(ids, scores, skip_tokens=other)
        model = BPE(ids, pairs, unk_token=spec.unk_piece, fuse_unk=True, byte_fallback=spec.byte_fallback)
    tokenizer = Tokenizer(model)
    tokenizer.add_tokens(
        [AddedToken(p.piece, normalized=normalized_symbols and p.type == 4, special=p.type != 4) for p in proto.pieces if p.type in (2, 3, 4)]
    )
    if normalizer:
        tokenizer.normalizer = normalizers.Sequence(normalizer)
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    symbols = [p.piece for p in proto.pieces if p.type == 4]
    for text in TEXTS + corpus:
        if not any(text.startswith(symbol) for symbol in symbols):
            assert tokenizer.encode(text).ids == processor.encode(text), (text, tokenizer.encode(text).tokens, processor.encode(text, out_type=str))
    return dump(tokenizer)


def case(name, compose_with, **options):
    data = train(name, **options)
    return {"model": base64.b64encode(data).decode(), "json": compose(data, **compose_with)}


escape = normalizers.Replace(" ", "▁")
fallback = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
first = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
metaspace = decoders.Metaspace(prepend_scheme="always", split=True)
strip = [normalizers.Replace(Regex("[ ▁]+\\z"), ""), normalizers.Replace(Regex("\\A(?=▁)"), "▁"), normalizers.Replace(Regex(" {2,}"), "▁")]
cases = {
    # As Llama 2
    "llama": case("llama", {"normalizer": [normalizers.Prepend("▁"), escape], "pre_tokenizer": None, "decoder": decoders.Sequence([*fallback, decoders.Strip(" ", 1, 0)])},
                  model_type="bpe", vocab_size=350, byte_fallback=True, remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, split_by_whitespace=False),
    # As Gemma
    "gemma": case("gemma", {"normalizer": [escape], "pre_tokenizer": pre_tokenizers.Metaspace(prepend_scheme="never", split=True), "decoder": decoders.Sequence(fallback)},
                  model_type="bpe", vocab_size=350, byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False, user_defined_symbols=["<user>"]),
    "unigram": case("unigram", {"normalizer": strip, "pre_tokenizer": first, "decoder": metaspace},
                    model_type="unigram", vocab_size=75, user_defined_symbols=["<user>"], control_symbols=["<ctl>"]),
    "suffix": case("suffix", {"normalizer": [normalizers.Replace(Regex("\\A +"), ""), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(Regex("[ ▁]+\\z|(?<=[^ ▁])\\z"), "▁"), escape],
                              "pre_tokenizer": pre_tokenizers.Split("▁", "merged_with_previous"), "decoder": decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])},
                   model_type="unigram", vocab_size=75, treat_whitespace_as_suffix=True),
    "char": case("char", {"normalizer": strip, "pre_tokenizer": pre_tokenizers.Metaspace(prepend_scheme="always", split=True), "decoder": metaspace},
                 model_type="char", vocab_size=60),
}  # fmt: skip

test_model = (here / "test_model.model").read_bytes()
proto = sentencepiece_model_pb2.ModelProto.FromString(test_model)
charsmap = proto.normalizer_spec.precompiled_charsmap
test_json = compose(test_model, [normalizers.Precompiled(charsmap), *strip], pre_tokenizers.Metaspace(prepend_scheme="always", split=True), metaspace)
processor = sentencepiece.SentencePieceProcessor(model_proto=test_model)
written = test_json["normalizer"]["normalizers"][0].pop("precompiled_charsmap")

golden = {
    "libraries": {m.__name__: m.__version__ for m in (tokenizers, transformers, sentencepiece, tiktoken)},
    "bpeFiles": {"vocab": vocab_text, "merges": merges_text, "gpt2": dump(gpt2), "roberta": dump(roberta)},
    "wordPiece": {
        "vocab": wordpiece_text,
        "uncased": bert(tokenize_chinese_chars=True, strip_accents=None, do_lower_case=True),
        "cased": bert(tokenize_chinese_chars=False, strip_accents=False, do_lower_case=False),
    },
    "tiktoken": {"file": tiktoken_text, "pattern": pattern, "json": dump(converted)},
    "sentencePiece": cases,
    "testModel": {
        "json": test_json,
        "charsmapSha256": hashlib.sha256(written.encode()).hexdigest(),
        "encodings": [{"text": text, "ids": processor.encode(text), "pieces": processor.encode(text, out_type=str)} for text in TEXTS],
    },
}
(here / "files.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
