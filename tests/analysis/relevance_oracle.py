"""Relevance by the definitions: attention written out, its gradients retained, matrices multiplied.

It shares no code with the package.
"""

from __future__ import annotations

import torch
from torch.nn import CrossEntropyLoss


class Pass:
    """One image, `[3, height, width]`, through a timm model with its attention in the open.

    Attributes:
        patterns: The weights of each block, `[head, query, key]`, in the graph.
        attn_out: What each block's attention adds, `[token, d]`.
        states: The states, `[token, d]`.
        logits: `[class]`.
    """

    def __init__(self, model: torch.nn.Module, pixels: torch.Tensor) -> None:
        self.model = model
        self.patterns, self.attn_out = [], []
        self.states = [_state0(model, pixels)]
        for block in model.blocks:
            self.states.append(self._block(block, self.states[-1]))
        self.logits = self.read(self.states[-1])

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """What the model's own head makes of `[token, d]`: `[class]`."""
        return self.model.forward_head(self.model.norm(tokens[None]))[0]

    def _block(self, block: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        post = "Post" in type(block).__name__
        added = self._attention(block.attn, x if post else block.norm1(x))
        added = block.norm1(added) if post else block.ls1(added)
        self.attn_out.append(added)
        x = x + added
        return x + (block.norm2(block.mlp(x)) if post else block.ls2(block.mlp(block.norm2(x))))

    def _attention(self, attn: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        n, heads = len(x), attn.num_heads
        q, k, v = (part.reshape(n, heads, -1).transpose(0, 1) for part in attn.qkv(x).chunk(3, -1))
        pattern = (attn.q_norm(q) @ attn.k_norm(k).transpose(1, 2) * attn.scale).softmax(-1)
        self.patterns.append(pattern)
        return attn.proj((pattern @ v).transpose(0, 1).reshape(n, -1))


def _state0(model: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    seen = []
    hook = model.blocks[0].register_forward_pre_hook(lambda _, x: seen.append(x[0][0].detach()))
    with torch.no_grad():
        model(pixels[None])
    hook.remove()
    return seen[0]


def class_embedding(run: Pass, cls: int, rule: str, of: str) -> torch.Tensor:
    """`[layer, head, token]`: minus the gradient of each block's loss in its own pattern."""
    found = []
    for layer, pattern in enumerate(run.patterns):
        asked = run.attn_out[layer] if rule == "released" else run.states[layer + 1]
        logits = run.read(asked)
        if of == "logit":
            loss = -logits[cls]
        else:
            given = logits.softmax(0) if rule == "released" else logits
            loss = CrossEntropyLoss()(given[None], torch.tensor([cls]))
        gradient = torch.autograd.grad(loss, pattern, retain_graph=True)[0]
        if run.model.global_pool == "token":
            assert (gradient[:, 1:] == 0).all()
        found.append(-gradient.sum(1))
    return torch.stack(found)


def _weighed(run: Pass, cls: int) -> list[torch.Tensor]:
    """Pattern times gradient of the logit, block by block, each `[head, query, key]`."""
    chosen = run.logits[cls]
    gradients = [torch.autograd.grad(chosen, p, retain_graph=True)[0] for p in run.patterns]
    return [(p * g).detach() for p, g in zip(run.patterns, gradients, strict=True)]


def read_by(run: Pass) -> torch.Tensor:
    """How the readout weighs the tokens, `[token]`."""
    n, prefix = len(run.states[0]), run.model.num_prefix_tokens
    if run.model.global_pool == "token":
        return torch.eye(n)[0]
    first = 0 if run.model.pool_include_prefix else prefix
    return torch.tensor([float(i >= first) / (n - first) for i in range(n)])


def chefer(run: Pass, cls: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`[token]` and `[layer, head, token]`."""
    n = len(run.states[0])
    whole, heads = torch.eye(n), []
    for weighed in _weighed(run, cls):
        positive = weighed.clamp(min=0)
        whole = whole + positive.mean(0) @ whole
        heads.append(torch.stack([read_by(run) @ one for one in positive]))
    return read_by(run) @ whole, torch.stack(heads)


def rollout(run: Pass, weights: list[torch.Tensor]) -> torch.Tensor:
    """`[token]`, of `[query, key]` block by block."""
    whole = torch.eye(len(run.states[0]))
    for one in weights:
        mixed = one + torch.eye(len(one))
        whole = (mixed / mixed.sum(1, keepdim=True)) @ whole
    return read_by(run) @ whole


def gradient_rollout(run: Pass, cls: int) -> torch.Tensor:
    """`[token]`."""
    return rollout(run, [one.mean(0).clamp(min=0) for one in _weighed(run, cls)])


def released_gradient_rollout(
    run: Pass, cls: int, dropped: float, backward_order: bool, divide_columns: bool
) -> torch.Tensor:
    """`[token]` from CLS as `VITAttentionGradRollout` finds it, each of its three habits apart."""
    n = len(run.states[0])
    gradients = torch.autograd.grad(run.logits[cls], run.patterns, retain_graph=True)
    whole = torch.eye(n)
    for pattern, gradient in zip(
        run.patterns, gradients[::-1] if backward_order else gradients, strict=True
    ):
        mean = (pattern * gradient).detach().mean(0).clamp(min=0)
        mean.view(-1)[mean.view(-1).topk(int(n * n * dropped), largest=False).indices] = 0
        mixed = (mean + torch.eye(n)) / 2
        whole = mixed / mixed.sum(1, keepdim=not divide_columns) @ whole
    return whole[0]


def attention_rollout(run: Pass) -> torch.Tensor:
    """`[token]`."""
    return rollout(run, [one.mean(0).detach() for one in run.patterns])


def logits_of_kept(model: torch.nn.Module, state: torch.Tensor, kept: list[int]) -> torch.Tensor:
    """`[class]`, of the tokens of state 0 `[token, d]` that are kept."""
    with torch.no_grad():
        x = state[kept][None]
        for block in model.blocks:
            x = block(x)
        return model.forward_head(model.norm(x))[0]
