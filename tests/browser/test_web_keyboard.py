"""The whole way by keyboard alone, and the names that screen readers say."""

from pathlib import Path

import pytest

from browser.kit import add, cards, check_snapshot, finish, pixels


def tab_to(page, selector: str, limit: int = 60) -> None:
    """Press Tab until this element has the focus."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("(it) => document.activeElement?.matches(it)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_an_image_is_chosen_compared_and_downloaded_by_keyboard(page, images):
    page.once("filechooser", lambda chooser: chooser.set_files(images("photo.png")))
    tab_to(page, "#files")
    page.keyboard.press("Enter")
    finish(page)
    tab_to(page, "#compare")
    page.keyboard.press("End")
    assert page.locator("#compare").get_attribute("aria-valuetext") == "100% original"
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    assert 5 <= float(page.locator("#compare").input_value()) <= 20
    tab_to(page, "[data-zoom='2']")
    page.keyboard.press("Space")
    assert page.locator("#scale").inner_text() == "200%"
    tab_to(page, "[name=background]")
    page.keyboard.press("ArrowRight")
    assert page.locator("[name=background]:checked").get_attribute("value") == "white"
    tab_to(page, "#save")
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    corner = pixels(Path(saved.value.path()).read_bytes())[20, 0]
    assert list(corner[:3]) == [255, 255, 255]


def test_the_image_answers_its_keys_and_lets_the_focus_go(page, images):
    add(page, images("photo.png", side=900))
    finish(page)
    page.focus("#stage")
    for key, scale in ("4", "400%"), ("1", "100%"), ("2", "200%"):
        page.keyboard.press(key)
        assert page.locator("#scale").inner_text() == scale
    before = page.evaluate("getComputedStyle(document.querySelector('#result')).transform")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("getComputedStyle(document.querySelector('#result')).transform")
    assert before != after
    page.keyboard.press("o")
    assert page.locator("#hold").get_attribute("aria-pressed") == "true"
    page.keyboard.press("o")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "compare"


def test_single_keys_do_nothing_while_something_else_has_the_focus(page, images):
    add(page, images("photo.png"))
    finish(page)
    fitted = page.locator("#scale").inner_text()
    page.focus("#save")
    for key in "4", "o", "+":
        page.keyboard.press(key)
    assert page.locator("#scale").inner_text() == fitted
    assert page.locator("#hold").get_attribute("aria-pressed") == "false"


def test_a_stroke_is_painted_and_undone_by_keyboard(page, images):
    add(page, images("photo.png"))
    finish(page)
    tab_to(page, "#touch-up")
    page.keyboard.press("Enter")
    page.locator("#brushes").wait_for()
    assert page.evaluate("document.activeElement.id") == "stage"
    page.keyboard.press("k")
    assert page.locator("#tool-keep").get_attribute("aria-pressed") == "true"
    before = page.locator("#brush-size").input_value()
    page.keyboard.press("]")
    assert float(page.locator("#brush-size").input_value()) > float(before)
    page.keyboard.down("Space")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.up("Space")
    page.locator("#stage[data-paint=solved]").wait_for()
    assert page.locator("#undo").is_enabled()
    page.keyboard.press("Control+z")
    assert page.locator("#undo").is_disabled()
    page.keyboard.press("Control+Shift+z")
    assert page.locator("#undo").is_enabled()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "touch-up"


def test_a_dialog_gives_the_focus_back(page, images):
    add(page, images("photo.png"))
    finish(page)
    page.focus("#commands")
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "commands"


def test_removing_a_card_leaves_the_focus_in_the_list(page, images):
    add(page, images("a.png", "b.png"))
    finish(page, 2)
    cards(page).first.locator(".actions button").focus()
    page.keyboard.press("Enter")
    assert cards(page).count() == 1
    assert page.evaluate("document.activeElement.matches('.card-main')")


def test_what_happens_is_said_once_and_politely(page, images):
    add(page, images("a.png", "b.png"))
    finish(page, 2)
    page.locator("#status", has_text="2 of 2 done").wait_for(state="attached")
    assert page.locator("#status").get_attribute("role") == "status"


@pytest.mark.parametrize("state", ["empty", "done", "evaluate"])
def test_roles_and_names_are_the_reviewed_ones(page, images, state):
    if state == "done":
        add(page, images("photo.png"))
        finish(page)
        page.click("#advanced summary")
        page.locator("#option-crop").wait_for()
        page.locator("#status", has_text="1 of 1 done").wait_for(state="attached")
    if state == "evaluate":
        page.click("#show-evaluate")
        page.locator("#measure").wait_for()
    check_snapshot(page.locator("body"), state)
