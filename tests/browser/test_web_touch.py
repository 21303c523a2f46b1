"""Fingers and the mouse button that holds: pinching, the loupe, the original while it is held."""

import pytest

from browser.kit import add, cards, finish


@pytest.fixture
def phone(pages, images):
    """A page on a phone with one finished image."""
    page = pages.open(has_touch=True, viewport={"width": 390, "height": 844})
    add(page, images("photo.png", side=800))
    finish(page)
    page.locator("#stage").scroll_into_view_if_needed()
    page.fingers = page.context.new_cdp_session(page)
    return page


def touch(page, kind: str, *points: tuple[float, float]) -> None:
    """Fingers at these places, from the middle of the image."""
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
    places = [{"x": x + dx, "y": y + dy, "id": id_} for id_, (dx, dy) in enumerate(points)]
    page.fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def width(page) -> float:
    return page.locator("#result").bounding_box()["width"]


def test_two_fingers_magnify_and_one_moves(phone):
    fitted = width(phone)
    touch(phone, "touchStart", (-40, 0), (40, 0))
    touch(phone, "touchMove", (-80, 0), (80, 0))
    touch(phone, "touchEnd")
    assert width(phone) == pytest.approx(2 * fitted, rel=0.05)
    before = phone.locator("#result").bounding_box()["x"]
    touch(phone, "touchStart", (0, 0))
    touch(phone, "touchMove", (30, 0))
    touch(phone, "touchEnd")
    assert phone.locator("#result").bounding_box()["x"] == pytest.approx(before + 30, abs=2)


def test_a_finger_that_paints_is_shown_in_a_loupe(phone):
    phone.click("#touch-up")
    phone.locator("#brushes").wait_for()
    phone.locator("#stage").scroll_into_view_if_needed()
    touch(phone, "touchStart", (0, 0))
    touch(phone, "touchMove", (20, 10))
    assert phone.locator("#loupe").is_visible()
    touch(phone, "touchEnd")
    assert phone.locator("#loupe").is_hidden()
    phone.locator("#stage[data-paint=solved]").wait_for()
    phone.click("#touch-up-done")
    cards(phone, "done").locator(".state", has_text="Corrected").wait_for()


def test_the_original_is_shown_while_its_button_is_held(page, images):
    add(page, images("photo.png"))
    finish(page)
    box = page.locator("#hold").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    assert page.locator("#stage.original").count() == 1
    page.wait_for_timeout(400)
    page.mouse.up()
    assert page.locator("#stage.original").count() == 0
    page.click("#hold")
    assert page.locator("#stage.original").count() == 1
