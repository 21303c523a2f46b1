"""Every state of the page under axe with the WCAG 2.2 AA rules, in every way of looking at it."""

import pytest

from browser.kit import add, cards, finish

axe = pytest.importorskip("axe_playwright_python.base", reason="no axe-core")

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WAYS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "right to left": {},
    "320 px": {"viewport": {"width": 320, "height": 700}},
}
DRAG = """(type) => {
  const data = new DataTransfer();
  data.items.add(new File(["x"], "a.png", { type: "image/png" }));
  document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true }));
}"""


def scan(page, state: str) -> list[str]:
    """What axe finds, a line each; and text that needs sideways scrolling."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.AXE_FILE_PATH.read_text())
    options = {"runOnly": TAGS, "resultTypes": ["violations"]}
    answer = page.evaluate("(options) => axe.run(document, options)", options)
    lines = [
        f"{state}: {it['id']} at {node['target']}: {node['html'][:100]}"
        for it in answer["violations"]
        for node in it["nodes"]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return lines + ([f"{state}: {wide} px wider than the window"] if wide > 0 else [])


@pytest.mark.parametrize("way", WAYS)
def test_no_state_has_a_barrier(pages, server, images, way):
    # axe itself writes markup, which the page's policy forbids; other tests hold the policy.
    page = pages.open(bypass_csp=True, **WAYS[way])
    if way == "right to left":
        page.evaluate("document.documentElement.dir = 'rtl'")
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


@pytest.mark.parametrize("way", WAYS)
def test_the_evaluation_has_no_barrier(pages, images, way):
    page = pages.open(bypass_csp=True, **WAYS[way])
    if way == "right to left":
        page.evaluate("document.documentElement.dir = 'rtl'")
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
