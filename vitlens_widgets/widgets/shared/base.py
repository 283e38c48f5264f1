"""What all widgets share: choices refused with advice, errors shown as sentences, a stable repr."""

from __future__ import annotations

import base64
import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

import anywidget
from traitlets import TraitType

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list, warn
from vitlens_widgets.export.figures.parts import FigureParts, Shared
from vitlens_widgets.export.figures.save import save_figure
from vitlens_widgets.export.page import SavedWidget
from vitlens_widgets.export.save import save_html
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import png
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.docs import with_inherited
from vitlens_widgets.widgets.shared.lifetime import is_shown
from vitlens_widgets.widgets.shared.meanings import Meaning
from vitlens_widgets.widgets.shared.wire import WireWidget, is_hearing

STATIC = Path(__file__).parent.parent / "static"
_CODE = ("_esm", "_css")
_Bundle = tuple[dict[str, Any], dict[str, Any]]  # an output's data and metadata

_OURS: dict[str, Any] = {"vitlens_widgets": {}}
"""In an output's metadata, it lets js/labextension.js tell our widgets from all others."""


class LensWidget(WireWidget):
    """A widget whose small selections ("choices") are traits, synced with the browser both ways.

    A subclass tags the traits a user may give as keywords with `choice=True`. A bad choice raises
    `UsageError` in Python. A bad choice that comes from the browser changes nothing: it becomes a
    sentence in `error`, which the widget shows above its last good picture.

    A widget and what it shows are freed when nobody has it any more: not a variable, nor a cell
    that shows it (run that again, or close the widget), nor IPython, which keeps the value of a
    cell's last line as `Out[n]` (show it by `display(widget)` instead, or end the line with `;`).
    The cell that shows it is the one that ran: where that has put it elsewhere on the page, into
    an `Output` of another cell or by `handle.update(widget)`, keep it in a variable to run the
    cell again.

    Args:
        **choices: Values of the subclass's choices, and ipywidgets' `layout`.

    Attributes:
        links: The links, made by `vl.link`, that it takes part in.

    Raises:
        UsageError: A keyword is not one of the choices, or its value cannot be taken.
    """

    _esm: str | Path
    _css: str | Path

    _kind = "Widget"
    """What it is, to begin the title of a saved page."""

    _beyond = "whatever must be computed anew"
    """What a page without a kernel cannot do, to end a sentence."""

    _figure: Callable[[dict[str, Any], Shared | None], FigureParts] | None = None
    """What it can put in a figure, from its traits."""

    _ipython_display_ = None
    """ipywidgets 7, which Colab has, would show itself with it, and without all of the bundle."""

    def __init_subclass__(cls, **words: Any) -> None:
        # As text: for each widget that reads a file, anywidget listens to the file for good, and
        # with it holds the widget and its trace. Only those who write the code reload it.
        for name, file in list(vars(cls).items()):
            if isinstance(file, Path) and os.environ.get("ANYWIDGET_HMR") != "1":
                setattr(cls, name, file.read_text("utf-8"))
        super().__init_subclass__(**words)
        if vars(cls).get("__doc__"):  # the class that traitlets makes of each instance has none
            cls.__doc__ = with_inherited(cls)

    def __init__(self, **choices: Any) -> None:
        self._refuse_unknown(choices)
        self.links: list[Any] = []
        super().__init__(**choices)
        self._is_made = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses a name that the widget does not have: a misspelt choice would change nothing."""
        known = name.startswith("_") or name in vars(self) or hasattr(type(self), name)
        if not known and vars(self).get("_is_made"):
            raise UsageError(
                f'{type(self).__name__} has no "{name}" to set; its choices are '
                f"{quoted_list(self.choices())}.{did_you_mean(name, self.choices())}"
            )
        super().__setattr__(name, value)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be copied or pickled.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{type(self).__name__} cannot be copied or pickled, since it belongs to a page: make "
            'another of what this one shows, or keep it by save_html("lens.html").'
        )

    def __copy__(self) -> NoReturn:
        """See `__reduce_ex__`."""
        self.__reduce_ex__(4)

    def __deepcopy__(self, memo: Any) -> NoReturn:
        """See `__reduce_ex__`."""
        self.__reduce_ex__(4)

    def meanings(self) -> dict[str, Meaning]:
        """What the selections mean that `vl.link` can link, by the names of their traits."""
        return {}

    @classmethod
    def choices(cls) -> tuple[str, ...]:
        """The names a user may set, in the order in which the class declares them."""
        members = [m for kind in reversed(cls.__mro__) for m in vars(kind).items()]
        return tuple(n for n, t in members if isinstance(t, TraitType) and t.metadata.get("choice"))

    @property
    def nbytes(self) -> int:
        """Bytes of data the widget sends to a browser that opens it, its code not counted."""
        state = cast("dict[str, Any]", self.get_state())
        return pack.n_bytes(value for name, value in state.items() if name not in _CODE)

    def _set(self, values: dict[str, Any]) -> None:
        """Sets several traits, in the order given."""
        for name, value in values.items():
            setattr(self, name, value)

    def save_html(self, path: str | Path, title: str = "") -> Path:
        """Writes the widget to one web page that opens offline, still interactive.

        What needs a kernel says so in the page. A line with the file's size is printed.

        Args:
            path: The file to write; its name ends in `.html`.
            title: The page's title. Default: what the widget is, and of which model.

        Returns:
            The file.

        Raises:
            UsageError: The file cannot be written, or its name is not that of a page.

        Example:
            >>> grid.save_html("lens.html")
            lens.html: 110 kB
        """
        return save_html(self, path, title=title)

    def save_figure(
        self,
        path: str | Path,
        width_mm: float = 85,
        panels: Sequence[str | int] | None = None,
        *,
        columns: int | None = None,
        dpi: float = 300,
    ) -> Path:
        """Writes panels as a figure for a paper: PDF, SVG or PNG; see `vl.save_figure`.

        Args:
            path: The file to write; its name ends in `.pdf`, `.svg` or `.png`.
            width_mm: How wide the figure is, in millimetres.
            panels: Which panels, by name, or states by number; `figure_parts().parts` names all.
                Default: what the widget shows.
            columns: How many stand side by side. Default: as many as are well seen.
            dpi: Pixels per inch of what is a picture.

        Returns:
            The file.

        Raises:
            UsageError: There is no such panel, a number is out of range, the file cannot be
                written, or fpdf2 is missing.

        Example:
            >>> grid.save_figure("figure.svg", width_mm=85, panels=["image", 0, 6, "final"])
        """
        return save_figure(self, path, width_mm, panels, columns=columns, dpi=dpi)

    def figure_parts(self, shared: Shared | None = None) -> FigureParts:
        """The panels it can put in a figure, as it shows them now.

        Args:
            shared: A scale, or the order of classes, that several widgets share. Default: its own.

        Raises:
            UsageError: It is a widget that has none.
        """
        parts = type(self)._figure
        if parts is None:
            raise UsageError(f"{type(self).__name__} has no panels for a figure.")
        return parts(self._pictured(), shared)

    def saved(self) -> SavedWidget:
        """The widget as a page without a kernel keeps it."""
        meta = getattr(self, "_meta", {})
        of_model = f" of {meta['model_name']}" if "model_name" in meta else ""
        return SavedWidget(
            module=str(self._esm),
            style=str(self._css),
            state=self._own_state() | {"error": ""},
            title=f"{self._kind}{of_model}",
            caption=meta.get("caption", ""),
            beyond=self._beyond,
        )

    def _repr_mimebundle_(self, **options: Any) -> _Bundle | None:
        """What a notebook keeps of the widget: its view, and a picture where no JavaScript runs."""
        bundle = self._view(**options)
        return bundle and (bundle[0] | self._as_picture(), bundle[1])

    def _view(self, **options: Any) -> _Bundle | None:
        """The same without the picture."""
        is_shown(self)
        bundle = cast("_Bundle | None", super()._repr_mimebundle_(**options))
        if bundle is None or type(self)._drawn is LensWidget._drawn:
            return bundle
        return bundle[0], bundle[1] | _OURS

    def _as_picture(self) -> dict[str, str]:
        """The still picture in a notebook's words; nothing, with a warning, where it fails."""
        if type(self)._drawn is LensWidget._drawn:
            return {}
        try:
            return {"image/png": base64.b64encode(self.still()).decode()}
        except Exception as error:  # the widget itself is to be seen all the same
            warn(
                f"{type(self).__name__} is shown, but without a still picture for a saved "
                f"notebook: {type(error).__name__}: {error}"
            )
            return {}

    def still(self) -> bytes:
        """A picture of what the widget shows now, as a PNG 1000 pixels wide.

        A notebook keeps it with the widget, for places that run no JavaScript.

        Example:
            >>> Path("lens.png").write_bytes(grid.still())
        """
        return png(self._drawn())

    def _drawn(self) -> Piece:
        """Draws the still picture; a widget without any leaves this as it is."""
        raise UsageError(f"{type(self).__name__} has no still picture; save it as a page instead.")

    def _pictured(self) -> dict[str, Any]:
        """What its still picture is drawn from."""
        return self._own_state()

    def _own_state(self) -> dict[str, Any]:
        """The traits of the widget itself, without those every widget of Jupyter has."""
        of_all = {*anywidget.AnyWidget.class_trait_names(sync=True), "_anywidget_id"}
        names = set(cast("list[str]", self.keys)) - {*of_all, *_CODE}
        return cast("dict[str, Any]", self.get_state(names))

    def _in_words(self, names: Iterable[str] | None = None) -> str:
        """Its choices as they would be given: `state='final', token=(2, 4)`."""
        traits, said = self.traits(), list[str]()
        for name in self.choices() if names is None else names:
            value, says = getattr(self, name), getattr(traits[name], "said", None)
            said.append(
                f"{name}={value!r}"
                if value is None or says is None
                else f"{name}={says(self, value)}"
            )
        return ", ".join(said)

    def _fail(self, error: BaseException, what: str, shown: str) -> None:
        """Says a failure: of what a browser asked, in the widget, as only a log would hear of it.

        Raises:
            UsageError: Of what was set in Python; the widget shows what it showed.
            BaseException: Ctrl-C, which goes on.
        """
        if isinstance(error, Exception):
            sentence = f"{what}: {str(error) or type(error).__name__}"
            if not is_hearing():
                raise UsageError(sentence) from error
            self.error = sentence
            return
        self.error = f"{what}, it was interrupted: {shown}."
        raise error

    @classmethod
    def _refuse_unknown(cls, given: dict[str, Any]) -> None:
        known = (*cls.choices(), "layout")
        others = [name for name in inspect.signature(cls).parameters if name != "choices"]
        for name in given:
            if name not in known:
                raise UsageError(
                    f'{cls.__name__} has no option "{name}"; it takes {quoted_list(known)}.'
                    f"{did_you_mean(name, (*known, *others))}"
                )
