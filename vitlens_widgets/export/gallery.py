"""A folder of pages with an index: `python -m vitlens_widgets.export.gallery FOLDER`.

Each page holds the widget of a tutorial, on the same scenes and with the same embedded models. All
of it opens offline; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.export import exhibits
from vitlens_widgets.export.page import HEAD, STATIC, policy
from vitlens_widgets.export.save import save_html, size_words, write_whole

INDEX = (
    HEAD
    + """<body>
<h1>{title}</h1>
<p>{words}</p>
<ul>
{entries}
</ul>
</body>
</html>
"""
)

ENTRY = """<li><a href="{name}.html">
<span class="frame"><img alt="" src="data:image/png;base64,{picture}"></span>
<h2>{title}</h2></a>
<p>{words}</p>
<small>{source} · {size}</small></li>"""

TITLE = "Inside vision transformers"
WORDS = (
    "Widgets from the tutorials of vitlens_widgets, each on one page that works without a network "
    "and without Python: click, point and use the keys as you would in a notebook."
)


@dataclass(frozen=True)
class Exhibit:
    """A widget that hangs in the gallery.

    Attributes:
        name: Of its page, without `.html`.
        title: Of its page, too.
        words: A sentence or two on what is to be seen.
        source: The tutorial that it is from.
        make: Makes the widget; several on one page are a list.
    """

    name: str
    title: str
    words: str
    source: str
    make: Callable[[], Any]


def gallery(folder: str | Path, shown: Sequence[Exhibit] | None = None) -> Path:
    """Writes a page for each widget and an index of them, and prints the sizes.

    Args:
        folder: Where to; it is made if it is not there.
        shown: What hangs in it. Default: the main pictures of the tutorials.

    Returns:
        The index.

    Raises:
        UsageError: The folder cannot be made or written to.
    """
    target = _made(Path(folder).expanduser())
    entries = [_hung(one, target) for one in (tutorials() if shown is None else shown)]
    style = (STATIC / "gallery.css").read_text(encoding="utf-8")
    text = INDEX.format(
        policy=policy(style=style, images="data:"),
        title=TITLE,
        style=style,
        words=html.escape(WORDS),
        entries="\n".join(entries),
    )
    index = target / "index.html"
    write_whole(index, text.encode("utf-8"))
    print(f"{index.name}: {size_words(index.stat().st_size)}")
    return index


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f'"{folder}" cannot be made a folder: {error.strerror or error}.'
        ) from None
    return folder


def _hung(one: Exhibit, folder: Path) -> str:
    """Writes a page; its entry in the index, with the picture that a notebook keeps, too."""
    made = one.make()
    page = save_html(made, folder / f"{one.name}.html", title=one.title)
    last = made[-1] if isinstance(made, list) else made
    return ENTRY.format(
        name=one.name,
        picture=base64.b64encode(last.still()).decode(),
        title=html.escape(one.title),
        words=html.escape(one.words),
        source=html.escape(one.source),
        size=size_words(page.stat().st_size),
    )


def tutorials() -> list[Exhibit]:
    """The main pictures of the tutorials."""
    return [
        Exhibit(
            "patch_grid",
            "What each patch answers",
            "The emoji logit lens: the model's own classifier, applied to every patch before every "
            "block. Drag through the layers, pin a patch, look for another class.",
            "00_quickstart",
            exhibits.quickstart,
        ),
        Exhibit(
            "logit_lens",
            "One answer, read layer by layer",
            "The readout's answer through the states, the last of which is the model's own.",
            "01_logit_lens_classification",
            exhibits.classification,
        ),
        Exhibit(
            "infilling",
            "Filling in what is hidden",
            "What a masked autoencoder paints from each state of its encoder, with three quarters "
            "of the patches hidden; below, how near each state is.",
            "02_mae_infilling",
            exhibits.infilling,
        ),
        Exhibit(
            "segmentation",
            "A segmentation that nobody asked for",
            "Patches by their most probable class, in a scene of four things: the model was "
            "trained on names of whole images alone.",
            "03_emoji_logit_lens",
            exhibits.segmentation,
        ),
        Exhibit(
            "twin",
            "A twin that keeps it to itself",
            "The same scene and class for two models: one whose patches find the thing, and one "
            "trained through its CLS token alone. Linked: choose a state or a patch in either.",
            "03_emoji_logit_lens",
            exhibits.twins,
        ),
        Exhibit(
            "norms",
            "Which norm the lens uses",
            "The same states read with each state's own norm, and with that of the final state.",
            "03_emoji_logit_lens",
            exhibits.norms,
        ),
        Exhibit(
            "heads",
            "Where every head looks",
            "All heads of all layers; choose one, pin a query, sort by a statistic.",
            "04_attention_head_tour",
            exhibits.heads,
        ),
        Exhibit(
            "same_object",
            "A head that stays on the thing",
            "The head whose weight stays most on the thing that it asks from, with what the lens "
            "reads at query and key.",
            "04_attention_head_tour",
            exhibits.same_object,
        ),
        Exhibit(
            "rollout",
            "From the answer back to the image",
            "Attention of all layers multiplied through, as seen from the CLS token.",
            "04_attention_head_tour",
            exhibits.rollout,
        ),
        Exhibit(
            "relevance",
            "What an answer rests on",
            "Which patches speak for two classes, in every head and in all, and how the answers "
            "go as patches are removed in that order. Point at a curve to see what is left.",
            "08_relevance_and_probes",
            exhibits.relevance,
        ),
        Exhibit(
            "cut_off",
            "Patches that may not look at one another",
            "Where the true class stands among all classes: with attention as it is, and with each "
            "patch attending to itself alone, in all blocks. Linked.",
            "06_class_embedding_space",
            exhibits.cut_off,
        ),
        Exhibit(
            "mlp_words",
            "What the MLPs say",
            "The lens on what each block's MLP adds, its value vectors together, instead of the "
            "stream.",
            "07_key_value_memories",
            exhibits.mlp_words,
        ),
        Exhibit(
            "explorer",
            "Every view of one image",
            "Answers, attention and infilling of one scene, linked.",
            "vl.explore",
            exhibits.explorer,
        ),
    ]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m vitlens_widgets.export.gallery",
        description="Write the main pictures of the tutorials as offline pages, with an index.",
    )
    parser.add_argument("folder", help="where to; it is made if it is not there")
    try:
        gallery(parser.parse_args(arguments).folder)
    except UsageError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
