"""A gallery is a folder of pages and an index that shows their pictures and links to them."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import pytest

import vitlens_widgets as vl
from tests.export.saved import hash_of
from tests.sentences import refused
from tests.widgets.fake_maps import random_maps
from tests.widgets.fake_reading import random_reading
from vitlens_widgets.gallery import Exhibit, gallery, tutorials
from vitlens_widgets.gallery.__main__ import main

ROOT = Path(__file__).parents[2]
HOSTILE = '</p><script>alert("1")</script>'


def shown():
    """Two pages, one of them with two widgets."""
    grids = [vl.PatchGrid(random_reading(seed, images=1)) for seed in (1, 2)]
    maps = vl.AttentionMaps(random_maps(3))
    return [
        Exhibit("grids", f"Two grids {HOSTILE}", f"Words {HOSTILE}", "a tutorial", lambda: grids),
        Exhibit("maps", "Maps", "All heads.", "another", lambda: maps),
    ]


def test_an_index_links_to_each_page_under_its_picture(tmp_path, capsys):
    exhibits = shown()
    index = gallery(tmp_path / "new" / "folder", exhibits)
    folder, text = index.parent, index.read_text(encoding="utf-8")
    assert {path.name for path in folder.iterdir()} == {"index.html", "grids.html", "maps.html"}
    assert re.findall(r'<a href="([^"]+)"', text) == ["grids.html", "maps.html"]
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert [base64.b64decode(one) for one in pictures] == [
        exhibits[0].make()[-1].still(),
        exhibits[1].make().still(),
    ]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in printed] == ["grids.html", "maps.html", "index.html"]
    assert all(re.search(r": [\d.]+ [kM]B$", line) for line in printed)


def test_only_its_own_style_and_pictures_are_let_in_and_words_stay_words(tmp_path):
    text = gallery(tmp_path, shown()).read_text(encoding="utf-8")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert html.unescape(policy) == (
        f"default-src 'none'; script-src 'none'; style-src 'sha256-{hash_of(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert "<script" not in text
    assert text.count(html.escape(HOSTILE)) == 2
    assert not re.findall(r"https?://", text)


def test_every_tutorial_hangs_under_a_name_of_its_own():
    exhibits = tutorials()
    assert len({one.name for one in exhibits}) == len(exhibits)
    sources = {one.source for one in exhibits}
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("0*.ipynb")}
    assert {name for name in notebooks if name[:2] in ("00", "01", "02", "03", "04")} <= sources


def test_a_folder_that_cannot_be_made_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with refused(vl.UsageError):
        gallery(tmp_path / "file", [])
    with pytest.raises(SystemExit, match="cannot be made a folder"):
        main([str(tmp_path / "file")])
    assert capsys.readouterr().out == ""
