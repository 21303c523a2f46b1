"""What the service says of a result, in words: on the cards, beside the image, in the order."""

import numpy as np
import pytest
from PIL import Image

from browser.kit import add, api, cards, disc, finish


def write(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def paths(tmp_path):
    """A plain disc, two of them, one that is cut off, nothing at all."""
    one = disc()
    two = np.concatenate([one, one], axis=1)
    return [
        write(tmp_path / "one.png", one),
        write(tmp_path / "two.png", two),
        write(tmp_path / "cut.png", one[:, 60:]),
        write(tmp_path / "nothing.png", np.full_like(one, 30)),
    ]


def told(page, name: str) -> tuple[str, list[str]]:
    """The estimate and what to look at, of one image."""
    page.locator("#cards .card-main", has_text=name).click()
    # Its text is set together with the estimate.
    page.locator(f"#result[alt*='{name}']").wait_for(state="attached")
    return (
        page.locator("#estimate").inner_text(),
        page.locator("#warnings li").all_inner_texts(),
    )


FLAGS = {
    "two.png": "Several separate parts: does each belong?",
    "cut.png": "The subject reaches the image's border",
}


def test_flags_are_told_in_words(page, paths):
    add(page, paths)
    finish(page, len(paths))
    for name, words in FLAGS.items():
        assert words in told(page, name)[1]
    assert not set(FLAGS.values()) & set(told(page, "one.png")[1])
    assert told(page, "nothing.png")[0] == "No subject found"
    page.select_option("#language", "de")
    assert "Mehrere getrennte Teile: Gehört jedes dazu?" in told(page, "two.png")[1]


def test_the_least_sure_come_first_and_say_so(page, paths):
    add(page, paths)
    finish(page, len(paths))
    assert cards(page).first.locator(".name").inner_text() == "nothing.png"
    order = ["none", "doubt", "check", "good"]
    levels = [order.index(it.get_attribute("data-level")) for it in cards(page).all()]
    assert levels == sorted(levels)
    page.select_option("#order", "added")
    names = [it.inner_text() for it in cards(page).locator(".name").all()]
    assert names == [path.name for path in paths]


# What the stand-in never loses: the service's own answer, with other signals.
SERIOUS = {
    "thin_parts_lost": "Thin parts may be missing",
    "parts_lost": "Parts of the subject may be missing",
    "parts_added": "Parts of the background may be left",
}


@pytest.mark.parametrize("flag", SERIOUS)
def test_a_part_that_may_be_wrong_makes_a_good_estimate_one_to_check(page, server, images, flag):
    path = images("photo.png")[0]
    body = api(server.running.address, path.read_bytes())
    signals = {"X-Cutout-Predicted-Iou": "0.97", "X-Cutout-Flags": f"touches_border,{flag}"}
    page.route(
        "**/remove-bg",
        lambda route: route.fulfill(body=body, content_type="image/png", headers=signals),
    )
    add(page, [path])
    finish(page)
    assert cards(page).locator(".state").inner_text() == f"Check the edge. {SERIOUS[flag]}"
    assert page.locator("#warnings li").all_inner_texts()[0] == SERIOUS[flag]
