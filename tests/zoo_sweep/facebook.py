"""ViTs laid out as Facebook's files of DINO, DINOv2 and MAE's fine-tuning lay them out, small.

Written anew after their public layout: names of parts, order of steps, what they answer.
"""

from __future__ import annotations

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

WIDTH, HEADS, PATCH, SIDE = 48, 4, 8, 4


class Attention(nn.Module):
    """`tuple_out`: DINO's gives its maps beside what it adds."""

    def __init__(self, *, tuple_out: bool) -> None:
        super().__init__()
        self.num_heads, self.tuple_out = HEADS, tuple_out
        self.scale = (WIDTH // HEADS) ** -0.5
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        qkv = self.qkv(x).reshape(*x.shape[:2], 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        weights = ((qkv[0] * self.scale) @ qkv[1].transpose(-2, -1)).softmax(-1)
        out = self.proj((weights @ qkv[2]).transpose(1, 2).reshape(x.shape))
        return (out, weights) if self.tuple_out else out


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.act = nn.Linear(WIDTH, 2 * WIDTH), nn.GELU()
        self.fc2 = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class SwiGLU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w12, self.w3 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        gate, linear = self.w12(x).chunk(2, dim=-1)
        return self.w3(nn.functional.silu(gate) * linear)


class LayerScale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((WIDTH,), 0.5))

    def forward(self, x):
        return x * self.gamma


class PatchEmbed(nn.Module):
    def __init__(self, img_size: int | tuple[int, int]) -> None:
        super().__init__()
        self.img_size = img_size
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class DinoBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn, self.mlp, self.drop_path = Attention(tuple_out=True), Mlp(), nn.Identity()

    def forward(self, x, return_attention=False):
        y, weights = self.attn(self.norm1(x))
        if return_attention:
            return weights
        x = x + self.drop_path(y)
        return x + self.drop_path(self.mlp(self.norm2(x)))


class Dino(nn.Module):
    """facebookresearch/dino's `VisionTransformer`."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(PATCH * SIDE)
        self.cls_token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + SIDE * SIDE, WIDTH))
        self.blocks = nn.ModuleList([DinoBlock(), DinoBlock()])
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Identity()

    def placed(self, height: int, width: int) -> Tensor:
        own = self.pos_embed[:, 1:].unflatten(1, (SIDE, SIDE)).permute(0, 3, 1, 2)
        fitted = nn.functional.interpolate(own, (height // PATCH, width // PATCH), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], fitted.flatten(2).transpose(1, 2)], dim=1)

    def prepare_tokens(self, x):
        cls = self.cls_token.expand(len(x), -1, -1)
        return torch.cat([cls, self.patch_embed(x)], dim=1) + self.placed(*x.shape[2:])

    def forward(self, x):
        x = self.prepare_tokens(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


class Dinov2Block(nn.Module):
    def __init__(self, mlp: type[nn.Module]) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn, self.mlp = Attention(tuple_out=False), mlp()
        self.ls1, self.ls2 = LayerScale(), LayerScale()

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class Dinov2(Dino):
    """facebookresearch/dinov2's `DinoVisionTransformer`."""

    def __init__(self, *, registers: int = 0, chunked: bool = False, swiglu: bool = False) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed((PATCH * SIDE, PATCH * SIDE))
        self.num_register_tokens, self.chunked_blocks = registers, chunked
        self.register_tokens = nn.Parameter(torch.randn(1, registers, WIDTH)) if registers else None
        blocks = [Dinov2Block(SwiGLU if swiglu else Mlp) for _ in range(2)]
        chunks = [nn.ModuleList(blocks[:1]), nn.ModuleList([nn.Identity(), blocks[1]])]
        self.blocks = nn.ModuleList(chunks if chunked else blocks)

    def prepare_tokens_with_masks(self, x):
        x = Dino.prepare_tokens(self, x)
        if self.register_tokens is None:
            return x
        registers = self.register_tokens.expand(len(x), -1, -1)
        return torch.cat([x[:, :1], registers, x[:, 1:]], dim=1)

    def forward(self, x, is_training=False):
        x = self.prepare_tokens_with_masks(x)
        for part in self.blocks:
            for block in part if self.chunked_blocks else [part]:
                x = block(x)
        normed = self.norm(x)
        return {"x_norm_clstoken": normed[:, 0]} if is_training else self.head(normed[:, 0])


class FineTuned(VisionTransformer):
    """facebookresearch/mae's `models_vit.VisionTransformer`, as it runs on timm 1."""

    def __init__(self, *, mean: bool) -> None:
        size = {"img_size": PATCH * SIDE, "patch_size": PATCH, "embed_dim": WIDTH}
        super().__init__(**size, num_heads=HEADS, depth=2, num_classes=11)
        self.global_pool = mean
        if mean:
            self.fc_norm = nn.LayerNorm(WIDTH)
            del self.norm

    def forward_features(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        if self.global_pool:
            return self.fc_norm(x[:, 1:].mean(dim=1))
        return self.norm(x)[:, 0]

    def forward(self, x):
        return self.head(self.forward_features(x))


KINDS = {
    "facebookresearch/dino": Dino,
    "facebookresearch/dinov2": Dinov2,
    "facebookresearch/dinov2, registers": lambda: Dinov2(registers=2),
    "facebookresearch/dinov2, chunked, SwiGLU": lambda: Dinov2(chunked=True, swiglu=True),
    "facebookresearch/mae, fine-tuned, CLS": lambda: FineTuned(mean=False),
    "facebookresearch/mae, fine-tuned, mean of patches": lambda: FineTuned(mean=True),
}
"""What a row of the table is called, and what makes it."""


def run_at(kind: str) -> tuple[int, int] | None:
    """(height, width) to run at: a grid that is not square where positions follow the image."""
    return None if "mae" in kind else (3 * PATCH, 5 * PATCH)
