"""PyTorch as a subject: `python torch.py <settings as JSON>`. Lines in: `round`. Lines out: one message as JSON each.

Settings hold what workload.mjs says (items or a model), so that there is one table of shapes for all.
"""

import json
import os
import sys
import time

# This script's folder is searched first, and a file here is called as the library is.
here = sys.path.pop(0)
import torch

sys.path.insert(0, here)
from torch_model import Classifier, batch_of, saved_bytes, training_step

settings = json.loads(sys.argv[1])
threads = settings["threads"]
torch.set_num_threads(threads)


def send(**message):
    print(json.dumps(message), flush=True)


def status(name):
    """Resident memory in MiB, as /proc counts it."""
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":"))
    except (OSError, StopIteration):
        return 0


def blas():
    """The libraries for matrix products that are loaded, by name: a wrong one is several times slower."""
    try:
        with open("/proc/self/maps") as lines:
            paths = {line.split()[-1] for line in lines if "/" in line}
    except OSError:
        return "unknown BLAS"
    names = ("libopenblas", "libmkl_core", "libmkl_rt", "libblis", "libblas.so")
    found = {os.path.join(os.path.basename(os.path.dirname(p)), os.path.basename(p)) for p in paths if os.path.basename(p).startswith(names)}
    return ", ".join(sorted(found)) or ("MKL, linked in" if torch.backends.mkl.is_available() else "BLAS linked in")


def timed(run):
    cpu = time.process_time()
    started = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - cpu)


def gemm(item):
    def stored(rows, columns, letter):
        x = torch.rand(columns, rows) if letter == "T" else torch.rand(rows, columns)
        return x.sub_(0.5).t() if letter == "T" else x.sub_(0.5)

    a, b = stored(item["M"], item["K"], item["layout"][0]), stored(item["K"], item["N"], item["layout"][1])
    c = torch.empty(item["M"], item["N"])
    return lambda: torch.mm(a, b, out=c)


def elementwise(item):
    x, y = torch.rand(item["shape"]) - 0.5, torch.rand(item["shape"]) - 0.5
    gain, bias = torch.rand(item["shape"][1]), torch.rand(item["shape"][1])
    result = torch.empty(item["shape"])
    return {
        "add": lambda: torch.add(x, y, out=result),
        "gelu": lambda: torch.nn.functional.gelu(x),
        "softmax": lambda: torch.softmax(x, -1),
        "layer norm": lambda: torch.nn.functional.layer_norm(x, gain.shape, gain, bias, 1e-5),
    }[item["op"]]


def attention(item):
    B, H, Dh = (settings["sizes"][name] for name in ("B", "H", "Dh"))
    q, k, v, cotangent = (torch.rand(B, H, item["T"], Dh) - 0.5 for _ in range(4))
    for x in (q, k, v):
        x.requires_grad_(item["backward"])

    def attend():
        return (q @ k.transpose(-2, -1) * Dh**-0.5).softmax(-1) @ v

    if not item["backward"]:
        return attend
    return lambda: torch.autograd.grad(attend(), (q, k, v), cotangent)


def forward(item):
    model = Classifier(item["model"]).eval()
    x, _ = batch_of(item["model"])

    def run():
        with torch.no_grad():
            return model(x).numpy()

    return run


def operations(make, seconds=0.15):
    """Jobs that are warmed up, and timed one after the other; those that fail are told of and left out."""
    jobs, facts = [], {}
    for item in settings["items"]:
        name, calls = item["name"], item.get("calls", 1)
        try:
            run = make(item)
            end = time.perf_counter() + seconds
            run()
            while time.perf_counter() < end:
                run()
            jobs.append((name, calls, run))
        except RuntimeError as error:
            facts["failed: " + name] = str(error).split("\n")[0]

    def measure():
        series = {}
        for name, calls, run in jobs:
            ms, cpu = timed(lambda: [run() for _ in range(calls)] and None)
            series[name + " ms"], series[name + " cpu"] = [ms / calls], [cpu / calls]
        return series

    return measure, facts


def training():
    step, model, batch = training_step(settings["sizes"])
    saved = saved_bytes(model, batch)
    first = step()
    for _ in range(3):
        step()

    def measure():
        times = [timed(step) for _ in range(2)]
        return {"step ms": [ms for ms, _ in times], "step cpu": [cpu for _, cpu in times]}

    parameters = sum(p.numel() for p in model.parameters())
    return measure, {"first loss": first, "parameters": parameters, "saved bytes": saved}


def main():
    before = status("VmRSS")
    work = settings["work"]
    if work == "step":
        measure, facts = training()
    else:
        make = {"gemm": gemm, "elementwise": elementwise, "attention": attention, "forward": forward}[work]
        measure, facts = operations(make)
    kernels = f" told to use {settings['kernels']} kernels" if settings["kernels"] else ""
    about = f"PyTorch {torch.__version__}, {blas()}{kernels}, {threads} thread{'s' if threads > 1 else ''}"
    send(kind="ready", facts={**facts, "about": about, "RSS before": before})
    for _ in sys.stdin:
        send(kind="samples", series={**measure(), "peak RSS": [status("VmHWM")]})


try:
    main()
except Exception as error:
    send(kind="failed", message=f"{type(error).__name__}: {error}".split("\n")[0])
