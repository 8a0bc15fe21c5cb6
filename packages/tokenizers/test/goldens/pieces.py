"""Pieces that pre-tokenizers of the Rust library give, with offsets in code points: pieces.json."""
import json
import pathlib

import tokenizers
from tokenizers import Tokenizer

TEXTS = [
    "Hello my friend, how is   your day-to-day going?\n\n  I'll've DON'T it'S 12345 3.14!",
    "  leading\tand trailing \r\n ",
    "caf\u00e9 e\u0301te\u0301 stra\u00dfe \u017fo \u212aelvin'\u017f \u0130stanbul",
    "\u4eac\u90fd\u306b\u884c\u304f\u30ab\u30fc\u30c9\u3002\uff01 \ud55c\uad6d\uc5b4 \u1112\u1161\u11ab \u0e01\u0e47 \u0661\u0662\u0663 \u00b2\u00bd\u2167",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U00020000\U0001d53e_x \u2581a\u2581\u2581b \u0120",
    "\u00a0\u3000\u0085\ufeff\u2028\x00\x7f a|b (c) [d] /e/ `f` ~g $1 <s> a.b.c",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629\u060c \u05e2\u05d1\u05e8\u05d9\u05ea \u092e\u0930\u093e\u0920\u0940 \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac",
    "",
    " ",
    "a",
]
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
REGEXES = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + REST,
    "qwen2": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + REST,
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k": rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}?|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "kimi": r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}&&[^\p{Han}]]+|\p{N}{1,3}" + REST,
    "deepseek": r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
    "cjk": "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    "clip": r"<\|startoftext\|>|'s|'t|'re|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    "bloom": " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+",
    "thousands": r"\d{1,3}(?=(?:\d{3})*\b)",
    "lines": r"^.|.$|(?<=\n)[ \t]+",
    "dot": r"(?m:o.)|\R",
    "ends": r"\A\w|\w\Z|\w\z",
    "posix": r"[[:alpha:]]+|[[:^alnum:][:punct:]]",
    "named": "(?<word>\\w+)(?#comment)|(?x: \\s # space\n )",
    "escapes": r"\x{e9}|\u00df|\101|\h{2}|[\x61-c&&[^b]]|\p{^L}\P{N}",
    "folding": r"(?i)stra\u00dfe|SO|kelvin|[\p{Lu}&&\p{Latin}]x",
    "atomic": r"(?>a|ab)b|\w*+\W?+|a{2}?",
    "empty": r"",
    "optional": r"a*",
    "boundary": r"\b",
    "ahead": r"(?=[a-z])",
}
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def byte_level(space, regex):
    return {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": regex}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def metaspace(replacement, scheme, cut):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": cut}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


PARTS = [
    *[byte_level(space, regex) for space in (True, False) for regex in (True, False)],
    *[{"type": name} for name in ("Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts")],
    *[metaspace("\u2581", scheme, cut) for scheme in ("always", "first", "never") for cut in (True, False)],
    metaspace("\U0001f600", "always", True),
    {"type": "CharDelimiterSplit", "delimiter": " "},
    {"type": "CharDelimiterSplit", "delimiter": "\U0001f600"},
    *[{"type": "Punctuation", "behavior": behavior} for behavior in BEHAVIORS],
    *[{"type": "Digits", "individual_digits": each} for each in (True, False)],
    {"type": "FixedLength", "length": 3},
    *[split({"Regex": r"\s+|[aeiou]"}, behavior, invert) for behavior in BEHAVIORS for invert in (True, False)],
    *[split({"String": string}, "MergedWithNext") for string in ("", " ", "a", ".", "\U0001f600")],
    *[split({"Regex": regex}) for regex in REGEXES.values()],
    sequence(split({"Regex": REGEXES["llama3"]}), byte_level(False, False)),
    sequence(
        split({"Regex": r"\p{N}{1,3}"}),
        split({"Regex": REGEXES["cjk"]}),
        split({"Regex": REGEXES["deepseek"]}),
        byte_level(False, False),
    ),
    sequence({"type": "WhitespaceSplit"}, metaspace("\u2581", "always", True)),
    sequence({"type": "WhitespaceSplit"}, metaspace("\u2581", "first", True)),
    sequence(byte_level(True, True), {"type": "Digits", "individual_digits": True}),
    sequence({"type": "Digits", "individual_digits": True}, byte_level(True, True), byte_level(False, False)),
]


def pre_tokenizer(part):
    return Tokenizer.from_str(
        json.dumps({"version": "1.0", "added_tokens": [], "pre_tokenizer": part, "model": {"type": "WordLevel", "vocab": {}, "unk_token": "x"}})
    ).pre_tokenizer


cases = []
for part in PARTS:
    rust = pre_tokenizer(part)
    pieces = []
    for text in TEXTS:
        found = rust.pre_tokenize_str(text)
        offsets = " ".join(f"{start} {end}" for _, (start, end) in found)
        # Offsets, then the pieces themselves where they are not just what stands there.
        written = [piece for piece, _ in found]
        plain = written == [text[start:end] for _, (start, end) in found]
        pieces.append(offsets if plain else "\u241e".join([offsets, *written]))
    cases.append({"json": json.loads(rust.__getstate__()), "pieces": pieces})
golden = {"tokenizers": tokenizers.__version__, "texts": TEXTS, "cases": cases}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
