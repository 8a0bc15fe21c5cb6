"""Computes in PyTorch what qkv has computed in a run, from the same weights and the same batches, and compares.

    python3 verify.py

Needs torch (1.13 or later) and numpy, and the files beside it:
  settings.json            sizes of the model, settings of the optimiser
  weights.safetensors      the run's model: where everything below begins
  batch.safetensors        source and target ids, and qkv's results: logits; losses, gradient norms and learning rates of
                           some training steps without dropout; the weights after them; moments of biases before ReLUs
  optimizer.safetensors    qkv's AdamW after those steps, as torch's state_dict: state.<index>.<field>, param_groups

The model is put together from torch's own modules; nothing of qkv is needed. Weights need no transposing: both sides
store a linear layer as (outputs, inputs). torch keeps query, key and value of an attention as the rows of one matrix.

Limits. Logits: 1e-5, between two float32 programs. Of what comes out of training, qkv may be as far from torch in
float64 as ten times torch's own float32 is, and a millionth of the largest value more:
    |qkv - torch64| <= 10 * |torch32 - torch64| + 1e-6 * max |torch64|,
where | | is the largest of a tensor's elements; of losses and gradient norms, that of the steps so far. Query, key and
value count as tensors of their own.

Two things would make equal programs train apart. A ReLU whose input is 0 but for rounding (below 1e-4 of the largest)
has slope 1 in one program and slope 0 in the other, and both are right. qkv's first moments of the biases before each ReLU
show which it took, and torch then takes the same, which the output counts. And where a gradient nearly cancels to 0 (that
of a key's bias does entirely, as softmax does not see it), Adam, which divides it by its own size, moves the weight by as
much of the learning rate as rounding decides. So, of tensors that exceed the limit above, and only of those, the
sensitivity is measured: torch32 starts 8 times more, from weights of which each is off by up to 2^-20 of itself, the error
of a sum of some dozens of terms in float32. qkv is one more such program: it may be twice as far from torch64 as the
farthest of them, and a millionth. The output says of how many tensors that was measured.
"""
import json
import math
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel

HERE = os.path.dirname(os.path.abspath(__file__))
LOGIT_LIMIT = 1e-5
FIELDS = ("exp_avg", "exp_avg_sq")
NEIGHBOURS = 8
NEIGHBOURHOOD = 2.0**-20
NEAR_ZERO = 1e-4
SHOWN = 5


def read_safetensors(name):
    """Tensors by name, and the metadata. The file is 8 bytes of header length, the header as JSON, the numbers."""
    with open(os.path.join(HERE, name), "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    types = {"F32": "<f4", "F64": "<f8", "I32": "<i4"}
    tensors = {}
    for key, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[begin:end], types[entry["dtype"]])
        tensors[key] = torch.from_numpy(array.reshape(entry["shape"]).copy())
    return tensors, metadata


class ReLU(nn.Module):
    """torch's; it remembers its calls, and takes the other slope for the elements of a call that it is told."""

    def __init__(self):
        super().__init__()
        self.begin()
        self.forget()

    def begin(self):
        self.calls = []

    def forget(self):
        self.flipped = {}

    def forward(self, z):
        y = torch.relu(z)
        if not torch.is_grad_enabled():
            return y
        slope = (z > 0).to(z.dtype)
        flipped = self.flipped.get(len(self.calls))
        if flipped is not None:
            change = torch.where(flipped, 1 - 2 * slope, torch.zeros_like(slope))
            y = y + (z - z.detach()) * change
            slope = slope + change
        y.retain_grad()
        self.calls.append((z.detach(), slope, y))
        return y

    def follow(self, gap):
        """Takes other slopes where that explains a gap in the gradient of the bias. How many."""
        candidates = {}
        for call, (z, slope, y) in enumerate(self.calls):
            change = y.grad * (1 - 2 * slope)
            near = (z.abs() <= NEAR_ZERO * z.abs().max()) & (change != 0)
            for place in near.nonzero().tolist():
                candidates.setdefault(place[-1], []).append((float(change[tuple(place)]), call, place))
        count = 0
        for unit, options in candidates.items():
            left = float(gap[unit])
            while options:
                best = min(options, key=lambda option: abs(left - option[0]))
                if not abs(left - best[0]) < abs(left) / 2:
                    break
                options.remove(best)
                change, call, place = best
                left -= change
                z = self.calls[call][0]
                flipped = self.flipped.setdefault(call, torch.zeros(z.shape, dtype=torch.bool))
                flipped[tuple(place)] ^= True
                count += 1
        return count


class Transformer(nn.Module):
    """Ids (B, S) and (B, T) -> logits (B, T, V)."""

    def __init__(self, sizes):
        super().__init__()
        D = sizes["dimension"]
        layer = dict(
            d_model=D,
            nhead=sizes["heads"],
            dim_feedforward=sizes["feedForward"],
            activation=sizes["activation"],
            norm_first=sizes["normalization"] == "pre",
            layer_norm_eps=sizes["layerNormEpsilon"],
            dropout=0.0,
            batch_first=True,
        )

        def final_norm():
            return nn.LayerNorm(D, eps=sizes["layerNormEpsilon"]) if sizes["finalNorms"] else None

        encoder_layer, decoder_layer = nn.TransformerEncoderLayer(**layer), nn.TransformerDecoderLayer(**layer)
        self.padding = sizes["padId"]
        self.source = nn.Embedding(sizes["sourceVocabulary"], D)
        self.target = nn.Embedding(sizes["targetVocabulary"], D)
        self.encoder = nn.TransformerEncoder(
            encoder_layer, sizes["encoderLayers"], final_norm(), enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(decoder_layer, sizes["decoderLayers"], final_norm())
        self.output = nn.Linear(D, sizes["targetVocabulary"])
        if sizes["activation"] == "relu":
            for layer in [*self.encoder.layers, *self.decoder.layers]:
                layer.activation = ReLU()

    def embed(self, ids, table):
        x = table(ids) * math.sqrt(table.embedding_dim)
        T, D = x.shape[1:]
        angles = np.arange(T)[:, None] / 10000.0 ** (np.arange(0, D, 2) / D)
        positions = np.zeros((T, D))
        positions[:, 0::2] = np.sin(angles)
        positions[:, 1::2] = np.cos(angles)[:, : D // 2]
        return x + torch.from_numpy(positions).to(x.dtype)

    def forward(self, source, target):
        # True is what may not be attended to.
        padding = source == self.padding
        T = target.shape[1]
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        memory = self.encoder(self.embed(source, self.source), src_key_padding_mask=padding)
        y = self.decoder(
            self.embed(target, self.target),
            memory,
            tgt_mask=future,
            tgt_key_padding_mask=target == self.padding,
            memory_key_padding_mask=padding,
        )
        return self.output(y)


NAMES = [
    ("sourceEmbedding.", "source."),
    ("targetEmbedding.", "target."),
    ("selfAttention.", "self_attn."),
    ("crossAttention.", "multihead_attn."),
    ("attn.output.", "attn.out_proj."),
    ("feedForward.inner.", "linear1."),
    ("feedForward.outer.", "linear2."),
    (".gain", ".weight"),
]


def place_of(name, dimension):
    """Where a parameter of qkv stands: the name of torch's, and which of its rows."""
    for ours, theirs in NAMES:
        name = name.replace(ours, theirs)
    for i, projection in enumerate(("query", "key", "value")):
        for kind in ("weight", "bias"):
            end = "attn.%s.%s" % (projection, kind)
            if name.endswith(end):
                rows = slice(i * dimension, (i + 1) * dimension)
                return name[: -len(end)] + "attn.in_proj_" + kind, rows
    return name, slice(None)


class Run:
    """The model and its training in one precision."""

    def __init__(self, settings, weights, witnesses, dtype):
        self.witnesses = witnesses
        self.settings = settings
        self.dtype = dtype
        self.model = Transformer(settings["model"]).to(dtype)
        self.relus = {
            name[: -len(".activation")]: module
            for name, module in self.model.named_modules()
            if isinstance(module, ReLU)
        }
        parameters = dict(self.model.named_parameters())
        dimension = settings["model"]["dimension"]
        self.places = {name: place_of(name, dimension) for name in weights}
        filled = {name: 0 for name in parameters}
        with torch.no_grad():
            for name, value in weights.items():
                theirs, rows = self.places[name]
                part = parameters[theirs][rows]
                if part.shape != value.shape:
                    sys.exit("%s is %s, torch has %s" % (name, tuple(value.shape), tuple(part.shape)))
                part.copy_(value)
                filled[theirs] += value.numel()
        wrong = [name for name, p in parameters.items() if filled[name] != p.numel()]
        if wrong:
            sys.exit("weights.safetensors does not fill %s" % ", ".join(wrong))

    def ours(self, tensors):
        """torch's tensors by name -> the same by qkv's names."""
        return {name: tensors[theirs][rows].detach().clone() for name, (theirs, rows) in self.places.items()}

    def theirs(self, tensors):
        """qkv's tensors by name -> torch's."""
        result = {name: torch.zeros_like(p) for name, p in self.model.named_parameters()}
        for name, (theirs, rows) in self.places.items():
            result[theirs][rows] = tensors[name].to(self.dtype)
        return result

    def logits(self, source, target):
        # In training mode, which without dropout computes the same, and never with the fused layers that torch has for
        # inference.
        with torch.no_grad():
            return self.model(source, target[:, :-1])

    def groups(self):
        """Matrices decay, biases and gains do not."""
        named = list(self.model.named_parameters())
        decaying = [(name, p) for name, p in named if p.dim() > 1]
        others = [(name, p) for name, p in named if p.dim() <= 1]
        return [(decaying, self.settings["training"]["weightDecay"]), (others, 0.0)]

    def optimizer(self):
        training = self.settings["training"]
        return torch.optim.AdamW(
            [{"params": [p for _, p in named], "weight_decay": decay} for named, decay in self.groups()],
            betas=(training["beta1"], training["beta2"]),
            eps=training["epsilon"],
        )

    def train(self, batches, rates):
        """Makes the steps; gives all that is compared, and the optimiser."""
        training = self.settings["training"]
        padding = self.settings["model"]["padId"]
        optimizer = self.optimizer()
        average = self.average()
        losses, norms, self.followed = [], [], 0
        for step, rate in enumerate(rates):
            first = step * training["accumulate"]
            micro_batches = [batches[(first + i) % len(batches)] for i in range(training["accumulate"])]
            tokens = sum(int((target[:, 1:] != padding).sum()) for _, target in micro_batches)
            loss = self.gradients(micro_batches, tokens)
            for _ in range(3):
                if not self.follow(step):
                    break
                self.gradients(micro_batches, tokens)
            for relu in self.relus.values():
                relu.forget()
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), training["clipNorm"] or math.inf)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            if average is not None:
                average.update_parameters(self.model)
            losses.append(loss)
            norms.append(float(norm))
        results = {
            "losses": {"losses": torch.tensor(losses, dtype=torch.float64)},
            "gradient norms": {"gradient norms": torch.tensor(norms, dtype=torch.float64)},
            "weights": self.ours(dict(self.model.named_parameters())),
        }
        if average is not None:
            results["average"] = self.ours(dict(average.module.named_parameters()))
        for field in FIELDS:
            results[field] = self.state(optimizer, field)
        return results, optimizer

    def gradients(self, micro_batches, tokens):
        """Of the mean loss over all tokens; gives the loss."""
        padding = self.settings["model"]["padId"]
        for relu in self.relus.values():
            relu.begin()
        self.model.zero_grad()
        total = 0.0
        for source, target in micro_batches:
            logits = self.model(source, target[:, :-1])
            loss = F.cross_entropy(
                logits.flatten(0, 1),
                target[:, 1:].flatten().long(),
                ignore_index=padding,
                label_smoothing=self.settings["training"]["smoothing"],
                reduction="sum",
            )
            (loss / tokens).backward()
            total += float(loss.detach())
        return total / tokens

    def follow(self, step):
        """Slopes of ReLUs at 0, as qkv took them in this step. How many are others."""
        training = self.settings["training"]
        norm = math.sqrt(sum(float(p.grad.double().square().sum()) for p in self.model.parameters()))
        scale = min(1.0, training["clipNorm"] / (norm + 1e-6)) if training["clipNorm"] else 1.0
        count = 0
        for name, relu in self.relus.items():
            bias = self.model.get_parameter(name + ".linear1.bias")
            moments = self.witnesses[name].double()
            before = moments[step - 1] if step > 0 else torch.zeros_like(moments[0])
            theirs = (moments[step] - training["beta1"] * before) / ((1 - training["beta1"]) * scale)
            count += relu.follow(theirs - bias.grad.double())
        self.followed += count
        return count

    def average(self):
        decay = self.settings["training"]["average"]
        if decay == 0:
            return None

        def mix(old, new, count):
            count = float(count)
            kept = min(decay, (1 + count) / (10 + count))
            return old + (1 - kept) * (new - old)

        return AveragedModel(self.model, avg_fn=mix)

    def state(self, optimizer, field):
        """A field of the optimiser's state, by qkv's names."""
        values = {name: optimizer.state[p][field] for name, p in self.model.named_parameters()}
        if field == "exp_avg_sq":  # as Adam uses them, and in the gradient's own unit
            values = {name: value.sqrt() for name, value in values.items()}
        return self.ours(values)

    def load_state(self, names, tensors, groups):
        """qkv's state in an optimiser of torch's own: query, key and value come together."""
        fields = {}
        for field in FIELDS:
            fields[field] = self.theirs({name: tensors["state.%d.%s" % (i, field)] for i, name in enumerate(names)})
        steps = {float(tensors["state.%d.step" % i]) for i in range(len(names))}
        if len(steps) != 1:
            sys.exit("the parameters in optimizer.safetensors are at different steps")
        (step,) = steps
        order = [name for named, _ in self.groups() for name, _ in named]
        state = {
            i: {"step": torch.tensor(step), **{field: values[name] for field, values in fields.items()}}
            for i, name in enumerate(order)
        }
        optimizer = self.optimizer()
        own = optimizer.state_dict()["param_groups"]
        param_groups = [{**mine, **group, "params": mine["params"]} for mine, group in zip(own, groups)]
        optimizer.load_state_dict({"state": state, "param_groups": param_groups})
        return optimizer


class Report:
    """Compares, and prints a line for each check."""

    def __init__(self, t32, t64, neighbours):
        self.t32 = t32
        self.t64 = t64
        self.make_neighbours = neighbours
        self.neighbours = None
        self.failed = False

    def line(self, what, holds, text):
        self.failed = self.failed or not holds
        print("%s  %-30s %s" % ("ok  " if holds else "FAIL", what, text), flush=True)

    def check(self, key, what, ours):
        """The tensor that comes closest to its limit, or all that are beyond."""
        results, asked = [], 0
        for name, exact in self.t64[key].items():
            series = name == key
            millionth = 1e-6 * float(exact.abs().max())
            gap = distance(ours[name], exact, series)
            own = distance(self.t32[key][name], exact, series).cummax(0).values
            limit = 10 * own + millionth
            if not (gap <= limit).all():
                asked += 1
                if self.neighbours is None:
                    self.neighbours = self.make_neighbours()
                for neighbour in self.neighbours:
                    spread = distance(neighbour[key][name], exact, series).cummax(0).values
                    limit = torch.maximum(limit, 2 * spread + millionth)
            share = torch.where(gap <= limit, gap / limit.clamp(min=1e-300), math.inf)  # inf for NaN, too
            i = int(share.argmax())
            plain = distance(ours[name], self.t32[key][name], False)
            results.append((float(share[i]), name, i, float(gap[i]), float(limit[i]), float(own[i]), float(plain)))
        results.sort(reverse=True)
        beyond = [result for result in results if result[0] > 1]
        for _, name, i, gap, limit, own, _ in beyond[:SHOWN] or results[:1]:
            place = "step %d" % (i + 1) if name == key else name
            text = "|qkv - torch64| %.2e, limit %.2e, |torch32 - torch64| %.2e: %s" % (gap, limit, own, place)
            if len(results) > 1 and not beyond:
                text += ", the closest of %d" % len(results)
            self.line(what, not beyond, text + "; |qkv - torch32| at most %.2e" % max(r[-1] for r in results))
        if len(beyond) > SHOWN:
            print("      %-30s and %d more" % ("", len(beyond) - SHOWN))
        if asked:
            print("      %-30s of %d of %d the sensitivity was measured" % ("", asked, len(results)), flush=True)


def distance(values, exact, series):
    """Of a series how far off each step is, of another tensor its worst element. NaN if there is one."""
    gaps = (values.double() - exact.double()).abs()
    return gaps if series else gaps.max().reshape(1)


def main():
    with open(os.path.join(HERE, "settings.json"), encoding="utf-8") as file:
        settings = json.load(file)
    weights, _ = read_safetensors("weights.safetensors")
    given, _ = read_safetensors("batch.safetensors")
    state, metadata = read_safetensors("optimizer.safetensors")

    sizes, training = settings["model"], settings["training"]
    count = sum(value.numel() for value in weights.values())
    print("torch %s, numpy %s" % (torch.__version__, np.__version__))
    print(
        "%d parameters, dimension %d, %d + %d layers, %s-norm, %s; %d batches, %d to a step"
        % (
            count,
            sizes["dimension"],
            sizes["encoderLayers"],
            sizes["decoderLayers"],
            sizes["normalization"],
            sizes["activation"],
            training["batches"],
            training["accumulate"],
        )
    )
    batches = [(given["source.%d" % i], given["target.%d" % i]) for i in range(training["batches"])]
    rates = given["learningRates"].tolist()
    witnesses = {
        place_of(name[len("moments.") :], sizes["dimension"])[0][: -len(".linear1.bias")]: value
        for name, value in given.items()
        if name.startswith("moments.")
    }
    run32, run64 = (Run(settings, weights, witnesses, dtype) for dtype in (torch.float32, torch.float64))
    logits32, logits64 = ([run.logits(*batch) for batch in batches] for run in (run32, run64))
    t32, _ = run32.train(batches, rates)
    t64, trained = run64.train(batches, rates)

    if witnesses:
        print("ReLUs at 0 with qkv's slope: %d in torch32, %d in torch64" % (run32.followed, run64.followed))

    def neighbours():
        for seed in range(NEIGHBOURS):
            generator = torch.Generator().manual_seed(seed)
            near = {
                name: value * (1 + NEIGHBOURHOOD * (2 * torch.rand(value.shape, generator=generator) - 1))
                for name, value in weights.items()
            }
            yield Run(settings, near, witnesses, torch.float32).train(batches, rates)[0]

    report = Report(t32, t64, lambda: list(neighbours()))

    gaps = torch.cat([distance(given["logits.%d" % i], logits32[i], False) for i in range(len(batches))])
    own = torch.cat([distance(logits32[i], logits64[i], False) for i in range(len(batches))])
    text = "|qkv - torch32| %.2e, limit %.2e, |torch32 - torch64| %.2e" % (gaps.max(), LOGIT_LIMIT, own.max())
    report.line("logits", bool((gaps <= LOGIT_LIMIT).all()), text)

    steps = " of %d steps" % len(rates)
    report.check("losses", "losses" + steps, {"losses": given["losses"]})
    report.check("gradient norms", "gradient norms" + steps, {"gradient norms": given["gradientNorms"]})
    report.check("weights", "weights after them", {name: given["final." + name] for name in weights})
    if training["average"] != 0:
        report.check("average", "running average of weights", {name: given["average." + name] for name in weights})

    loaded = run64.load_state(training["optimizerNames"], state, json.loads(metadata["param_groups"]))
    report.check("exp_avg", "AdamW's first moments", run64.state(loaded, "exp_avg"))
    report.check("exp_avg_sq", "AdamW's second moments, roots", run64.state(loaded, "exp_avg_sq"))
    # The rate is that of the next step in qkv, that of the last one in torch.
    groups, expected = (o.state_dict()["param_groups"] for o in (loaded, trained))
    different = [key for a, b in zip(groups, expected) for key in b if key != "lr" and not np.array_equal(a[key], b[key])]
    counts = {float(entry["step"]) for o in (loaded, trained) for entry in o.state.values()}
    text = "differ: %s; counts of steps %s" % (", ".join(different) or "none", sorted(counts))
    report.line("AdamW's options and count", not different and counts == {float(len(rates))}, text)

    print("NOT EQUAL" if report.failed else "verified")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
