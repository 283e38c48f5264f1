"""A tokenizer of few words: transformers' `CLIPTokenizer`, one token for each word of captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from transformers import CLIPTokenizer

from vitlens_widgets.world.captions import check_words

START, END = "<|startoftext|>", "<|endoftext|>"
_LAST = "</w>"  # marks the last letter of a word
_Word = tuple[str, ...]


class KnownWords:
    """A tokenizer that refuses a word which it was not made for.

    Args:
        tokenizer: transformers' own; it would cut such a word into letters.
        words: All that it was made for.
    """

    def __init__(self, tokenizer: CLIPTokenizer, words: Sequence[str]) -> None:
        self.tokenizer, self.words = tokenizer, tuple(words)

    def __call__(self, texts: Sequence[str], **options: Any) -> Any:
        """What the tokenizer gives for several texts.

        Raises:
            UsageError: A word that is not among `words`.
        """
        for text in texts:
            check_words(text, self.words)
        return self.tokenizer(list(texts), **options)


def make_tokenizer(words: Sequence[str], longest: int) -> CLIPTokenizer:
    """The tokenizer whose tokens are these words and the pieces that they are put together from.

    Args:
        words: In small letters.
        longest: How many tokens a text may have, with those that mark its ends.
    """
    merges = _learnt_merges(words)
    letters = sorted({letter for word in words for letter in _letters(word)})
    tokens = [*letters, *("".join(pair) for pair in merges), START, END]
    ids = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    learnt: Any = merges  # pairs, as the library wants them, not as it says
    return CLIPTokenizer(vocab=ids, merges=learnt, model_max_length=longest)


def _letters(word: str) -> _Word:
    return (*word[:-1], word[-1] + _LAST)


def _learnt_merges(words: Sequence[str]) -> list[tuple[str, str]]:
    """Byte-pair encoding learnt to the end: the commonest pair is joined until words are whole.

    Source: Sennrich et al. (2016), "Neural Machine Translation of Rare Words with Subword Units",
    section 3.2; of pairs that are equally common the first in alphabetical order.
    """
    split = [_letters(word) for word in words]
    merges: list[tuple[str, str]] = []
    while pairs := Counter(pair for word in split for pair in pairwise(word)):
        most = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(most)
        split = [_joined(word, most) for word in split]
    return merges


def _joined(word: _Word, pair: tuple[str, str]) -> _Word:
    """The word with each such pair as one piece, from left to right."""
    pieces: list[str] = []
    for piece in word:
        if pieces and (pieces[-1], piece) == pair:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return tuple(pieces)
