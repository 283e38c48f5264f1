"""What a run leaves behind while it runs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, as_list, check_flag
from vitlens_widgets.models.hook_points import HookPoints
from vitlens_widgets.models.sites import DERIVED_SITES
from vitlens_widgets.trace.capture import kept_copy
from vitlens_widgets.trace.sites import STATE_SITES, check_site
from vitlens_widgets.trace.watch import Watcher

_PARTS_OF = {"attn_scores": ("q", "k"), "pattern": ("q", "k")}


def sites_to_keep(keep: str | Sequence[str], grad: bool, points: HookPoints) -> list[str]:
    """The sites to store beside the states.

    Without gradients, scores and pattern are stored as the queries and keys they are made of, so
    that the model keeps its fused attention.

    Raises:
        UsageError: An unknown site, or a grad that is neither True nor False.
        UnsupportedModelError: A site that the model's blocks do not have.
    """
    check_flag("grad=", grad)
    names = [keep] if isinstance(keep, str) else as_list("keep=", keep, '["q", "k"]')
    sites = [*points, *DERIVED_SITES] if "all" in names else [check_site(name) for name in names]
    for site in sites:
        if site not in DERIVED_SITES:
            points[site]  # refuses a site that the model does not have
    if not grad:
        sites = [part for site in sites for part in _PARTS_OF.get(site, (site,))]
    return [site for site in dict.fromkeys(sites) if site not in STATE_SITES]


class Record:
    """States and kept sites, filled in as the blocks show them.

    Args:
        n_layers: The number L of blocks.
        sites: The sites to keep beside the states.
        grad: Whether gradients shall flow through what is kept: then the model goes on with the
            very tensors that are kept, and none of them is a copy.
        watcher: Who else is shown sites.
    """

    def __init__(
        self,
        n_layers: int,
        sites: Sequence[str],
        grad: bool = False,
        watcher: Watcher | None = None,
    ) -> None:
        self.n_layers = n_layers
        self.sites = sites
        self.grad = grad
        self.watcher = watcher
        self.kept: dict[tuple[str, int], Tensor] = {}
        self._states = torch.empty(0)
        self._filled: set[int] = set()
        self._piles: dict[str, Tensor] = {}

    def sites_of(self, first: int) -> dict[int, list[str]]:
        """What is shown of each block from `first` on: every state once, and the kept sites."""
        watched = self.watcher.sites if self.watcher else []
        every = ["resid_pre", *self.sites, *watched]
        shown = {layer: list(dict.fromkeys(every)) for layer in range(first, self.n_layers)}
        shown[self.n_layers - 1].append("resid_post")
        return shown

    def see(self, site: str, layer: int, value: Tensor) -> Tensor | None:
        """Show a value to who watches, and keep it; see `instrument.Seen`."""
        if self.watcher:
            self.watcher.see(site, layer, value)
        if not (site in self.sites or site in STATE_SITES or site in DERIVED_SITES):
            return None
        if self.grad:
            return self._see_on_the_path(site, layer, value)
        if site in STATE_SITES:
            self._fill(layer + STATE_SITES[site], value)
        else:
            self.kept[site, layer] = self._copy(site, layer, value)
        return None

    def _copy(self, site: str, layer: int, value: Tensor) -> Tensor:
        """A copy in one piece of memory for all layers of the site.

        Copies of their own, made between a block's large and passing tensors, would leave holes
        that the next block's do not fit in: several times the memory that is kept.
        """
        if site not in self.sites:  # an edited attention shows itself, in some layers
            return kept_copy(value)
        pile = self._piles.get(site)
        if pile is None or pile.shape[1:] != value.shape:
            pile = self._piles[site] = value.new_empty(self.n_layers, *value.shape)
        pile[layer] = value.detach()
        return pile[layer]

    def _see_on_the_path(self, site: str, layer: int, value: Tensor) -> Tensor:
        if value._is_view():  # the model reads the whole of which this is a part
            value = value.clone()
        if not value.requires_grad:
            value = value.detach().requires_grad_()
        self.kept[site, layer] = value
        return value

    def _fill(self, k: int, state: Tensor) -> None:
        if not len(self._states):  # one piece of memory, filled as the states come
            self._states = state.new_empty(self.n_layers + 1, *state.shape)
        if state.shape != self._states.shape[1:]:
            raise UnsupportedModelError(
                f"State {k} is {list(state.shape)} [image, token, d], and those before it "
                f"{list(self._states.shape[1:])}: blocks that drop or merge tokens cannot be read."
            )
        self._states[k] = state.detach()
        self._filled.add(k)

    def start_from(self, states: Tensor, kept: dict[tuple[str, int], Tensor], first: int) -> None:
        """Take over what an earlier run left behind before block `first`."""
        self.kept |= {key: value for key, value in kept.items() if key[1] < first}
        for k in range(first):
            if self.grad:
                self.kept["resid_pre", k] = states[k]
            else:
                self._fill(k, states[k])

    @property
    def states(self) -> Tensor:
        """All states, `[state, image, token, d]`.

        Raises:
            UnsupportedModelError: Some of them did not show.
        """
        if not self.grad:
            unseen = set(range(self.n_layers + 1)) - self._filled
            if unseen:  # memory that nobody has written
                raise UnsupportedModelError(f"State {min(unseen)} of this model did not show.")
            return self._states
        before = [self.kept["resid_pre", layer] for layer in range(self.n_layers)]
        return torch.stack([*before, self.kept["resid_post", self.n_layers - 1]])
