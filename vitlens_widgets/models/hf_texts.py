"""The text towers of transformers' CLIP and SigLIP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, cast

from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hub import ask_hub
from vitlens_widgets.models.prompts import ReadsTexts, check_lengths


class HFTexts(ReadsTexts):
    """What an adapter needs to classify by prompts; see `prompts.ReadsTexts`."""

    padding: ClassVar[bool | str] = True

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Texts among the model's pooled images, `[text, feature]`.

        Raises:
            UsageError: No tokenizer was saved with the model, or a text is longer than it reads.
        """
        longest = self.model.config.text_config.max_position_embeddings
        tokenizer = self._tokenizer
        whole = tokenizer(list(texts), verbose=False)["input_ids"]  # it would be cut without a word
        check_lengths(texts, [len(one) for one in whole], longest)
        ids = tokenizer(
            list(texts),
            padding=self.padding,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        words = {key: ids[key].to(self.model.device) for key in ("input_ids", "attention_mask")}
        if self.padding == "max_length":
            del words["attention_mask"]  # SigLIP was trained to read its padding
        out = self.model.get_text_features(**words)
        return out if isinstance(out, Tensor) else out.pooler_output  # a tensor before 5

    @cached_property
    def _tokenizer(self) -> Any:
        """Read once; twins of the adapter have it, too. A model of the world brings its own."""
        if brought := getattr(self.model, "known_words", None):
            return brought
        from transformers import AutoTokenizer

        saved_with = getattr(self.model.config, "_name_or_path", "")
        try:
            if not saved_with:
                raise OSError("a module that was not loaded from anywhere")
            read = cast("Foreign", AutoTokenizer).from_pretrained
            tokenizer = ask_hub(lambda: read(saved_with))
            if len(tokenizer) <= len(set(tokenizer.all_special_ids)):  # made up from no files
                raise OSError("a tokenizer that knows no words")
            return tokenizer
        except (OSError, ValueError) as error:
            raise UsageError(
                f"prompts= needs the tokenizer of {saved_with or 'this module'}, which cannot be "
                "found; load the model from the folder or id that its tokenizer was saved in."
            ) from error
