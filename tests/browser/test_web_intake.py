"""How images come in, and where the page works: prefix, plain http, no script, languages."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from browser.kit import add, cards, finish

PASTE = """async ([address, name]) => {
  const blob = await (await fetch(address)).blob();
  const data = new DataTransfer();
  data.items.add(new File([blob], name, { type: blob.type }));
  dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, cancelable: true }));
}"""


def drop(page, paths) -> None:
    """What Chromium does when files or folders are dropped from the desktop."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in "dragEnter", "dragOver", "drop":
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


def test_a_pasted_image_is_taken(page):
    example = page.locator(".example").first.get_attribute("data-src")
    page.evaluate(PASTE, [example, "image.png"])
    finish(page)
    assert cards(page).locator(".name").inner_text() == "image.png"


def test_pasted_text_is_left_alone(page):
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "words");
          window.left = dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: data, cancelable: true }));
        }"""
    )
    assert page.evaluate("window.left") is True
    assert cards(page).count() == 0


def test_dropped_files_are_taken(page, images):
    drop(page, images("a.png", "b.jpg"))
    finish(page, 2)


def test_a_dropped_folder_is_walked_through(page, images, tmp_path):
    images("folder/a.png", "folder/deep/b.jpg")
    (tmp_path / "folder" / ".hidden").write_bytes(b"x")
    drop(page, [tmp_path / "folder"])
    finish(page, 2)
    assert cards(page).count() == 2


def test_a_dropped_link_is_answered_in_words(page):
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/uri-list", "https://example.org/a.png");
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }"""
    )
    page.locator("#alerts", has_text="no file").wait_for()


def test_a_chosen_folder_is_taken(page, images, tmp_path):
    images("folder/a.png", "folder/deep/b.jpg")
    page.set_input_files("#folder", tmp_path / "folder")
    finish(page, 2)


def test_the_examples_work(page):
    page.locator(".example").first.click()
    cards(page, "done").wait_for()
    assert cards(page).locator(".name").inner_text() == "astronaut.jpg"


def test_fifty_images_are_worked_on_two_at_a_time(page, server, images):
    paths = images(*(f"image-{index:02}.png" for index in range(50)), side=40)
    add(page, paths)
    at_once = page.evaluate("document.querySelectorAll('[data-state=working]').length")
    finish(page, 50)
    assert at_once <= 2
    assert len(page.sent) == 50
    assert page.locator("#progress").inner_text() == "50 of 50 done"
    decoded = page.evaluate("document.querySelectorAll('canvas').length")
    assert decoded == 0


def test_never_more_than_two_requests_are_under_way(page, server, images):
    with server.held():
        add(page, images(*(f"{index}.png" for index in range(5))))
        cards(page, "working").nth(1).wait_for()
        assert cards(page, "waiting").count() == 3
        assert len(page.sent) == 2
    finish(page, 5)


def test_addresses_of_a_removed_image_are_given_back(page, images):
    add(page, images("a.png", "b.png"))
    finish(page, 2)
    address = page.locator("#result").get_attribute("src")
    cards(page).first.get_by_role("button", name="Remove:").click()
    alive = page.evaluate(
        """(address) => {
          const image = new Image();
          image.src = address;
          return image.decode().then(() => true, () => false);
        }""",
        address,
    )
    assert not alive


PREFIX = "/tools/cutout"


class Prefixed(BaseHTTPRequestHandler):
    """Passes what is below the prefix to the server, as a proxy in front of it would."""

    target = ""

    def relay(self) -> None:
        if not self.path.startswith(f"{PREFIX}/"):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        link = http.client.HTTPConnection(self.target, timeout=30)
        link.request(self.command, self.path.removeprefix(PREFIX), body, dict(self.headers))
        answer = link.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        link.close()

    do_GET = do_POST = relay

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at the page."""


@pytest.fixture
def proxy(server) -> Iterator[str]:
    handler = type("Handler", (Prefixed,), {"target": urlsplit(server.running.address).netloc})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_behind_a_path_prefix_everything_is_found(pages, proxy, images):
    page = pages.open(f"{PREFIX}/", address=proxy)
    asked = []
    page.on("response", lambda answer: asked.append((answer.status, answer.url)))
    add(page, images("a.png"))
    finish(page)
    page.click("#touch-up")
    page.locator("#brushes").wait_for()
    page.click("#show-evaluate")
    page.locator("#measure").wait_for()
    assert [it for it in asked if it[0] != 200] == []


def test_on_plain_http_no_button_is_shown_that_cannot_work(pages, server, images):
    port = urlsplit(server.running.address).port
    page = pages.open(address=f"http://lan.test:{port}")
    assert page.evaluate("isSecureContext") is False
    add(page, images("a.png"))
    finish(page)
    assert page.locator("#copy").count() == 0
    page.click("#commands")
    page.locator("#command").wait_for()
    assert page.locator("#copy-command").count() == 0


def test_without_script_the_form_answers_an_image(pages, images):
    page = pages.open(java_script_enabled=False)
    page.set_input_files("noscript input[type=file]", images("a.png"))
    page.select_option("noscript select[name=background]", "white")
    with page.expect_response("**/remove-bg") as event:
        page.click("noscript button")
    assert event.value.status == 200, event.value.text()
    assert event.value.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "code, word", [("de", "Nachbessern"), ("fr", "Retoucher"), ("es", "Retocar")]
)
def test_the_browsers_language_is_spoken(pages, images, code, word):
    page = pages.open(locale=code)
    assert page.evaluate("document.documentElement.lang") == code
    add(page, images("a.png"))
    finish(page)
    assert page.locator("#touch-up").inner_text() == word


def test_the_language_changes_without_losing_an_image(pages, images):
    page = pages.open("/?lang=fr")
    add(page, images("a.png"))
    finish(page)
    page.select_option("#language", "de")
    page.locator("#touch-up", has_text="Nachbessern").wait_for()
    assert page.locator("#save").inner_text() == "Herunterladen"
    assert page.locator("#progress").inner_text() == "1 von 1 fertig"
    assert len(page.sent) == 1


def test_the_empty_page_loads_little(pages):
    page = pages.open()
    sizes = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"),
          ...performance.getEntriesByType("resource")]
          .filter((it) => !it.name.includes("/examples/")).map((it) => it.encodedBodySize)"""
    )
    assert len(sizes) > 5
    assert sum(sizes) <= 20_000


def test_the_description_of_the_api_works_at_the_first_press(pages, images):
    page = pages.open("/docs")
    page.locator(".opblock-post", has_text="/remove-bg").first.locator(".opblock-summary").click()
    page.click("text=Try it out")
    page.set_input_files(".is-open [data-property-name='image'] input", images("a.png"))
    with page.expect_response("**/remove-bg") as event:
        page.click(".opblock.is-open .execute")
    assert event.value.status == 200, event.value.text()
