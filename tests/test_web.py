"""The page as the server gives it: headers, addresses, sizes, texts, the form without script."""

import gzip
import hashlib
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cutout.web import assets, page

STATIC = page.FOLDER / "static"
MODULES = sorted(path for path in STATIC.rglob("*.js"))
LANGUAGES = sorted((STATIC / "words").rglob("*.json"))
# Markup, style, scripts and one language, compressed. Core: choose images, see the queue and the
# results with the bar. The tools beside a result follow while the first image is computed, the
# editor, the evaluation and the rest (ZIP, commands) when they are opened.
CORE, EDITOR, ALL = 20_000, 40_000, 44_000
CORE_RAW = 60_000


def words(language: str, part: str = ".") -> dict[str, str]:
    return json.loads((STATIC / "words" / part / f"{language}.json").read_text())


ENGLISH = words("en") | words("en", "more")


class Elements(HTMLParser):
    """Every element of a document: its name, its attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict, list]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), []))

    def handle_data(self, data):
        if self.found:
            self.found[-1][2].append(data)


@pytest.fixture
def html(client) -> str:
    return client.get("/").text


@pytest.fixture
def elements(html) -> list:
    return Elements(html).found


def addresses(elements) -> list[str]:
    named = ("src", "href", "action")
    return [value for _, attrs, _ in elements for name, value in attrs.items() if name in named]


def test_the_page_has_its_strict_policy_and_is_checked_for_changes(client):
    response = client.get("/")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy and "require-trusted-types-for 'script'" in policy
    assert response.headers["Cache-Control"] == "no-cache"


def test_the_markup_holds_no_script_and_no_style(elements):
    assert all(attrs.get("src") for tag, attrs, _ in elements if tag == "script")
    assert not [tag for tag, attrs, _ in elements if tag == "style" or "style" in attrs]
    assert not [name for _, attrs, _ in elements for name in attrs if name.startswith("on")]


def test_every_address_is_relative_so_that_a_path_prefix_works(elements):
    assert addresses(elements)
    assert not [it for it in addresses(elements) if it.startswith("/") or "://" in it]


def test_every_file_that_the_page_names_is_there_and_may_be_kept(client, elements):
    for name in {it for it in addresses(elements) if it.startswith("static/")}:
        response = client.get(f"/{name}")
        assert response.status_code == 200, name
        assert response.headers["Cache-Control"] == page.FOR_EVER


def test_a_file_of_another_version_is_not_found(client, html):
    version = re.search(r"static/([0-9a-f]{12})/main.js", html)[1]
    other = "0" * len(version)
    assert client.get(f"/static/{other}/main.js").status_code == 404
    assert client.get(f"/static/{version}/../app.py").status_code == 404


def test_files_are_sent_compressed_where_the_client_takes_it(client, html):
    address = re.search(r"static/\w+/main.js", html)[0]
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    refused = client.get(address, headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


def asset(path) -> assets.Asset:
    return assets.load(STATIC).files[path.relative_to(STATIC).as_posix()]


def packed_bytes(paths) -> int:
    """What a browser that takes gzip is sent of these files."""
    return sum(len(asset(path).gzipped) for path in paths)


def reached(name: str) -> set[str]:
    """The module and all that it imports, but not what it loads later."""
    needed, new = set(), {name}
    while new:
        needed |= new
        new = set().union(*(imports_of(STATIC / it) for it in new)) - needed
    return needed


def files_of(language: str, *modules: str) -> list[Path]:
    """Everything that these modules and the core need."""
    names = set().union(*(reached(name) for name in ("main.js", "work.js", *modules)))
    parts = ["words"] if not modules else ["words", "words/more"]
    names |= {f"{part}/{language}.json" for part in parts} | {"page.css"}
    return [STATIC / name for name in (names | {"more.css"} if modules else names)]


@pytest.mark.parametrize("language", sorted({path.stem for path in LANGUAGES}))
def test_the_byte_budgets(html, language):
    markup = len(gzip.compress(html.encode()))
    core = files_of(language)
    editor = files_of(language, "tools.js", "touchup.js", "evaluate.js")
    every = files_of(language, *(path.relative_to(STATIC).as_posix() for path in MODULES))
    assert set(MODULES) <= set(every)
    assert len(html.encode()) + sum(len(asset(path).data) for path in core) <= CORE_RAW
    assert markup + packed_bytes(core) <= CORE
    assert markup + packed_bytes(editor) <= EDITOR
    assert markup + packed_bytes(every) <= ALL


def test_scripts_are_sent_without_comments_and_keep_their_line_numbers():
    source = b"// What.\nexport const a = 1; // not this\n  /** That. */\n  const b = '//x';\n"
    assert assets.without_comments(source) == (
        b"\nexport const a = 1; // not this\n\nconst b = '//x';\n"
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_text_spans_lines_so_that_its_indentation_is_not_lost(path):
    for line in path.read_text().splitlines():
        assert line.count("`") % 2 == 0


def imports_of(path) -> set[str]:
    return set(re.findall(r'from "\./([\w/-]+\.js)"', path.read_text()))


def test_the_modules_of_the_start_are_those_that_main_imports():
    assert reached("main.js") == set(page.START)


def test_the_vendored_file_is_the_published_one():
    digest = hashlib.sha256((STATIC / "vendor" / "client-zip.js").read_bytes()).hexdigest()
    assert (STATIC / "vendor" / "client-zip.sha256").read_text().split()[0] == digest
    assert (
        "Permission is hereby granted" in (STATIC / "vendor" / "client-zip.LICENSE.txt").read_text()
    )


@pytest.mark.parametrize("path", [*MODULES, *STATIC.glob("*.css")], ids=lambda path: path.name)
def test_no_file_names_another_host_or_makes_markup_of_text(path):
    text = path.read_text()
    assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
    assert not re.search(r"\beval\(|new Function", text)


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_language_has_the_same_texts_with_the_same_values(path):
    english = words("en", path.parent.name if path.parent.name == "more" else ".")
    texts = json.loads(path.read_text())
    assert list(texts) == list(english)
    for key, text in texts.items():
        assert text.strip()
        values = re.compile(r"\{\w+\}")
        assert sorted(values.findall(text)) == sorted(values.findall(english[key])), key


def test_the_core_uses_its_own_texts_only(html):
    """The others come with the parts that are opened later."""
    code = html + "".join(path.read_text() for path in files_of("en") if path.suffix == ".js")
    asked = set(re.findall(r"""\bt\(["']([a-z_]+)["']|data-t(?:-label)?="(\w+)\"""", code))
    keys = {key.split(".")[0] for key in words("en")}
    assert {one or other for one, other in asked} - keys == set()


def test_the_markup_holds_the_english_texts(elements):
    for _, attrs, text in elements:
        if key := attrs.get("data-t"):
            assert "".join(text).strip() == ENGLISH[key]
        if key := attrs.get("data-t-label"):
            assert attrs["aria-label"] == ENGLISH[key]


def test_no_text_is_missing_and_none_is_left_over(html):
    code = html + "".join(path.read_text() for path in MODULES if path.parent == STATIC)
    keys = {key.split(".")[0] for key in ENGLISH} - {"direction"}
    literal = set(re.findall(r"""["'`]([a-z_]+(?:-[a-z]+)?)["'`]""", code))
    # Families whose last part is computed: t(`state_${item.state}`).
    families = re.findall(r"t\(`([a-z_]+_)\$\{", code)
    unused = [key for key in keys - literal if not key.startswith(tuple(families))]
    assert unused == []
    asked = set(re.findall(r"""\bt\(["']([a-z_]+)["']""", code))
    assert asked - keys == set()


def test_the_page_tells_the_limits_of_the_server(elements, settings):
    told = next(json.loads(a["content"]) for _, a, _ in elements if a.get("name") == "cutout")
    assert told["formats"] == list(settings.formats)
    assert told["max_bytes"] == settings.max_bytes
    assert told["max_pixels"] == settings.max_pixels
    assert {"background", "crop", "format"} <= set(told["options"])


def form_of(elements) -> dict[str, str]:
    """What a browser without scripts sends of the form: every field with its first choice."""
    start = next(i for i, (tag, _, _) in enumerate(elements) if tag == "noscript")
    fields, name = {}, ""
    for tag, attrs, text in elements[start : start + 30]:
        if tag == "select":
            name = attrs["name"]
        if tag == "option" and name not in fields:
            fields[name] = attrs.get("value", "".join(text))
    return fields


def test_the_form_without_script_is_answered_by_an_image(client, elements, disc_png):
    form = form_of(elements) | {"image": (io.BytesIO(disc_png), "disc.png")}
    assert set(form) == {"background", "format", "image"}
    response = client.post("/remove-bg", data=form)
    assert (response.status_code, response.mimetype) == (200, "image/png")


def test_the_form_without_script_takes_several_images(client, elements, disc_png):
    parts = [(io.BytesIO(disc_png), f"{name}.png") for name in "ab"]
    with client.post("/remove-bg", data=form_of(elements) | {"image": parts}) as response:
        assert response.status_code == 200
        data = response.data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {Path(name).stem for name in archive.namelist()} >= {"a", "b"}
