"""The Rust library from Python, on one thread: training with options, which its binding for Node does not take.

`python tokenizers.py <settings as JSON>`. Lines in: `round`. Lines out: one message as JSON each.
"""

import json
import os
import sys
import time

# This script's folder is searched first, and this file is called as the library is.
sys.path.pop(0)
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

settings = json.loads(sys.argv[1])
tasks = {
    "BPE, 8,000 tokens, Tatoeba": ("tatoeba.txt", 8000),
    "BPE, 30,000 tokens, Tatoeba": ("tatoeba.txt", 30000),
    "BPE, 30,000 tokens, botchan": ("botchan.txt", 30000),
}


def send(**message):
    print(json.dumps(message), flush=True)


def train(file, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    started = time.perf_counter()
    tokenizer.train([os.path.join(settings["folder"], file)], trainer)
    return 1000 * (time.perf_counter() - started)


send(kind="ready", facts={"about": f"tokenizers {settings['version']} (Rust) from Python: the same options as ours; one thread"})
for line in sys.stdin:
    send(kind="samples", series={f"{name} ms": [train(*task)] for name, task in tasks.items()})
