"""A set of shards as Hugging Face's libraries split and write it; sharded.test.ts reads it, and writes the same bytes.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install safetensors==0.8.0 huggingface_hub==2.4.0 numpy
    /tmp/venv/bin/python make_sharded_oracle.py            writes sharded/, beside this file
    /tmp/venv/bin/python make_sharded_oracle.py INDEX      checks a set that we wrote, with the Rust library
"""

import json
import pathlib
import sys

import numpy as np
from huggingface_hub.serialization import split_state_dict_into_shards_factory
from safetensors import safe_open
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
shapes = {"decoder.bias": [3], "decoder.weight": [4, 3], "encoder.bias": [5], "encoder.weight": [3, 5], "norm": [], "\U0001f600": [2]}
tensors = {k: np.asarray((np.arange(np.prod(s)) - 3.5) / 4, np.float32).reshape(s) for k, s in shapes.items()}


def check(index):
    index = pathlib.Path(index)
    said = json.loads(index.read_text())
    found = {}
    for file in sorted(set(said["weight_map"].values())):
        with safe_open(index.parent / file, "np") as f:
            for key in f.keys():
                assert said["weight_map"][key] == file, key
                found[key] = f.get_tensor(key)
    assert sorted(found) == sorted(said["weight_map"])
    assert said["metadata"]["total_size"] == sum(v.nbytes for v in found.values())
    return found


if len(sys.argv) > 1:
    print({k: (str(v.dtype), list(v.shape), float(v.sum(dtype=np.float64))) for k, v in check(sys.argv[1]).items()})
    sys.exit()

out = here / "sharded"
out.mkdir(exist_ok=True)
split = split_state_dict_into_shards_factory(
    tensors,
    get_storage_size=lambda a: a.nbytes,
    get_storage_id=lambda a: None,
    filename_pattern="model{suffix}.safetensors",
    max_shard_size=64,
)
for file, names in split.filename_to_tensors.items():
    save_file({name: tensors[name] for name in names}, out / file, {"format": "np"})
index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
# As huggingface_hub's save_torch_state_dict does.
(out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
check(out / "model.safetensors.index.json")
