"""Prompts as a user types them, in whatever widget takes them."""

from __future__ import annotations

from tests.browser.widget_page import eventually
from tests.zoo_sweep import texts

CAT, DOG, CAR = texts.PROMPTS
TOO_LONG = "a photo of a cat on the one red road"


def field(page):
    return page.get_by_role("textbox", name="New prompt")


def shown(page):
    return page.locator(".vl-prompt .vl-name").all_inner_texts()


def named(page):
    """The classes of the legend."""
    names = ".vl-legend-classes li:not([hidden]) .vl-label .vl-name"
    return {*page.locator(names).all_inner_texts()}


def pixels_of(page, canvases):
    return page.locator(canvases).evaluate_all("every => every.map(c => c.toDataURL())")


def entered(page, prompt):
    field(page).fill(prompt)
    field(page).press("Enter")


def typed_on(page, hosted, widget, prompt):
    """One more prompt, and the beginning of the next while the kernel is at it."""
    prompts = (*widget.prompts, prompt)
    hosted.hold()
    entered(page, f"  {prompt} ")
    page.locator(".vl-waiting .vl-pending").wait_for()
    assert shown(page) == [*prompts]
    assert page.locator(".vl-prompts .vl-hint").inner_text() == "the model reads it …"
    page.keyboard.type("a photo")  # goes on, and is not lost
    hosted.let_go()
    eventually(page, lambda: page.locator(".vl-pending, .vl-waiting").count() == 0)
    assert widget.prompts == prompts
    assert field(page).input_value() == "a photo"
    assert page.evaluate("document.activeElement.className") == "vl-prompt-input"
    assert page.locator(".vitlens").count() == 1


def what_the_model_cannot_read_is_said(page):
    """And stays in the field to be mended."""
    before = shown(page)
    entered(page, TOO_LONG)
    eventually(page, lambda: "reads 9 at most" in page.get_by_role("alert").inner_text())
    assert shown(page) == before
    assert field(page).input_value() == TOO_LONG
