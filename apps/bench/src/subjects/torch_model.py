"""The encoder of the workload in PyTorch, written with its own modules; the attention is explicit, as torch 1.13 trains it."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Layer(nn.Module):
    def __init__(self, m):
        super().__init__()
        self.heads = m["H"]
        self.norm1 = nn.LayerNorm(m["D"], eps=m["epsilon"])
        self.qkv = nn.Linear(m["D"], 3 * m["D"])
        self.out = nn.Linear(m["D"], m["D"])
        self.norm2 = nn.LayerNorm(m["D"], eps=m["epsilon"])
        self.inner = nn.Linear(m["D"], m["F"])
        self.outer = nn.Linear(m["F"], m["D"])

    def attention(self, x):
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)  # (B, H, T, Dh) each
        weights = (q @ k.transpose(-2, -1) / math.sqrt(D // self.heads)).softmax(-1)  # (B, H, T, T)
        return self.out((weights @ v).transpose(1, 2).reshape(B, T, D))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.outer(F.gelu(self.inner(self.norm2(x))))


class Classifier(nn.Module):
    def __init__(self, m):
        super().__init__()
        self.patch = m["patch"]
        if self.patch > 0:
            self.embedding = nn.Linear(m["patch"], m["D"])
            self.token = nn.Parameter(0.02 * torch.randn(1, 1, m["D"]))
            self.positions = nn.Parameter(0.02 * torch.randn(1, m["T"], m["D"]))
        self.layers = nn.ModuleList(Layer(m) for _ in range(m["layers"]))
        self.norm = nn.LayerNorm(m["D"], eps=m["epsilon"])
        self.head = nn.Linear(m["D"], m["classes"])

    def forward(self, x):
        if self.patch > 0:
            x = torch.cat([self.token.expand(x.shape[0], -1, -1), self.embedding(x)], 1) + self.positions  # (B, T, D)
        for layer in self.layers:
            x = layer(x)
        y = self.norm(x)
        return self.head(y[:, 0] if self.patch > 0 else y.mean(1))


def batch_of(m):
    shape = [m["B"], m["T"] - 1, m["patch"]] if m["patch"] > 0 else [m["B"], m["T"], m["D"]]
    count = shape[0] * shape[1] * shape[2]
    x = torch.sin(torch.arange(count, dtype=torch.float64) * 1.7).to(torch.float32).view(shape)
    return x, torch.arange(m["B"]) % m["classes"]


def training_step(m):
    """A function that trains one step and gives the loss, and the model."""
    torch.manual_seed(1)
    model = Classifier(m)
    betas = (m["beta1"], m["beta2"])
    optimizer = torch.optim.Adam(model.parameters(), lr=m["learningRate"], betas=betas, eps=m["adamEpsilon"])
    x, labels = batch_of(m)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, model, (x, labels)


def saved_bytes(model, batch):
    """Bytes that autograd keeps from forward to backward: each storage once, parameters and inputs left out."""
    known = {p.storage().data_ptr() for p in model.parameters()} | {t.storage().data_ptr() for t in batch}
    saved = {}

    def pack(tensor):
        storage = tensor.storage()
        if storage.data_ptr() not in known:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = F.cross_entropy(model(batch[0]), batch[1])
    total = sum(saved.values())
    del loss
    return total
