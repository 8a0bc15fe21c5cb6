#!/usr/bin/python3
"""Convolutions, pooling and recurrent layers with the options that make_goldens.py leaves out.

    /usr/bin/python3 make_layer_goldens.py

Made with Debian's python3-torch 1.13.1 into this folder, in the format of make_goldens.py: one .safetensors for each case, and
manifest_layers.json with configurations (our options) and statistics. `in.blocked` is 1 where a row has ended: torch ran
on packed sequences of those lengths.
"""
import json, os, struct
import numpy as np, torch, torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {"float32": "F32", "float64": "F64", "uint8": "U8"}
cases = {}


def save(name, tensors):
    head, blobs, offset = {}, [], 0
    for key, x in tensors.items():
        a = np.array(x.detach().numpy(), order="C")
        blobs.append(a.tobytes())
        head[key] = {"dtype": TYPES[str(a.dtype)], "shape": list(a.shape), "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{HERE}/{name}.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def case(name, config, make, inputs, outputs, blocked=None):
    """make() gives a module; outputs(module, inputs) the outputs, without the loss: Σ G · y (and Gh · h, Gc · c)."""
    weights = {k: draw(*p.shape) * 0.4 for k, p in make().named_parameters()}
    results = {}
    for dtype in (torch.float64, torch.float32):
        module = make().to(dtype)
        module.load_state_dict(weights)
        I = {k: v.to(dtype).requires_grad_(True) for k, v in inputs.items()}
        out = outputs(module, I)
        loss = sum((y * I["G" if k == "y" else f"G{k}"]).sum() for k, y in out.items())
        leaves = {**I, **dict(module.named_parameters())}
        gradients = torch.autograd.grad(loss, list(leaves.values()))
        results[dtype] = {**{f"out.{k}": y for k, y in out.items()}, "out.loss": loss}
        results[dtype].update({f"g.{k}": g for k, g in zip(leaves, gradients)})
    exact, rounded = results[torch.float64], results[torch.float32]
    tensors = {f"in.{k}": v for k, v in inputs.items()}
    if blocked is not None:
        tensors["in.blocked"] = blocked.to(torch.uint8)
    tensors.update({f"w.{k}": v for k, v in weights.items()})
    save(name, {**tensors, **exact})
    stats = {k: {"f32_abs": float((rounded[k].double() - v).abs().max()), "max": float(v.abs().max())} for k, v in exact.items()}
    cases[name] = {"config": config, "stats": stats, "scalars": {"out.loss": float(exact["out.loss"])}}


g = torch.Generator().manual_seed(11)
draw = lambda *s: torch.randn(*s, generator=g)


def layer(name, config, make, *shape):
    x = draw(*shape)
    y = make()(x)
    case(name, config, make, {"x": x, "G": draw(*y.shape)}, lambda m, I: {"y": m(I["x"])})


def convolution(name, shape, inputs, outputs, kernel, bias=True, **options):
    Conv = nn.Conv1d if len(shape) == 1 else nn.Conv2d
    layer(name, options, lambda: Conv(inputs, outputs, kernel, bias=bias, **options), 2, inputs, *shape)


convolution("conv1d_k5s2p2", [10], 3, 4, 5, stride=2, padding=2)
convolution("conv1d_k4d2_same", [9], 3, 2, 4, padding="same", dilation=2)
convolution("conv1d_k2_same", [5], 2, 3, 2, padding="same")
convolution("conv1d_k1", [5], 4, 3, 1)
convolution("conv1d_k3s3", [10], 2, 3, 3, stride=3)
convolution("conv1d_k2s3g2_nobias", [11], 4, 6, 2, stride=3, groups=2, bias=False)
convolution("conv1d_k3_depthwise", [7], 4, 4, 3, padding="same", groups=4)
convolution("conv1d_k3s2d3p4", [12], 2, 2, 3, stride=2, dilation=3, padding=4)
convolution("conv2d_patch", [6, 8], 3, 5, 2, stride=2)
convolution("conv2d_k23s12", [5, 7], 2, 3, [2, 3], stride=[1, 2])
convolution("conv2d_k32_same", [4, 5], 2, 3, [3, 2], padding="same")
convolution("conv2d_k32s21p10d12g2", [7, 6], 4, 6, [3, 2], stride=[2, 1], padding=[1, 0], dilation=[1, 2], groups=2)
convolution("conv2d_k3_depthwise", [5, 4], 3, 6, 3, padding=1, groups=3)
convolution("conv2d_k1s2", [5, 4], 3, 2, 1, stride=2)

for name, make, config, shape in [
    ("maxpool1d", nn.MaxPool1d, dict(kernel=2), [7]),
    ("maxpool1d", nn.MaxPool1d, dict(kernel=3, stride=2, padding=1), [8]),
    ("maxpool2d", nn.MaxPool2d, dict(kernel=2), [4, 5]),
    ("maxpool2d", nn.MaxPool2d, dict(kernel=[3, 2], stride=[2, 1], padding=[1, 0]), [7, 4]),
    ("averagepool1d", nn.AvgPool1d, dict(kernel=3, stride=2, padding=1), [8]),
    ("averagepool2d", nn.AvgPool2d, dict(kernel=3, stride=2, padding=1), [7, 6]),
]:
    text = "".join(k[0] + (str(v) if isinstance(v, int) else "".join(map(str, v))) for k, v in config.items())
    torchs = {("kernel_size" if k == "kernel" else k): v for k, v in config.items()}
    layer(f"{name}_{text}", config, lambda: make(**torchs), 2, 3, *shape)


def recurrent(name, Layer, inputs, hidden, B, T, layers=1, bidirectional=False, bias=True, lengths=None):
    make = lambda: Layer(inputs, hidden, layers, bias=bias, batch_first=True, bidirectional=bidirectional)
    states = ["h", "c"] if Layer is nn.LSTM else ["h"]
    D = 2 if bidirectional else 1
    I = {"x": draw(B, T, inputs), "G": draw(B, T, D * hidden)}
    I.update({f"{s}0": draw(layers * D, B, hidden) for s in states})
    I.update({f"G{s}": draw(layers * D, B, hidden) for s in states})

    def outputs(m, I):
        first = tuple(I[f"{s}0"] for s in states)
        first = first if len(first) == 2 else first[0]
        if lengths is None:
            y, last = m(I["x"], first)
        else:
            packed = pack_padded_sequence(I["x"], lengths, batch_first=True, enforce_sorted=False)
            y, last = m(packed, first)
            y = pad_packed_sequence(y, batch_first=True, total_length=T)[0]
        return {"y": y, **dict(zip(states, last if isinstance(last, tuple) else (last,)))}

    blocked = None if lengths is None else torch.arange(T)[None] >= torch.tensor(lengths)[:, None]
    config = {"layers": layers, "bidirectional": bidirectional, "bias": bias}
    case(name, config, make, I, outputs, blocked)


for kind, Layer in [("lstm", nn.LSTM), ("gru", nn.GRU)]:
    recurrent(f"{kind}_states", Layer, 3, 4, 2, 3)
    recurrent(f"{kind}_3layers", Layer, 3, 4, 2, 4, layers=3)
    recurrent(f"{kind}_lengths", Layer, 3, 4, 4, 5, lengths=[3, 5, 1, 4])
    recurrent(f"{kind}_2layers_bidirectional_lengths", Layer, 3, 4, 4, 5, layers=2, bidirectional=True, lengths=[2, 5, 1, 4])
    recurrent(f"{kind}_bidirectional_nobias", Layer, 2, 3, 2, 4, bidirectional=True, bias=False)

generator = {"torch": torch.__version__, "numpy": np.__version__}
with open(f"{HERE}/manifest_layers.json", "w") as f:
    f.write(json.dumps({"generator": generator, "cases": cases}) + "\n")
