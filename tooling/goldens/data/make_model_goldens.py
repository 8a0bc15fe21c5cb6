#!/usr/bin/python3
"""Whole models of other libraries, small and with random weights: GPT-2 and LLaMA (decoder-only), T5 1.1 (encoder-decoder).

    python3 -m venv --system-site-packages venv && venv/bin/pip install transformers==4.30.2
    venv/bin/python make_model_goldens.py

Made with Debian's python3-torch 1.13.1 in float64, into models.json. For each: weights under our names, ids with padding,
logits (0 at padding) and the gradient of sum(logits * G) for each weight. Weights and G are multiples of 1/1024, which
float32 holds exactly. Norms and softmax of LLaMA and T5, and LLaMA's angles, are computed in float32 there whatever the model's
type: they are exchanged for the same formulas in the model's own.
"""
import json, math, os
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
D, H, F, V, LAYERS = 8, 2, 12, 11, 2
g = torch.Generator().manual_seed(73)


def rms(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


LlamaRMSNorm.forward = rms
T5LayerNorm.forward = rms
torch.nn.functional.softmax = lambda x, dim=-1, dtype=None: torch.softmax(x, dim)
torch.Tensor.float = lambda x: x  # T5's scores, before their softmax


def coarse(shape, scale):
    return (torch.randn(shape, generator=g) * scale * 1024).round() / 1024


def plain(x):
    return {"shape": list(x.shape), "data": [float(f"{v:.17g}") for v in x.detach().reshape(-1).tolist()]}


def randomize(model):
    model.double().eval()
    for name, p in model.named_parameters():
        p.data = coarse(p.shape, 0.4) + (1.0 if p.dim() == 1 and "bias" not in name else 0.0)


same = (lambda w: w, 1.0)
turned = (lambda w: w.T.contiguous(), 1.0)  # GPT-2 stores (in, out)
embedded = (lambda w: w / math.sqrt(D), math.sqrt(D))  # our embeddings are scaled by √D, theirs are not


def part(i, n=3):  # query, key and value side by side
    return (lambda w: w.T.chunk(n)[i].contiguous() if w.dim() == 2 else w.chunk(n)[i], 1.0)


def golden(model, links, run, present, inputs):
    """run() gives logits; again in float32, for how far torch itself is off then (f32_abs)."""
    G = coarse((*present.shape, V), 1.0) * present[..., None]

    def results():
        model.zero_grad()
        logits = run()
        (logits * G.to(logits.dtype)).sum().backward()
        of = dict(model.named_parameters())
        gradients = {ours: (f(of[theirs].grad) * scale**2).to(torch.float64) for ours, (theirs, (f, scale)) in links.items()}
        return (logits * present[..., None]).detach().to(torch.float64), gradients

    named = dict(model.named_parameters())
    weights = {ours: plain(f(named[theirs])) for ours, (theirs, (f, _)) in links.items()}
    (logits, gradients), _ = results(), model.to(torch.float32)
    logits32, gradients32 = results()
    stats = lambda exact, single: {"f32_abs": (exact - single).abs().max().item(), "max": exact.abs().max().item()}
    return {
        **inputs,
        "G": plain(G),
        "weights": weights,
        "logits": {**plain(logits), **stats(logits, logits32)},
        "gradients": {name: {**plain(x), **stats(x, gradients32[name])} for name, x in gradients.items()},
    }


def linear(ours, theirs, how=same, bias=True):
    return {f"{ours}.{p}": (f"{theirs}.{p}", how) for p in (("weight", "bias") if bias else ("weight",))}


def norm(ours, theirs, bias):
    return {f"{ours}.gain": (f"{theirs}.weight", same), **({f"{ours}.bias": (f"{theirs}.bias", same)} if bias else {})}


def padded(rows, left=False):
    T = max(map(len, rows))
    return torch.tensor([[0] * (T - len(r)) + r if left else r + [0] * (T - len(r)) for r in rows])


rows = [[3, 7, 1, 9, 4, 10], [5, 2, 8]]
left = padded(rows, left=True)
present = left != 0
places = (present.long().cumsum(-1) - 1).clamp(min=0)
out = {}

gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=V, n_positions=8, n_embd=D, n_layer=LAYERS, n_head=H, n_inner=F, tie_word_embeddings=False,
                                  resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))
randomize(gpt2)
links = {"embedding.weight": ("transformer.wte.weight", embedded), "positions.weight": ("transformer.wpe.weight", same)}
for i in range(LAYERS):
    ours, theirs = f"decoder.layers.{i}", f"transformer.h.{i}"
    for n, name in enumerate(("query", "key", "value")):
        links.update(linear(f"{ours}.selfAttention.{name}", f"{theirs}.attn.c_attn", part(n)))
    for a, b in (("selfAttention.output", "attn.c_proj"), ("feedForward.inner", "mlp.c_fc"), ("feedForward.outer", "mlp.c_proj")):
        links[f"{ours}.{a}.weight"] = (f"{theirs}.{b}.weight", turned)
        links[f"{ours}.{a}.bias"] = (f"{theirs}.{b}.bias", same)
    links.update({**norm(f"{ours}.norm1", f"{theirs}.ln_1", True), **norm(f"{ours}.norm2", f"{theirs}.ln_2", True)})
links.update({**norm("decoder.norm", "transformer.ln_f", True), **linear("output", "lm_head", bias=False)})
run = lambda: gpt2(left, attention_mask=present.long(), position_ids=places).logits
out["gpt2"] = golden(gpt2, links, run, present, {"ids": plain(left)})

llama = LlamaForCausalLM(LlamaConfig(vocab_size=V, hidden_size=D, intermediate_size=F, num_hidden_layers=LAYERS, num_attention_heads=H,
                                     max_position_embeddings=16, rms_norm_eps=1e-5, pad_token_id=0, tie_word_embeddings=False))
randomize(llama)
links = {"embedding.weight": ("model.embed_tokens.weight", embedded)}
for i in range(LAYERS):
    ours, theirs = f"decoder.layers.{i}", f"model.layers.{i}"
    for a, b in (("query", "q"), ("key", "k"), ("value", "v"), ("output", "o")):
        links.update(linear(f"{ours}.selfAttention.{a}", f"{theirs}.self_attn.{b}_proj", bias=False))
    for a, b in (("gate", "gate"), ("inner", "up"), ("outer", "down")):
        links.update(linear(f"{ours}.feedForward.{a}", f"{theirs}.mlp.{b}_proj", bias=False))
    links.update(norm(f"{ours}.norm1", f"{theirs}.input_layernorm", False))
    links.update(norm(f"{ours}.norm2", f"{theirs}.post_attention_layernorm", False))
    angle = torch.arange(16.0)[:, None] * 10000.0 ** (-torch.arange(0, D // H, 2.0) / (D // H))
    angle = torch.cat([angle, angle], -1)[None, None]
    rotary = llama.model.layers[i].self_attn.rotary_emb
    rotary.cos_cached, rotary.sin_cached = angle.cos(), angle.sin()
links.update({**norm("decoder.norm", "model.norm", False), **linear("output", "lm_head", bias=False)})
run = lambda: llama(left, attention_mask=present.long(), position_ids=places).logits
out["llama"] = golden(llama, links, run, present, {"ids": plain(left)})

t5 = T5ForConditionalGeneration(T5Config(vocab_size=V, d_model=D, d_kv=D // H, d_ff=F, num_layers=LAYERS, num_decoder_layers=LAYERS, num_heads=H,
                                         feed_forward_proj="gated-gelu", layer_norm_epsilon=1e-5, dropout_rate=0, tie_word_embeddings=False,
                                         pad_token_id=0))
t5.encoder.embed_tokens, t5.decoder.embed_tokens = torch.nn.Embedding(V, D), torch.nn.Embedding(V, D)
randomize(t5)
links = {"sourceEmbedding.weight": ("encoder.embed_tokens.weight", embedded), "targetEmbedding.weight": ("decoder.embed_tokens.weight", embedded)}
for stack, attentions in (("encoder", ("SelfAttention",)), ("decoder", ("SelfAttention", "EncDecAttention"))):
    links[f"{stack}.layers.0.selfAttention.positions.weight"] = (f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", same)
    for i in range(LAYERS):
        ours, theirs = f"{stack}.layers.{i}", f"{stack}.block.{i}.layer"
        for n, attention in enumerate(attentions):
            for a, b in (("query", "q"), ("key", "k"), ("value", "v"), ("output", "o")):
                links.update(linear(f"{ours}.{('selfAttention', 'crossAttention')[n]}.{a}", f"{theirs}.{n}.{attention}.{b}", bias=False))
            links.update(norm(f"{ours}.norm{n + 1}", f"{theirs}.{n}.layer_norm", False))
        n = len(attentions)
        for a, b in (("gate", "wi_0"), ("inner", "wi_1"), ("outer", "wo")):
            links.update(linear(f"{ours}.feedForward.{a}", f"{theirs}.{n}.DenseReluDense.{b}", bias=False))
        links.update(norm(f"{ours}.norm{n + 1}", f"{theirs}.{n}.layer_norm", False))
    links.update(norm(f"{stack}.norm", f"{stack}.final_layer_norm", False))
links.update(linear("output", "lm_head", bias=False))
source, target = padded(rows), padded([[1, 6, 6, 3], [1, 4]])
run = lambda: t5(input_ids=source, attention_mask=(source != 0).long(), decoder_input_ids=target, decoder_attention_mask=(target != 0).long()).logits
out["t5"] = golden(t5, links, run, target != 0, {"source": plain(source), "target": plain(target)})

with open(f"{HERE}/models.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
