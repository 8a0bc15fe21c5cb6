#!/usr/bin/python3
"""What torch's optimisers do around a step: averages of weights, warm-up, and state_dict from and to ours.

    /usr/bin/python3 make_optim_goldens.py

Made with Debian's python3-torch 1.13.1, in float64, into this folder:
  optim_average.json     weights and torch.optim.swa_utils.AveragedModel's averages after each step
  optim_schedules.json   rates of torch.optim.lr_scheduler.LinearLR as a warm-up
  optim_state.json       state_dict of torch's optimisers after 3 steps, and the weights after each of 8
  optim_state_loaded.json  torch's weights after each of 5 steps that go on from optim_state_ours.json, which
                           packages/optim/src/torch-state.test.ts writes (QKV_WRITE_GOLDENS=1) from the same 3 steps
"""
import json, os
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = {"layer.weight": (4, 3), "layer.bias": (4,), "norm.gain": (3,)}
STEPS, SAVED = 8, 3


def plain(x):
    if torch.is_tensor(x):
        return {"shape": list(x.shape), "data": x.detach().reshape(-1).tolist()}
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return x


def tensors(x):
    if isinstance(x, dict) and set(x) == {"shape", "data"}:
        return torch.tensor(x["data"]).reshape(x["shape"])
    return {k: tensors(v) for k, v in x.items()} if isinstance(x, dict) else x


def save(name, value):
    with open(f"{HERE}/{name}.json", "w") as f:
        f.write(json.dumps(plain(value)) + "\n")


g = torch.Generator().manual_seed(7)
draw = lambda *s: torch.randn(*s, generator=g).float().double()  # values that float32 holds, so that both sides start alike
initial = {k: draw(*s) for k, s in SHAPES.items()}
gradients = [{k: draw(*s) for k, s in SHAPES.items()} for _ in range(STEPS)]


def weights_of():
    return {k: v.clone().requires_grad_(True) for k, v in initial.items()}


def steps(optimizer, weights, which):
    trail = []
    for s in which:
        for k, w in weights.items():
            w.grad = gradients[s][k].clone()
        optimizer.step()
        trail.append({k: w.detach().clone() for k, w in weights.items()})
    return trail


# ---------- averages of weights
class Holder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.p = torch.nn.ParameterList([torch.nn.Parameter(v.clone()) for v in initial.values()])


def average(decay):
    model = Holder()
    averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda a, p, n: decay(n) * a + (1 - decay(n)) * p)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trail = []
    for s in range(STEPS):
        for p, k in zip(model.p, initial):
            p.grad = gradients[s][k].clone()
        optimizer.step()
        averaged.update_parameters(model)
        trail.append({k: p.detach().clone() for k, p in zip(initial, averaged.module.p)})
    return trail


common = {"initial": initial, "gradients": gradients}
save("optim_average", {**common, "learningRate": 0.1, "decay": 0.9,
                       "plain": average(lambda n: 0.9),
                       "warmup": average(lambda n: min(0.9, (1 + float(n)) / (10 + float(n))))})  # fmt: skip

# ---------- schedules
optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 7, total_iters=6)
rates = []
for _ in range(12):
    rates.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    scheduler.step()
save("optim_schedules", {"learningRate": 0.3, "warmup": 7, "rates": rates})

# ---------- state
matrices = lambda w: [w["layer.weight"]]
vectors = lambda w: [w["layer.bias"], w["norm.gain"]]
decayed = lambda w: [{"params": matrices(w)}, {"params": vectors(w), "weight_decay": 0.0}]
whole = lambda w: list(w.values())
CASES = {
    "adamw": lambda w: torch.optim.AdamW(decayed(w), lr=1e-2, weight_decay=0.05),
    "adam": lambda w: torch.optim.Adam(whole(w), lr=1e-2, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.05),
    "sgd": lambda w: torch.optim.SGD(whole(w), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2),
    "sgd_plain": lambda w: torch.optim.SGD(whole(w), lr=0.1),
}
states = {}
for name, make in CASES.items():
    weights = weights_of()
    optimizer = make(weights)
    trail = steps(optimizer, weights, range(SAVED))
    state = plain(optimizer.state_dict())
    trail += steps(optimizer, weights, range(SAVED, STEPS))
    states[name] = {"state_dict": state, "weights": trail}
save("optim_state", {**common, "saved": SAVED, "cases": states})

ours = f"{HERE}/optim_state_ours.json"
if os.path.exists(ours):
    loaded = {}
    for name, case in json.load(open(ours)).items():
        weights = {k: tensors(v).requires_grad_(True) for k, v in case["weights"].items()}
        optimizer = CASES[name](weights)
        given = case["state_dict"]
        optimizer.load_state_dict(
            {"state": {int(i): tensors(s) for i, s in given["state"].items()}, "param_groups": given["param_groups"]}
        )
        loaded[name] = steps(optimizer, weights, range(SAVED, STEPS))
    save("optim_state_loaded", loaded)
