"""Every widget, light and dark, wide and narrow, before the rules of axe-core (WCAG 2.1 AA)."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.test_many_widgets import MAKE
from tests.browser.widget_page import WidgetPage

# Of WCAG 2.2 only the size of targets is new that axe looks at: patches are as small as they are
# (its exception "essential"), and all can be reached by arrows.
# A widget stands within somebody's page: that page has the title, the headings and the landmarks.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "resultTypes": ["violations"],
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("stem", MAKE)
def test_axe_finds_nothing_to_complain_of(page, stem, scheme):
    for width in (1400, 700):
        page.set_viewport_size({"width": width, "height": 1000})
        hosted = WidgetPage(page, scheme=scheme)
        page.evaluate("document.documentElement.lang = 'en'")
        hosted.add(MAKE[stem](), stem)
        hosted.wait_two_frames()
        found = Axe().run(page, context=".vitlens", options=RULES)
        assert found.violations_count == 0, found.generate_report()
