#!/usr/bin/python3
"""Parts of attention that torch does not have, by libraries that do: normalisations and positions.

    python3 -m venv --system-site-packages venv && venv/bin/pip install entmax==1.3 transformers==4.30.2
    venv/bin/python make_attention_goldens.py

Made with Debian's python3-torch 1.13.1, in float64 where nothing else is said, into attention_parts.json:
  sparsemax, entmax15  weights of rows of scores, and the gradient of sum(weights * G), by the package entmax
  rotary               pairs of adjacent features by GPT-J's functions, halves by GPT-NeoX's, some features unturned
  t5_buckets           T5Attention._relative_position_bucket
  alibi_slopes         BLOOM's build_alibi_tensor, which computes in float32
"""
import json, os
import torch
from entmax import entmax15, sparsemax
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.gpt_neox.modeling_gpt_neox import apply_rotary_pos_emb as halves
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb as adjacent
from transformers.models.t5.modeling_t5 import T5Attention

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
g = torch.Generator().manual_seed(71)


def plain(x):
    return {"shape": list(x.shape), "data": x.detach().reshape(-1).tolist()}


rows = [torch.randn(12, generator=g) * scale for scale in (0.1, 1.0, 3.0, 50.0)]
rows += [torch.zeros(12), torch.arange(12.0) / 7, torch.tensor([2.0] * 3 + [1.5] * 9), -torch.arange(12.0) ** 2 / 90 + 400]
scores, G = torch.stack(rows), torch.randn(8, 12, generator=g)
out = {"scores": plain(scores), "G": plain(G)}
for name, fn in (("sparsemax", sparsemax), ("entmax15", entmax15)):
    z = scores.clone().requires_grad_()
    y = fn(z, dim=-1)
    (y * G).sum().backward()
    out[name] = {"weights": plain(y), "gradient": plain(z.grad)}

x, at, R = torch.randn(1, 5, 2, 10, generator=g), torch.tensor([0, 1, 7, 130, 511]), 8
angle = at[:, None] * 10000.0 ** (-torch.arange(0, R, 2) / R)  # (T, R/2)
turned, rest = x[..., :R], x[..., R:]
half = torch.cat([angle, angle], -1)[None, None]  # (1, 1, T, R), rows are picked by position
heads = turned.permute(0, 2, 1, 3)  # (B, H, T, R)
by_halves = halves(heads, heads, half.cos(), half.sin(), torch.arange(5)[None])[0].permute(0, 2, 1, 3)
by_pairs = adjacent(turned, angle.sin()[None], angle.cos()[None])
out["rotary"] = {"x": plain(x), "positions": at.tolist(), "rotated": R,
                 "halves": plain(torch.cat([by_halves, rest], -1)), "adjacent": plain(torch.cat([by_pairs, rest], -1))}

relative = torch.arange(-150, 151)
out["t5_buckets"] = [
    {"buckets": n, "maxDistance": m, "bidirectional": b, "relative": relative.tolist(),
     "bucket": T5Attention._relative_position_bucket(relative, bidirectional=b, num_buckets=n, max_distance=m).tolist()}
    for n, m, b in ((32, 128, True), (32, 128, False), (20, 50, True), (7, 100, False))]
out["alibi_slopes"] = [
    {"heads": n, "slopes": build_alibi_tensor(torch.ones(1, 2), n, torch.float32)[:, 0, 1].tolist()} for n in (1, 3, 6, 8, 12, 16, 20)]

with open(f"{HERE}/attention_parts.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
