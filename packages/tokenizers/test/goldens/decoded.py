"""Texts that decoders of the Rust library give: decoded.json."""
import json
import pathlib

import tokenizers
from tokenizers import Tokenizer

TOKENS = [
    [],
    ["\u2581Hello", "\u2581wor", "ld", "\u2581\u2581", "!", "\u2581"],
    ["he", "##llo", "##", "c##", ".", "?", " ,", "n't", " n't", "do not", "a do not b", "'", "' ", "'s", " 're", "'m"],
    ["hel", "lo</w>", "w</w>x", "</w>", "end</w>"],
    ["<0xE2>", "<0x82>", "<0xAC>", "a", "<0xE2>", "<0x82>", "b", "<0xFF>", "<0x41>", "<0x+F>", "<0xg0>", "<0x4>", "<0x0a>"],
    ["\u0120Hello", "\u0120w", "\u00c3", "\u00a9", "\u00f0\u0141", "\u013a\u0122", "\u00e2\u0124", "x", "\u4eac", "\u00ff", "\u00ef\u00bb\u00bf"],
    ["<pad>", "h", "h", "<pad>", "h", "|", "|", "e", "<pad><pad>", " .", "|"],
    ["  a  ", "   ", "a a", "b", "\U0001f600a\U0001f600", ""],
]
REPLACE = [({"String": "\u2581"}, " "), ({"String": ""}, "x"), ({"String": "."}, "$0"), ({"Regex": "l*"}, "\\1"), ({"Regex": "^\\s+|[Hh]"}, "")]
LLAMA = [
    {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
]
DECODERS = [
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
    *[{"type": "WordPiece", "prefix": prefix, "cleanup": cleanup} for prefix in ("##", "") for cleanup in (True, False)],
    *[{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": True} for scheme in ("always", "first", "never")],
    *[{"type": "BPEDecoder", "suffix": suffix} for suffix in ("</w>", "")],
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    *[{"type": "Strip", "content": " ", "start": start, "stop": 0} for start in (0, 1, 2)],
    {"type": "Strip", "content": "\U0001f600", "start": 1, "stop": 0},
    *[{"type": "Replace", "pattern": pattern, "content": content} for pattern, content in REPLACE],
    *[{"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": cleanup} for cleanup in (True, False)],
    {"type": "Sequence", "decoders": LLAMA},
    {"type": "Sequence", "decoders": []},
]

cases = []
for decoder in DECODERS:
    rust = Tokenizer.from_str(
        json.dumps({"version": "1.0", "added_tokens": [], "decoder": decoder, "model": {"type": "WordLevel", "vocab": {}, "unk_token": "x"}})
    ).decoder
    cases.append({"json": json.loads(rust.__getstate__()), "texts": [rust.decode(tokens) for tokens in TOKENS]})
golden = {"tokenizers": tokenizers.__version__, "tokens": TOKENS, "cases": cases}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
