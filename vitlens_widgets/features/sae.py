"""`SAE`: a sparse autoencoder of one site of a model, whoever trained it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import check_flag
from vitlens_widgets.features.base import READS, BaseSAE, Tokens
from vitlens_widgets.features.explained import explained_table
from vitlens_widgets.features.known import seen_by
from vitlens_widgets.features.saved import read_sae, write_sae
from vitlens_widgets.trace import ViT

if TYPE_CHECKING:
    from pandas import DataFrame
    from typing_extensions import Self

__all__ = ["READS", "SAE", "Tokens"]


@dataclass(frozen=True, eq=False, repr=False)
class SAE(BaseSAE):
    """A sparse autoencoder of one site: few of many latents say what stands at a token.

    With x a token's value at the site, scaled to x' by `scaling`, it computes
    `latents = activation(encoder (x' - b) + encoder_bias)`, where b is `decoder_bias` if
    `subtracts_bias` and 0 if not, and back `x' = latents decoder + decoder_bias`, scaled as x was.

    Args:
        site: A site of `vl.SITES` that has one vector a token, such as `"resid_post"`.
        layer: Of which block.
        tokens: `"all"`, `"patches"` or `"readout"`: those it was trained on and is applied to; the
            last are the prefix tokens that the model's classifier reads, such as CLS.
        encoder: `[latent, d]`.
        encoder_bias: `[latent]`.
        decoder: `[latent, d]`.
        decoder_bias: `[d]`.
        activation: Which latents stay on.
        scaling: Of the input.
        subtracts_bias: Whether the decoder's bias is subtracted before encoding.
        nested: Of a Matryoshka SAE the numbers of latents, smallest first, each of which
            reconstructs by itself (Bussmann et al. 2025, section 3); empty for any other.
        card: What its file says of it.
        name: What it was loaded as.
        model: What the model was loaded as that it was trained on; "" where that is not known.
        seen: By which that model is known again (`made_for`); empty where that is not known.

    Raises:
        UsageError: The shapes do not fit one another, numbers are not finite, or the site, the
            layer or the tokens are none.

    Example:
        >>> sae = vl.load_sae("my_sae.safetensors")
        >>> latents = sae.encode(trace["resid_post", sae.layer])
    """

    def explained(self, vit: ViT, images: Any, *, batch_size: int = 8) -> DataFrame:
        """What it is worth on a few images, beside what its card says.

        Args:
            vit: The model.
            images: As `vit.trace` takes them.
            batch_size: How many are run at a time.

        Returns:
            A row for each measure, with columns `measured`, `low` and `high` (the ends of its 95 %
            interval over images, one left out after the other: jackknife, which of fewer than 20
            images is too narrow; NaN of the dead share and of one image), and `card` (NaN where the
            card does not say it), by name:
            - `explained variance`: 1 minus the sum of squared errors over the sum of squares
              around the mean token;
            - `L0`: latents that are on, a mean over tokens;
            - `dead share`: of latents that are on at none of these tokens: on few images many are
              that are on at others;
            - `KL`: of the model's answer from its answer with the reconstruction in the site's
              place, nats, a mean over images; `KL of the mean token`: the same with the mean token
              in place of each, which is what there is to lose; `recovered`: 1 minus the first over
              the second. NaN of a model without a classifier.

        Raises:
            UsageError: The SAE is not of this model, or an image cannot be read.

        Source:
            Explained variance: Gao et al. (2024), "Scaling and evaluating sparse autoencoders",
            section 4 (its normalised error is 1 minus it).
        """
        return explained_table(self, vit, images, batch_size)

    def made_for(self, vit: ViT) -> Self:
        """The same, which knows the model that it was trained on, and refuses others.

        Raises:
            UsageError: It cannot be of this model; see `check`.
        """
        self.check(vit)
        return replace(self, model=vit.name, seen=seen_by(vit, self.site, self.layer))

    def save(self, path: str | os.PathLike[str], *, half: bool = False) -> None:
        """Write it to a file of safetensors, which `SAE.load` and `vl.load_sae` read.

        Args:
            path: The file.
            half: Whether as float16, in half the bytes.

        Raises:
            UsageError: It cannot be written there, or the card holds what JSON cannot say.
        """
        write_sae(self, path, half=check_flag("half", half))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read one that `save` wrote; no code in the file is run.

        Raises:
            UsageError: There is no such file, it holds no SAE, is damaged, or is of another
                version of the package.
        """
        return cls(**read_sae(path))
