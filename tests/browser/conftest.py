"""A real browser, the real server on a stand-in model, and a page that is watched."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from held_server import HeldServer, held_server

from browser.kit import KEY, Pages, image_files, new_tab

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Nothing but this machine can be reached; lan.test is it, under a name that is no secure context.
RULES = "MAP lan.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


@pytest.fixture(scope="package")
def browser():
    """Debian's Chromium; without it, or without playwright, the tests here are skipped."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium")
    # The sandbox refuses to work for root.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    flags += [f"--host-resolver-rules={RULES}", "--disable-dev-shm-usage"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory) -> Iterator[HeldServer]:
    with held_server(tmp_path_factory.mktemp("page")) as running:
        yield running


class StrictServer:
    """A server that asks for a key, takes one image at a time and little of each."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stack, self.port = folder, ExitStack(), {}
        self.start()

    def start(self) -> None:
        """Start it, the second time at the address of the first."""
        # Noise cannot be compressed: a small image of it has more bytes than a request may have.
        limits = {"queue": 1, "deadline_s": 4, "max_body_bytes": 100_000}
        server = held_server(self.folder, keys=f"tester={KEY}", **limits, **self.port)
        self.held_server = self.stack.enter_context(server)
        self.port = {"port": self.running.address.rpartition(":")[2]}

    def stop(self) -> None:
        self.stack.close()

    @property
    def running(self):
        return self.held_server.running

    def held(self):
        return self.held_server.held()


@pytest.fixture(scope="package")
def strict(tmp_path_factory) -> Iterator[StrictServer]:
    server = StrictServer(tmp_path_factory.mktemp("strict"))
    yield server
    server.stop()


@pytest.fixture
def pages(browser, server) -> Iterator[Pages]:
    """Opens watched pages; afterwards none may have broken a rule."""
    with ExitStack() as stack:
        opened = Pages(browser, server.running.address, stack)
        yield opened
        opened.check()


@pytest.fixture(scope="package")
def tab(browser) -> Iterator:
    tab = new_tab(browser)
    yield tab
    tab.context.close()


@pytest.fixture
def page(pages, tab):
    """The page, loaded anew; its tab is shared by the tests that need no options of their own."""
    return pages.reuse(tab)


@pytest.fixture
def images(tmp_path):
    """Writes image files of a bright disc on a dark ground under given names."""
    return lambda *names, side=160: image_files(tmp_path, names, side)
