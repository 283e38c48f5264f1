"""Takes the README's pictures of the running widget: `python tests/browser/make_pictures.py`."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from conftest import CHROMIUM_ARGS, CHROMIUM_NAMES
from PIL import Image
from playwright.sync_api import sync_playwright
from widget_page import WidgetPage

import vitlens_widgets as vl

FOLDER = Path(__file__).parents[2] / "notebooks" / "pictures"
WIDTH = 1200  # pixels; a README shows them at some 830, so text stays sharp
SEED, CLASSES = 45, ("cat", "umbrella")
PINNED = (2, 4)


def quick_start() -> vl.PatchGrid:
    """The widget as the notebook shows it, on a scene that shows well."""
    scene = vl.world.scene(SEED, objects=len(CLASSES), classes=CLASSES)
    vit = vl.load("toy/p32")
    reading = vl.LogitLens(vit).read(vit.trace(scene.image))
    token = vit.layout.token(*PINNED)
    return vl.PatchGrid(reading, token=token, target=CLASSES[0])


def main() -> None:
    """Writes patch_grid_light.png and patch_grid_dark.png."""
    FOLDER.mkdir(exist_ok=True)
    browser_path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)))
    grid = quick_start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=CHROMIUM_ARGS)
        for scheme in ("light", "dark"):
            size = {"width": WIDTH, "height": 900}
            page = browser.new_page(viewport=size, color_scheme=scheme)
            widget = WidgetPage(page, scheme=scheme).add(grid)
            shot = Image.open(io.BytesIO(widget.screenshot())).convert("RGB")
            shot.save(FOLDER / f"patch_grid_{scheme}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
