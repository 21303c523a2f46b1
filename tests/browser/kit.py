"""What the browser tests share: watched pages, image files, the API's own answers."""

import io
import itertools
import os
import re
import time
import urllib.request
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
SNAPSHOTS = Path(__file__).parent / "snapshots"
# Chromium writes the first for every answer that is an error, which the page handles, and the
# others where it shows an answer as a document; of the page itself WATCH tells broken policies.
EXPECTED = re.compile("Failed to load resource|Applying inline style|document's frame is sandboxed")
WAIT_MS = 30_000
KEY = "page-test-key-0123456789"
numbers = itertools.count()
# Tells of broken policies; and keeps the forms that are sent, whose files no tool can read later.
WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
window.forms = [];
const send = window.fetch;
window.fetch = (path, options) => {
  if (options?.body instanceof FormData) window.forms.push(options.body);
  return send(path, options);
};
"""
READ = """async (field) => {
  const file = window.forms.at(-1).get(field);
  return file && [...new Uint8Array(await file.arrayBuffer())];
}"""


def new_tab(browser, **options):
    """A page in a context of its own that tells of broken policies."""
    context = browser.new_context(**{"locale": "en-GB", **options})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.add_init_script(WATCH)
    return page


class Pages:
    """Opens pages and watches them: errors, broken policies, requests to other hosts."""

    def __init__(self, browser, address: str, stack: ExitStack) -> None:
        self.browser, self.address, self.stack = browser, address, stack
        self.errors: list[str] = []
        self.foreign: list[str] = []

    def open(self, path: str = "/", address: str = "", **options):
        """A new page in a context of its own; gives it when its scripts run."""
        address = address or self.address
        page = new_tab(self.browser, **options)
        self.stack.callback(page.context.close)
        self._watch(page, address)
        page.goto(address + path)
        if options.get("java_script_enabled", True) and not path.startswith("/docs"):
            page.wait_for_selector("html[data-ready]")
        return page

    def reuse(self, tab):
        """The page anew in a tab that other tests use before and after: a third of the time."""
        self._watch(tab, self.address)
        self.stack.callback(tab.unroute_all)
        self.stack.callback(tab.context.set_offline, False)
        tab.goto(self.address)
        tab.wait_for_selector("html[data-ready]")
        return tab

    def _watch(self, page, address: str) -> None:
        host = urlsplit(address).netloc
        page.sent = []

        def note(request) -> None:
            target = urlsplit(request.url)
            if target.scheme in ("http", "https", "ws", "wss") and target.netloc != host:
                self.foreign.append(request.url)
            if request.method == "POST":
                page.sent.append(request)

        def fail(error) -> None:
            self.errors.append(str(error))

        for name, listener in (("request", note), ("pageerror", fail), ("console", self._console)):
            page.on(name, listener)
            self.stack.callback(page.remove_listener, name, listener)

    def _console(self, message) -> None:
        if message.type == "error" and not EXPECTED.search(message.text):
            self.errors.append(message.text)

    def check(self) -> None:
        assert self.errors == [], self.errors
        assert self.foreign == []


def disc(side: int = 160) -> np.ndarray:
    """A bright disc on a dark ground, (side, side, 3) uint8: the stand-in finds the disc."""
    y, x = np.mgrid[:side, :side] - side / 2
    inside = x**2 + y**2 < (side / 3) ** 2
    return np.where(inside[..., None], np.uint8([230, 200, 90]), np.uint8([20, 30, 40]))


def image_files(folder: Path, names: Sequence[str], side: int = 160) -> list[Path]:
    """Files of these names in `folder`, no two the same: the service remembers maps by content."""
    paths = []
    for name in names:
        pixels, index = disc(side), next(numbers)
        pixels[:8, :8] = index % 64, index // 64 % 64, index // 4096
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, FORMATS[path.suffix.lower()])
        paths.append(path)
    return paths


def add(page, paths: Sequence[Path]) -> None:
    """Choose files as a person does."""
    chooser = "#more" if page.locator("#work").is_visible() else "#files"
    page.set_input_files(chooser, [str(path) for path in paths])


def cards(page, state: str = ""):
    return page.locator(f"#cards .card{f'[data-state={state}]' if state else ''}")


def finish(page, count: int = 1) -> None:
    """Wait until this many images are done and the selected one is shown with its tools."""
    cards(page, "done").nth(count - 1).wait_for()
    page.locator("#save").wait_for(state="attached")
    page.locator("#stage[data-state=done] #result[src]").wait_for()


def until(page, true, what: str) -> None:
    """Wait for something that only this process can see, while the page works on."""
    limit = time.monotonic() + WAIT_MS / 1000
    while not true():
        assert time.monotonic() < limit, what
        page.wait_for_timeout(20)


def api(address: str, data: bytes, path: str = "remove-bg", **fields: str | bytes) -> bytes:
    """What POST /remove-bg, or another path, answers to any client; bytes are files."""
    boundary = uuid.uuid4().hex
    body = io.BytesIO()
    for field, value in {"image": data, **fields}.items():
        file = '; filename="image.png"' if isinstance(value, bytes) else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{file}\r\n\r\n'
        content = value if isinstance(value, bytes) else value.encode()
        body.write(head.encode() + content + b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())
    request = urllib.request.Request(
        f"{address}/{path}",
        body.getvalue(),
        {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def uploaded(page, field: str) -> bytes | None:
    """A file field of the last form that the page sent."""
    content = page.evaluate(READ, field)
    return None if content is None else bytes(content)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def download(page, click: str) -> tuple[str, bytes]:
    """Name and bytes of the file that a click on this selector saves."""
    with page.expect_download() as event:
        page.click(click)
    return event.value.suggested_filename, Path(event.value.path()).read_bytes()


def check_snapshot(locator, name: str) -> None:
    """Compare roles and accessible names with the reviewed file; UPDATE_SNAPSHOTS=1 writes it."""
    found = locator.aria_snapshot() + "\n"
    path = SNAPSHOTS / f"{name}.yaml"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    assert found == path.read_text()
