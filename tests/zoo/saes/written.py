"""Files of sparse autoencoders as other libraries write them, from their documented layouts.

Each writer makes random weights, writes them to a folder, and gives back the authors' formula in
NumPy, `x [token, d]` to latents and to what is decoded of them.
"""

from __future__ import annotations

import json
import sys
import types
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file

D, S, K = 10, 31, 5


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator)


def columns(seed=0, width=D):
    """W_enc [d, s], b_enc, W_dec [s, d], b_dec: as most write them."""
    return {
        "W_enc": draw(width, S, seed=seed),
        "b_enc": draw(S, seed=seed + 1),
        "W_dec": draw(S, width, seed=seed + 2),
        "b_dec": draw(width, seed=seed + 3),
    }


def arrays(tensors):
    return {name: value.double().numpy() for name, value in tensors.items()}


def relu(x):
    return np.maximum(x, 0)


def largest(x, k=K):
    """The k largest of a row, whatever their sign."""
    kept = np.zeros_like(x)
    where = np.argsort(x, axis=-1)[:, ::-1][:, :k]
    np.put_along_axis(kept, where, np.take_along_axis(x, where, -1), -1)
    return kept


def above(x, threshold):
    return x * (x > threshold)


def formula(w, activation, subtracts=False):
    """`act((x - b) W_enc + b_enc)` and `f W_dec + b_dec`."""

    def run(x):
        latents = activation((x - subtracts * w["b_dec"]) @ w["W_enc"] + w["b_enc"])
        return latents, latents @ w["W_dec"] + w["b_dec"]

    return run


def as_json(path, words):
    path.write_text(json.dumps(words))


# saev: a line of JSON, then a state dict


def saev(folder, schema, kind="Relu", threshold=None, k=K, width=D):
    tensors = columns(width=width)
    tensors["b_enc"] = tensors["b_enc"] - 3  # fewer than k are above 0
    w = arrays(tensors)
    params = {"top_k": k} if kind != "Relu" else {}
    cfg = {"d_model": width, "d_sae": S}
    if schema is None:
        header = {"d_vit": D, "exp_factor": 3, "sparsity_coeff": 4e-4, "ghost_grads": False}
    elif schema == "1A":
        header = {"schema": 1, "cfg": {**cfg, **params}, "cls": kind, "lib": "0.1"}
    else:
        activation = {"cls": kind, "params": params}
        header = {"schema": schema, "cfg": {**cfg, "activation": activation}, "lib": "0.2"}
        header |= {"cls": "SparseAutoencoderConfig"} if schema == 1 else {}
    if threshold is not None:
        tensors["activation.threshold"] = torch.tensor(threshold)
    with (folder / "sae.pt").open("wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        torch.save(tensors, file)
    acts = {"Relu": relu, "TopK": lambda x: largest(x, k), "BatchTopK": lambda x: largest(x, k)}
    act = acts[kind] if threshold is None else lambda x: above(x, max(threshold, 0))
    return formula(w, act)


# Prisma


class VisionModelSAERunnerConfig:
    """Stands for Prisma's settings, which are pickled with the weights."""


def in_module(kind, module):
    """The class as one of a module that is not installed here, while it is pickled."""
    kind.__module__ = module
    parts = module.split(".")
    for n in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:n]), types.ModuleType(".".join(parts[:n])))
    setattr(sys.modules[module], kind.__name__, kind)


def forget(module):
    root = module.split(".")[0]
    for name in [name for name in sys.modules if name.split(".")[0] == root]:
        del sys.modules[name]


def save_with_settings(path, kind, module, words, tensors, key="cfg"):
    in_module(kind, module)
    settings = kind()
    vars(settings).update(words)
    torch.save({key: settings, "state_dict": tensors}, path)
    forget(module)


def prisma(folder, normalize="layer_norm", topk=False, beside=True, **more):
    tensors = columns()
    w = arrays(tensors)
    words = {
        "model_name": "open-clip:laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
        "hook_point_layer": 2,
        "layer_subtype": "hook_mlp_out",
        "normalize_activations": normalize,
        "activation_fn_str": "topk" if topk else "relu",
        "activation_fn_kwargs": {"k": K} if topk else {},
        "architecture": "standard",
        "d_in": D,
        "d_sae": S,
        "dtype": {"__type__": "torch.dtype", "value": "torch.float32"},
        **more,
    }
    if beside:
        as_json(folder / "config.json", words)
    module = "vit_prisma.sae.config"
    pickled = {**words, "device": torch.device("cpu"), "dtype": torch.float32}
    save_with_settings(folder / "weights.pt", VisionModelSAERunnerConfig, module, pickled, tensors)

    def run(x):
        shift, factor, back = 0, 1, 1
        if normalize == "layer_norm":
            shift, back = x.mean(-1, keepdims=True), x.std(-1, ddof=1, keepdims=True)
            factor = back + 1e-5
        elif normalize == "constant_norm_rescale":
            factor = back = np.linalg.norm(x, axis=-1, keepdims=True) / np.sqrt(D)
        act = (lambda x: relu(largest(x))) if topk else relu
        latents = act(((x - shift) / factor - w["b_dec"]) @ w["W_enc"] + w["b_enc"])
        return latents, (latents @ w["W_dec"] + w["b_dec"]) * back + shift

    return run


# PatchSAE


class ViTSAERunnerConfig:
    """Stands for PatchSAE's settings."""


def patchsae(folder, key="cfg", as_dict=False, **more):
    tensors = columns()
    words = {
        "model_name": "openai/clip-vit-base-patch16",
        "module_name": "resid",
        "block_layer": -2,
        "class_token": False,
        "d_in": D,
        **more,
    }
    path = folder / "out.pt"
    if as_dict:
        torch.save({key: words, "state_dict": tensors}, path)
    else:
        module = "src.sae_training.config"
        save_with_settings(path, ViTSAERunnerConfig, module, words, tensors, key)
    return formula(arrays(tensors), relu, subtracts=True)


# dictionary_learning


def linear(bias):
    tensors = {
        "encoder.weight": draw(S, D),
        "encoder.bias": draw(S, seed=1),
        "decoder.weight": draw(D, S, seed=2),
        bias: draw(D, seed=3),
    }
    w = {
        "W_enc": tensors["encoder.weight"].T,
        "b_enc": tensors["encoder.bias"],
        "W_dec": tensors["decoder.weight"].T,
        "b_dec": tensors[bias],
    }
    return tensors, arrays(w)


def dictionary_learning(folder, kind, threshold=0.4, submodule="resid_post_layer_2"):
    extra = {"k": torch.tensor(K), "threshold": torch.tensor(threshold)}
    tensors, w = linear(
        {"AutoEncoder": "bias", "AutoEncoderNew": "decoder.bias"}.get(kind, "b_dec")
    )
    act, subtracts = relu, kind not in ("AutoEncoderNew", "JumpReluAutoEncoder")
    if kind == "AutoEncoder":  # whose directions their loader makes 1 long
        lengths = np.linalg.norm(w["W_dec"], axis=1)
        w = {**w, "W_enc": w["W_enc"] * lengths, "b_enc": w["b_enc"] * lengths}
        w["W_dec"] = w["W_dec"] / lengths[:, None]
    elif kind == "AutoEncoderTopK":
        tensors, act = {**tensors, **extra}, lambda x: largest(relu(x))
    elif kind == "BatchTopKSAE":
        tensors, act = {**tensors, **extra}, lambda x: above(relu(x), threshold)
    elif kind == "MatryoshkaBatchTopKSAE":
        tensors = {**columns(), **extra, "group_sizes": torch.tensor([6, 10, S - 16])}
        w, act = arrays(columns()), lambda x: above(relu(x), threshold)
    elif kind == "JumpReluAutoEncoder":
        each = draw(S, seed=4)
        tensors, w = {**columns(), "threshold": each}, arrays(columns())
        act = lambda x: relu(above(x, each.double().numpy()))  # noqa: E731
    torch.save(tensors, folder / "ae.pt")
    trainer = {"dict_class": kind, "layer": 2, "lm_name": "vit", "submodule_name": submodule}
    as_json(folder / "config.json", {"trainer": {**trainer, "k": K}, "buffer": {"d_submodule": D}})
    return formula(w, act, subtracts)


# SAELens


def saelens(folder, architecture="standard", version=6, **more):
    tensors = columns()
    w, act, subtracts = arrays(tensors), relu, more.get("apply_b_dec_to_input", True)
    hook = "blocks.2.hook_resid_pre"
    noted = {"hook_name": hook, "model_name": "vit"}
    words = {"d_in": D, "d_sae": S, "normalize_activations": "none", **more}
    if version == 6:
        words |= {"architecture": architecture, "metadata": noted}
    else:
        words |= {"hook_point": hook, "model_name": "vit", "activation_fn_str": "relu"}
        words.pop("architecture", None)
    if architecture == "topk":
        act = lambda x: relu(largest(x))  # noqa: E731
        old = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}}
        words |= {"k": K} if version == 6 else old
    elif architecture == "jumprelu":
        tensors["threshold"] = draw(S, seed=5).abs()
        act = lambda x: relu(x) * (x > tensors["threshold"].double().numpy())  # noqa: E731
    if more.get("rescale_acts_by_decoder_norm"):
        lengths = np.linalg.norm(w["W_dec"], axis=1)
        w = {**w, "W_enc": w["W_enc"] * lengths, "b_enc": w["b_enc"] * lengths}
        w["W_dec"] = w["W_dec"] / lengths[:, None]
    if more.get("finetuning_scaling_factor"):
        factor = draw(S, seed=6).abs()
        tensors["finetuning_scaling_factor"] = factor
        w = {**w, "W_dec": w["W_dec"] * factor.double().numpy()[:, None]}
    save_file(tensors, folder / "sae_weights.safetensors")
    save_file({"sparsity": draw(S)}, folder / "sparsity.safetensors")
    as_json(folder / "cfg.json", words)
    return formula(w, act, subtracts)


# overcomplete


def overcomplete(
    folder, at="encoder.final_block", norm=True, jump=False, multiplier=None, act=relu
):
    tensors = {f"{at}.0.weight": draw(S, D), f"{at}.0.bias": draw(S, seed=1)}
    rows = draw(S, D, seed=2)
    rows = rows / rows.norm(dim=1, keepdim=True) * (1 + 0.02 * draw(S, 1, seed=3).clamp(-2, 2))
    name = "dictionary._weights" if at == "encoder.final_block" else "dictionary.dictionary"
    tensors[name] = rows
    w = arrays(tensors)
    if norm:
        of = {"weight": draw(S, seed=4), "bias": draw(S, seed=5), "running_mean": draw(S, seed=6)}
        of["running_var"] = draw(S, seed=7).abs() + 0.1
        n = arrays(of)
        tensors |= {f"{at}.1.{key}": value for key, value in of.items()}
        tensors[f"{at}.1.num_batches_tracked"] = torch.tensor(9)
    if multiplier is not None:
        tensors["dictionary.multiplier"] = torch.tensor(multiplier)
    if jump:
        tensors["thresholds"] = draw(S, seed=8) * 0.3
        bound = np.exp(tensors["thresholds"].double().numpy())
        act = lambda x: relu(x) * (relu(x) >= bound)  # noqa: E731
    torch.save(tensors, folder / "sae.pth")

    def run(x):
        before = x @ w[f"{at}.0.weight"].T + w[f"{at}.0.bias"]
        if norm:
            before = (before - n["running_mean"]) / np.sqrt(n["running_var"] + 1e-5)
            before = before * n["weight"] + n["bias"]
        used = w[name]
        if name == "dictionary._weights":
            used = used / (np.linalg.norm(used, axis=1, keepdims=True) + 1e-8)
        latents = act(before)
        return latents, latents @ (used * np.exp(multiplier or 0))

    return run


# what must not run


class Runs:
    """Pickled, it asks for a function to be called."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def pickled_by_hand(module, name, argument):
    """Opcodes that call `module.name(argument)`, as a plain pickle that torch is handed."""
    return b"\x80\x02" + f"c{module}\n{name}\n(V{argument}\ntR.".encode()


def put_in(path, data):
    """A file as torch writes it, whose pickle is replaced."""
    torch.save({"a": torch.zeros(2)}, path)
    with zipfile.ZipFile(path) as old:
        inner = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for name, content in inner.items():
            new.writestr(name, data if name.endswith("data.pkl") else content)
