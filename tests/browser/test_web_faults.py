"""What goes wrong: every card says what to do, waiting is told, and trying again works."""

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from browser.kit import KEY, add, cards, finish, until


def enter_key(page, key: str) -> None:
    page.locator("#key-dialog[open]").wait_for()
    page.fill("#key", key)
    page.keyboard.press("Enter")


@pytest.fixture
def keyed(pages, strict, images):
    """A page of the strict server that has been given the key, with one finished image."""
    page = pages.open(address=strict.running.address)
    add(page, images("first.png"))
    enter_key(page, KEY)
    finish(page)
    return page


def text_of(page, state: str) -> str:
    cards(page, state).first.wait_for()
    return cards(page, state).first.locator(".state").inner_text()


def noise(path, side: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def test_a_key_is_asked_for_and_used(pages, strict, images):
    page = pages.open(address=strict.running.address)
    add(page, images("a.png", "b.png"))
    enter_key(page, "not-the-right-key-at-all")
    page.locator("#key-note", has_text="not known").wait_for()
    enter_key(page, KEY)
    finish(page, 2)
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_a_key_is_kept_for_the_tab_only_where_that_is_ticked(pages, strict, images):
    page = pages.open(address=strict.running.address)
    add(page, images("a.png"))
    page.locator("#key-dialog[open]").wait_for()
    page.check("#keep-key")
    enter_key(page, KEY)
    finish(page)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    add(page, images("b.png"))
    finish(page)


def test_without_a_key_the_card_says_so_and_may_ask_again(pages, strict, images):
    page = pages.open(address=strict.running.address)
    add(page, images("a.png"))
    page.locator("#key-dialog[open]").wait_for()
    page.click("#key-cancel")
    assert "API key" in text_of(page, "failed")
    cards(page).get_by_role("button", name="Try again:").click()
    enter_key(page, KEY)
    finish(page)


def test_a_full_server_is_waited_for_as_it_says(keyed, strict, images):
    with strict.held():
        add(keyed, images("a.png", "b.png"))
        told = text_of(keyed, "paused")
        assert "busy" in told and "second" in told
    finish(keyed, 3)
    assert cards(keyed, "failed").count() == 0


def test_an_image_that_takes_too_long_fails_and_can_be_tried_again(keyed, strict, images):
    with strict.held():
        add(keyed, images("slow.png"))
        assert "in time" in text_of(keyed, "failed")
    cards(keyed, "failed").get_by_role("button", name="Try again:").click()
    finish(keyed, 2)


def test_a_body_that_is_too_large_is_told(keyed, tmp_path):
    noise(tmp_path / "large.png", 250)
    add(keyed, [tmp_path / "large.png"])
    told = text_of(keyed, "failed")
    assert "bytes" in told or "larger" in told


def test_a_file_above_the_limit_is_not_even_sent(pages, server, tmp_path):
    page = pages.open()
    large = tmp_path / "large.png"
    noise(large, 8)
    large.write_bytes(large.read_bytes() + bytes(23_100_000))
    add(page, [large])
    told = text_of(page, "failed")
    assert "23.1 MB" in told and "Send a smaller one" in told
    assert page.sent == []


def test_another_type_is_recognised_by_its_content_and_not_sent(page, tmp_path):
    fake = tmp_path / "fake.png"
    fake.write_bytes(b"GIF89a" + bytes(100))
    add(page, [fake])
    assert text_of(page, "failed") == "Not an allowed image type. Send one of: JPEG, PNG, WEBP."
    assert page.sent == []


def test_an_empty_file_is_told(page, tmp_path):
    (tmp_path / "empty.png").touch()
    add(page, [tmp_path / "empty.png"])
    assert "empty" in text_of(page, "failed")


def test_a_broken_image_shows_the_servers_own_sentence(page, images):
    path = images("broken.png")[0]
    path.write_bytes(path.read_bytes()[:100])
    add(page, [path])
    told = text_of(page, "failed")
    assert page.sent[0].response().json()["detail"] == told
    assert cards(page, "failed").locator(".state").get_attribute("lang") == "en"


def test_a_failed_image_leaves_the_others_alone_and_comes_first(page, images):
    paths = images("a.png", "broken.png", "b.png")
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    add(page, paths)
    finish(page, 2)
    cards(page, "failed").wait_for()
    until(page, lambda: cards(page).first.locator(".name").inner_text() == "broken.png", "order")


def test_an_image_is_cancelled_and_started_again(page, server, images):
    with server.held():
        add(page, images("a.png", "b.png", "c.png"))
        cards(page, "working").nth(1).wait_for()
        cards(page, "waiting").get_by_role("button", name="Cancel:").click()
        cards(page, "working").first.get_by_role("button", name="Cancel:").click()
        cards(page, "cancelled").nth(1).wait_for()
    cards(page, "done").wait_for()
    for _ in range(2):
        cards(page, "cancelled").first.get_by_role("button", name="Try again:").click()
    finish(page, 3)


def test_a_removed_image_is_not_sent(page, server, images):
    with server.held():
        add(page, images("a.png", "b.png", "c.png"))
        cards(page, "working").nth(1).wait_for()
        cards(page, "waiting").get_by_role("button", name="Cancel:").click()
        cards(page, "cancelled").get_by_role("button", name="Remove:").click()
    finish(page, 2)
    assert len(page.sent) == 2
    assert cards(page).count() == 2


def test_without_network_the_queue_waits_and_goes_on(page, images):
    add(page, images("a.png"))
    finish(page)
    page.context.set_offline(True)
    add(page, images("b.png"))
    assert "No network" in text_of(page, "paused")
    page.context.set_offline(False)
    finish(page, 2)


@pytest.fixture
def half_answer() -> Iterator[str]:
    """The address of a server that closes the connection in the middle of its answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            link, _ = listener.accept()
            with link:
                link.recv(65536)
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(100))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def test_an_answer_that_is_cut_off_fails_and_can_be_tried_again(page, images, half_answer):
    page.route("**/remove-bg", lambda route: route.continue_(url=f"{half_answer}/remove-bg"))
    add(page, images("a.png"))
    assert "connection to the server was lost" in text_of(page, "failed")
    page.unroute("**/remove-bg")
    cards(page).get_by_role("button", name="Try again:").click()
    finish(page)


def test_after_a_restart_of_the_server_the_page_goes_on(pages, strict, images):
    page = pages.open(address=strict.running.address)
    add(page, images("a.png"))
    enter_key(page, KEY)
    finish(page)
    strict.stop()
    add(page, images("b.png"))
    assert "connection to the server was lost" in text_of(page, "failed")
    strict.start()
    cards(page, "failed").get_by_role("button", name="Try again:").click()
    finish(page, 2)


def test_a_setting_that_the_server_refuses_is_told(page, images):
    add(page, images("a.png"))
    finish(page)
    page.click("#advanced summary")
    page.check("#option-crop")
    page.fill("#option-crop_margin", "much")
    page.keyboard.press("Tab")
    page.click("#save")
    page.locator("#alerts", has_text="margin").wait_for()
