"""Every state of the page under axe with the WCAG 2.2 AA rules, in every way of looking at it."""

import pytest

from browser.kit import add, cards, finish

axe = pytest.importorskip("axe_playwright_python.base", reason="no axe-core")

# Everything that axe knows for WCAG 2.2 AA; where only colours differ, what depends on colours.
ALL = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
WIDE, NARROW = {"width": 1280, "height": 720}, {"width": 320, "height": 700}
# Way: colour scheme, forced colours, direction, window, rules.
WAYS = {
    "light": ("light", "none", "ltr", WIDE, ALL),
    "dark": ("dark", "none", "ltr", WIDE, COLOURS),
    "forced colours": ("light", "active", "ltr", WIDE, COLOURS),
    "right to left": ("light", "none", "rtl", WIDE, ALL),
    "320 px": ("light", "none", "ltr", NARROW, ALL),
    "320 px, dark": ("dark", "none", "ltr", NARROW, COLOURS),
}
DRAG = """(type) => {
  const data = new DataTransfer();
  data.items.add(new File(["x"], "a.png", { type: "image/png" }));
  document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true }));
}"""


def scan(page, state: str) -> list[str]:
    """What axe finds, a line each, in every way of looking; and what needs sideways scrolling."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.AXE_FILE_PATH.read_text())
    found = []
    for way, (scheme, forced, direction, window, rules) in WAYS.items():
        page.emulate_media(color_scheme=scheme, forced_colors=forced)
        page.set_viewport_size(window)
        page.evaluate("(direction) => (document.documentElement.dir = direction)", direction)
        options = {"runOnly": rules, "resultTypes": ["violations"]}
        answer = page.evaluate("(options) => axe.run(document, options)", options)
        found += [
            f"{state}, {way}: {it['id']} at {node['target']}: {node['html'][:100]}"
            for it in answer["violations"]
            for node in it["nodes"]
        ]
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{state}, {way}: {wide} px wider than the window"] if wide > 0 else []
    return found


@pytest.fixture
def scanned(pages):
    """A page for axe, which writes markup that the policy forbids; other tests hold the policy."""
    return pages.open(bypass_csp=True)


def test_no_state_has_a_barrier(scanned, server, images):
    page = scanned
    found = scan(page, "empty")
    page.evaluate(DRAG, "dragenter")
    page.locator("#dropping").wait_for()
    found += scan(page, "drag over")
    page.evaluate(DRAG, "dragleave")
    with server.held():
        add(page, images("a.png", "b.png", "c.png"))
        cards(page, "working").nth(1).wait_for()
        found += scan(page, "running")
    finish(page, 3)
    found += scan(page, "done")
    broken = images("broken.png")[0]
    broken.write_bytes(broken.read_bytes()[:200])
    add(page, [broken])
    cards(page, "failed").wait_for()
    found += scan(page, "error card")
    page.click("[data-zoom='4']")
    page.click("#figures summary")
    page.click("#advanced summary")
    page.locator("#figures dd").first.wait_for()
    page.locator("#option-crop").wait_for()
    page.check("text=Colour")
    found += scan(page, "400 % and open panels")
    page.click("#touch-up")
    page.locator("#brushes").wait_for()
    found += scan(page, "touch-up")
    page.click("#touch-up-done")
    page.click("#commands")
    page.locator("dialog[open]").wait_for()
    found += scan(page, "commands")
    page.keyboard.press("Escape")
    page.click("#preview")
    page.locator(".file-view img").wait_for()
    found += scan(page, "file view")
    page.keyboard.press("Escape")
    assert found == []


def test_the_question_for_a_key_has_no_barrier(pages, strict, images):
    page = pages.open(address=strict.running.address, bypass_csp=True)
    add(page, images("a.png"))
    page.locator("#key-dialog[open]").wait_for()
    found = scan(page, "key")
    page.fill("#key", "not-the-right-key-at-all")
    page.keyboard.press("Enter")
    page.locator("#key-note", has_text="not known").wait_for()
    assert found + scan(page, "wrong key") == []


def test_the_evaluation_has_no_barrier(scanned, images):
    page = scanned
    page.click("#show-evaluate")
    page.locator("#measure").wait_for()
    found = scan(page, "evaluation, empty")
    names = "a.png", "b.png"
    page.set_input_files("#evaluate-images", images(*(f"image/{name}" for name in names)))
    page.set_input_files("#evaluate-masks", images(*(f"mask/{name}" for name in names)))
    page.click("#measure")
    page.locator("#overlay-view canvas").wait_for()
    found += scan(page, "evaluation, measured")
    assert found == []
