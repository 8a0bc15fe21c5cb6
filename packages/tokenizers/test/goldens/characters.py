"""Kinds and scripts of all code points in the Rust library: characters.json, and the table of scripts in the source."""
import json
import pathlib

import tokenizers
from tokenizers import Regex
from tokenizers import pre_tokenizers as pre

HERE = pathlib.Path(__file__)
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def ranges(codes):
    found = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in found)


def kind(cutter, pieces):
    return ranges(code for code in CODES if len(cutter.pre_tokenize_str(f"A{chr(code)}A")) == pieces)


def regex(pattern):
    """What a class matches."""
    text = "".join(map(chr, CODES))
    at, codes = 0, []
    for _, (start, end) in pre.Split(Regex(f"(?:{pattern})+"), "removed").pre_tokenize_str(text):
        codes += CODES[at:start]
        at = end
    return ranges(codes + CODES[at:])


def script_runs():
    cutter = pre.UnicodeScripts()
    one = lambda text: len(cutter.pre_tokenize_str(text)) == 1
    known, runs, last = [], [], 0
    for code in CODES:
        char = chr(code)
        if one(f"A{char}A") and one(f"\u03b1{char}\u03b1"):
            script = 0  # goes with any
        elif last and one(known[last - 1] + char):
            script = last
        else:
            script = next((i for i, other in enumerate(known, 1) if one(other + char)), 0)
            if script == 0:
                known.append(char)
                script = len(known)
        last = script or last
        if not runs or runs[-1][1] != script:
            runs.append([code, script])
    return runs


def base36(number):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return (base36(number // 36) if number >= 36 else "") + digits[number % 36]


kinds = {
    "space": kind(pre.WhitespaceSplit(), 2),
    "punctuation": kind(pre.Punctuation(), 3),
    "numeric": kind(pre.Digits(True), 3),
    "word": kind(pre.Whitespace(), 1),
}
classes = [r"\s", r"\w", r"[\w]", r"\d", r"\h", r"\p{L}", r"\p{Lu}", r"\p{Ll}", r"\p{Lo}", r"\p{N}", r"\p{P}", r"\p{M}"]
classes += [r"\p{Han}", r"\p{punct}", r"\P{S}", r"[[:print:]]", r"[[:graph:]]", r"[[:punct:]]", r"[[:blank:]]"]
classes += [r"(?i:[\p{Lt}])", "(?i:[a-z])", "(?i:[^a-z])", r"(?i:\p{Lt})", "(?i:[[^a-z]])", r"\p{Old Italic}"]
golden = {
    "tokenizers": tokenizers.__version__,
    "kinds": kinds,
    "classes": {pattern: regex(pattern) for pattern in classes},
}
HERE.with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")

runs = script_runs()
lines, line = [], ""
for (start, script), (end, _) in zip(runs, [*runs[1:], [0x110000, 0]]):
    run = f"{base36(end - start)}.{base36(script)}"
    if len(line) + len(run) >= 109:
        lines.append(line + " ")
        line = ""
    line += (" " if line else "") + run
lines.append(line)
(HERE.parents[2] / "src/pre-tokenizers/script-table.ts").write_text(
    """/**
 * The scripts of all code points as the Rust library has them: those of Unicode 9, and 0 for what was not assigned
 * then. Runs of `length.script` in base 36; only whether two scripts are equal matters, so they are just numbered.
 * Made by test/goldens/characters.py.
 */
export const scriptRuns =
"""
    + " +\n".join(f"  '{line}'" for line in lines)
    + ";\n"
)
