"""Makes normalizers.json with the Rust library: pip install tokenizers sentencepiece; python normalizers.py

For each normalizer some texts, what became of them, and the origin of each character in code points; for each class of
characters its members in all of Unicode; for each normalisation form a hash of what becomes of all that it may change.
"""

import base64
import hashlib
import io
import json
import pathlib
import random
import tempfile

import sentencepiece
import tokenizers
from tokenizers import PreTokenizedString, Regex, Tokenizer, models, normalizers

here = pathlib.Path(__file__).parent
rules = """61\t62 63
62\t
65 301\t45
301\t
64 307\t64 64 64
20\t5F 5F
D A\t21
66 69 72\tFB01
1F600\t78 79 7A
E9\t65 301
4E00\t1D400
5D0 5B0\t3B1 3B2
A9\t28 63 29
AC00\t67 61
600\t78
"""


def charsmap():
    """The compiled form of the rules above, out of a model of SentencePiece (field 3, in it field 2)."""

    def varint(data, at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                return value, at

    def field(data, wanted):
        at = 0
        while at < len(data):
            key, at = varint(data, at)
            if key & 7 == 2:
                length, at = varint(data, at)
                if key >> 3 == wanted:
                    return data[at : at + length]
                at += length
            elif key & 7 == 0:
                _, at = varint(data, at)
            else:
                at += 4 if key & 7 == 5 else 8

    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write(rules)
        file.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g"] * 10),
            model_writer=model,
            vocab_size=20,
            hard_vocab_limit=False,
            minloglevel=3,
            normalization_rule_tsv=file.name,
        )
    return base64.b64encode(field(field(model.getvalue(), 3), 2)).decode()


def bert(clean=True, chinese=True, accents=None, lower=True):
    return {
        "type": "BertNormalizer",
        "clean_text": clean,
        "handle_chinese_chars": chinese,
        "strip_accents": accents,
        "lowercase": lower,
    }


def replace(kind, pattern, content):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def strip(left, right):
    return {"type": "Strip", "strip_left": left, "strip_right": right}


def sequence(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


def plain(name):
    return {"type": name}


prepend = {"type": "Prepend", "prepend": "▁"}
precompiled = {"type": "Precompiled", "precompiled_charsmap": charsmap()}

listed = [
    *map(plain, ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"]),
    *[bert(), bert(lower=False), bert(False, False, False, False), bert(False, True, True, False), bert(accents=False)],
    *[strip(True, True), strip(True, False), strip(False, True)],
    *[prepend, replace("String", " ", "▁"), replace("String", "e", "xyz"), replace("Regex", " {2,}", " ")],
    *[replace("Regex", "[aeiou]*", "-"), replace("String", "é", "")],
    precompiled,
    sequence(),
    sequence(strip(True, False), strip(False, True), replace("Regex", "x*", "-")),
    sequence(plain("NFD"), plain("Lowercase"), plain("StripAccents")),
    sequence(strip(True, True), prepend, plain("NFKC"), plain("NFD"), replace("String", " ", "▁")),
    sequence(plain("Nmt"), precompiled, replace("Regex", " {2,}", " "), prepend, plain("ByteLevel")),
]

texts = [
    "",
    " ",
    "Hello World",
    "  two  spaces \t\n",
    "Élève, ΟΔΥΣΣΕΥΣ, İstanbul",
    "e\u0301\u0327 \u1ec7\u0323\u0301 \u0344\u0f73\u0f74\u0f71",
    "가각 \u1100\u1161\u11a8 \u3131\u314f \uffa1\uffc2",
    "ﬁ ① ㍿ ﷺ \u212b \uff76\uff9e\uff76\uff9f",
    "我爱 NLP\u3002\U00020000\uf900",
    "a\u0000b\ufffdc\u200bd\u00ad\u0085\u2028\u3000e",
    "\u0001\u0001abc\u0001",
    "\u05d0\u05b0 ©\u0301 d\u0307 \r\nb fir aé",
    "\u0301bé\u0301 \uac00\u0301\u1100\uac00\u0301",
    "👍🏽 😀b\u200d 🇩🇪",
    "\U00011935\U00011930 \U00016d63\U00016d67 \U000105d2\u0307 \u1df6\u0323\u0301",
    "नमस्ते ไทยำ \u0600a\u0301",
    "e\u0310\u0301\u0316 \u0600a \u0600\uac00\u11a8",
    "\ufeffx\u1680y\u2581z\u007f",
    "\u1734\u1885\u1cf2\U0001171e\u0890\u08e2\U00013430",
]
pools = [
    [0x61, 0x65, 0x20, 0xE9, 0x1EC7, 0x1E09, 0x3B1, 0x212B, 0xA9, 0xAC00, 0x1100, 0x4E00, 0x1F600, 0x3A3, 0x130],
    [0x301, 0x300, 0x327, 0x323, 0x345, 0x344, 0xF73, 0xF71, 0xF74, 0x1161, 0x11A8, 0x3099, 0x5B0, 0x200D, 0x7, 0xAD],
]
chance = random.Random(1)
for _ in range(7):
    texts.append("".join(chr(chance.choice(chance.choice(pools))) for _ in range(chance.randint(3, 9))))


def normalizer(part):
    tokenizer = json.loads(Tokenizer(models.WordLevel({}, unk_token="")).to_str())
    return Tokenizer.from_str(json.dumps({**tokenizer, "normalizer": part})).normalizer


def origins(part, text):
    pieces = PreTokenizedString(text)
    pieces.normalize(part.normalize)
    pieces.split(lambda _, piece: piece.split(Regex("(?m:.)"), "isolated"))
    return [[character, *origin] for character, origin, _ in pieces.get_splits("original", "char") if character]


def case(part, text):
    found = origins(part, text)
    return [text, "".join(c for c, _, _ in found), " ".join(f"{start} {end}" for _, start, end in found)]


everything = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def ranges(members):
    found = []
    for c in members:
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in found)


def removed(part):
    return ranges(c for c in everything if part.normalize_str(chr(c)) == "")


def changed(part):
    return ranges(c for c in everything if part.normalize_str(chr(c)) != chr(c))


def digest(part):
    blocks = [c for c in everything if c < 0x20000 or c >> 11 == 0x2F800 >> 11]
    text = "\n".join(map(chr, blocks))
    return hashlib.sha256(part.normalize_str(text).encode()).hexdigest()


golden = {
    "library": f"tokenizers {tokenizers.__version__}",
    "normalizers": [
        {"json": part, "cases": [case(normalizer(part), text) for text in texts]} for part in listed
    ],
    "classes": {
        "mark": removed(normalizers.StripAccents()),
        "nonspacingMark": removed(normalizers.BertNormalizer(False, False, True, False)),
        "control": removed(normalizers.BertNormalizer(True, False, False, False)),
        "whiteSpace": removed(normalizers.Strip()),
        "ideograph": changed(normalizers.BertNormalizer(False, True, False, False)),
    },
    "forms": {name: digest(getattr(normalizers, name)()) for name in ["NFC", "NFD", "NFKC", "NFKD"]},
}
(here / "normalizers.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
