"""`Trace`: what one forward pass over a batch of images left behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import TokenLayout, ViT
from vitlens_widgets.models.sites import DERIVED_SITES
from vitlens_widgets.trace.capture import kept_copy, watching
from vitlens_widgets.trace.sites import STATE_SITES, check_index, check_site


class Trace:
    """One forward pass: every state, and every site of every block on demand.

    `trace["attn_out", 3]` gives a site of block 3; `vitlens_widgets.models.sites` lists the sites
    and their shapes. A site that was not kept is computed by running its block again on its
    state, which gives the same numbers and costs 1/L of a forward pass.

    Attributes:
        vit: The model.
        states: `[state, image, token, d]`; state k is the residual stream before block k, the last
            one after the last block.
        logits: The model's own answer, `[image, class]`; None without a classifier.
        layout: The token layout at the traced image size.
        pictures: The images as the model saw them, uint8 `[image, height, width, 3]`.
    """

    def __init__(
        self,
        *,
        vit: ViT,
        layout: TokenLayout,
        states: Tensor,
        logits: Tensor | None,
        pictures: np.ndarray,
        kept: Mapping[tuple[str, int], Tensor],
    ) -> None:
        self.vit = vit
        self.layout = layout
        self.states = states
        self.logits = logits
        self.pictures = pictures
        self._kept = dict(kept)
        self._weights = _fingerprint(vit)

    @property
    def n_states(self) -> int:
        """L + 1."""
        return len(self.states)

    @property
    def n_images(self) -> int:
        """How many images were traced together."""
        return self.states.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return sum(tensor.nbytes for tensor in (self.states, *self._kept.values()))

    def __getitem__(self, key: tuple[str, int]) -> Tensor:
        """One site of one block, such as `trace["attn_out", 3]`.

        Raises:
            UsageError: An unknown site, a layer out of range, or a model whose weights have
                changed since.
        """
        if not (isinstance(key, tuple) and len(key) == 2):
            raise UsageError('A trace is read as trace[site, layer], such as trace["attn_out", 3].')
        site, layer = check_site(key[0]), check_index("layer", key[1], self.vit.n_layers)
        if site in STATE_SITES:
            return self.states[layer + STATE_SITES[site]]
        if site in DERIVED_SITES:
            return self.attention(layer, kind="pattern" if site == "pattern" else "scores")
        return self._sites(layer, site)[0]

    def attention(
        self, layer: int, head: int | None = None, kind: Literal["pattern", "scores"] = "pattern"
    ) -> Tensor:
        """Who attends to whom in one block, computed from its queries and keys in float32 or finer.

        Args:
            layer: The block, 0 .. L-1.
            head: One head, or None for all.
            kind: `"pattern"`: weights whose rows sum to 1; `"scores"`: scaled query-key products
                before the softmax.

        Returns:
            `[image, head, query, key]`, or `[image, query, key]` for one head.

        Raises:
            UsageError: A layer or head out of range, or an unknown kind.
        """
        if kind not in ("pattern", "scores"):
            raise UsageError(f'kind must be "pattern" or "scores", not {kind!r}.')
        check_index("layer", layer, self.vit.n_layers)
        if head is not None:
            check_index("head", head, self.vit.n_heads)
        q, k = (part.transpose(1, 2) for part in self._sites(layer, "q", "k"))
        fine = torch.promote_types(q.dtype, torch.float32)
        scores = self.vit.adapter.attention_scores(layer, q.to(fine), k.to(fine))
        scores = scores if head is None else scores[:, head]
        return scores.softmax(-1) if kind == "pattern" else scores

    def _sites(self, layer: int, *sites: str) -> list[Tensor]:
        """Tapped sites of one block, kept or computed again in one run of the block."""
        missing = [site for site in sites if (site, layer) not in self._kept]
        again = self._run_block(layer, missing) if missing else {}
        return [again[site] if site in again else self._kept[site, layer] for site in sites]

    def _run_block(self, layer: int, sites: list[str]) -> dict[str, Tensor]:
        if _fingerprint(self.vit) != self._weights:
            raise UsageError(
                f"The weights of {self.vit.name} have changed or moved since this trace, so "
                f"{', '.join(sites)} can no longer be computed; trace again, or name it in keep=."
            )
        taps = self.vit.adapter.taps(layer)
        found: dict[str, Tensor] = {}

        def see(site: str, value: Tensor) -> None:
            found[site] = kept_copy(value)

        with torch.no_grad(), watching({site: taps[site] for site in sites}, see):
            self.vit.adapter.run_block(layer, self.states[layer])
        return found

    def __repr__(self) -> str:
        images = f"{self.n_images} image{'s' if self.n_images != 1 else ''}"
        return (
            f"Trace({self.vit.name}: {images}, {self.n_states} states, {self.layout}, "
            f"{self.nbytes / 2**20:.1f} MiB)"
        )


def _fingerprint(vit: ViT) -> int:
    """Changes when the weights are changed in place, replaced or moved."""
    return hash(
        tuple(
            (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
            for weight in vit.model.parameters()
        )
    )
