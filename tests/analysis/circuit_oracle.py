"""Circuits written as plain loops in NumPy, float64, from a timm ViT's weights: nothing is batched.

Every reader's input is summed edge by edge, by the names of both ends. It shares no code with the
package but those names.
"""

from __future__ import annotations

import numpy as np
import torch

from tests.oracle import _linear, _norm, _softmax, forward_sites


def sent(model, state: np.ndarray) -> dict[str, np.ndarray]:
    """What each sender adds to the stream for a state 0 `[token, d]`, by name."""
    found = {"embedding": state}
    for layer, site in enumerate(forward_sites(model, state[None])):
        w = weights(model, layer)
        for head in range(model.blocks[0].attn.num_heads):
            found[f"L{layer} H{head}"] = written(w, site["z"][0, :, head], head)
        if "mlp_out" in site:
            found[f"L{layer} MLP"] = site["mlp_out"][0]
    return found


def weights(model, layer: int) -> dict[str, np.ndarray]:
    every = {key: value.double().numpy() for key, value in model.state_dict().items()}
    start = f"blocks.{layer}."
    return {key.removeprefix(start): w for key, w in every.items() if key.startswith(start)}


def written(w: dict, z: np.ndarray, head: int) -> np.ndarray:
    """What a head adds with z `[token, d_head]`, the output bias apart."""
    columns = slice(head * z.shape[1], (head + 1) * z.shape[1])
    return (z @ w["attn.proj.weight"].T[columns]) * w.get("ls1.gamma", 1.0)


def final_state(model, entering, ablated, kept, *, put=None) -> np.ndarray:
    """The stream that the logits read, `[token, d]`.

    Args:
        model: The timm ViT.
        entering: State 0 of the run.
        ablated: What senders write outside of the circuit, by name.
        kept: The circuit, a set of (sender, reader).
        put: Values of (sender, reader) that go along an edge whatever the sender writes.
    """
    now, biases = {"embedding": entering}, np.zeros_like(entering)
    heads, eps = model.blocks[0].attn.num_heads, model.blocks[0].norm1.eps

    def given(reader: str) -> np.ndarray:
        total = biases.copy()
        for sender, value in now.items():
            edge = (sender, reader)
            on_edge = value if edge in kept else ablated[sender]
            total += put[edge] if put and edge in put else on_edge
        return total

    for layer in range(len(model.blocks)):
        w, new = weights(model, layer), {}
        for head in range(heads):
            q, k, v = (read(w, given(f"L{layer} H{head} {s}"), s, head, heads, eps) for s in "qkv")
            z = _softmax(q @ k.T / np.sqrt(q.shape[1])) @ v
            new[f"L{layer} H{head}"] = written(w, z, head)
        now |= new
        biases = biases + w["attn.proj.bias"] * w.get("ls1.gamma", 1.0)
        if "mlp.fc1.weight" in w:
            now[f"L{layer} MLP"] = mlp(w, given(f"L{layer} MLP"), eps)
    return given("logits")


def read(w: dict, x: np.ndarray, site: str, head: int, heads: int, eps: float) -> np.ndarray:
    """Queries, keys or values of one head for its own input `[token, d]`."""
    normed = _norm(x, w, "norm1", eps)
    every = normed @ w["attn.qkv.weight"].T + w.get("attn.qkv.bias", 0.0)
    own = every.reshape(len(x), 3, heads, -1)[:, "qkv".index(site), head]
    return own if site == "v" else _norm(own, w, f"attn.{site}_norm", eps)


def mlp(w: dict, x: np.ndarray, eps: float) -> np.ndarray:
    from tests.oracle import _erf

    hidden = _linear(_norm(x, w, "norm2", eps), w, "mlp.fc1")
    hidden = 0.5 * hidden * (1 + _erf(hidden / np.sqrt(2)))
    return _linear(hidden, w, "mlp.fc2") * w.get("ls2.gamma", 1.0)


def logits(vit, state: np.ndarray) -> np.ndarray:
    """The model's own answer to a final state `[token, d]`."""
    with torch.no_grad():
        return vit.adapter.readout_logits(torch.from_numpy(state).float()[None])[0].numpy()
