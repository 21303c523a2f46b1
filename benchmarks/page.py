"""The page's figures in a real browser: first paint, bar and zoom, a stroke, memory of a tab.

    python -m benchmarks.page [--address http://localhost:5000] [--images 20]

Against a running server; images are synthetic, 12 megapixels each. A frame is dropped where two
follow each other by more than 1.5 times the median.
"""

import argparse
import re
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from benchmarks.machine import machine

SIZE = 4000, 3000
RUNS = 7
FRAMES = """(act) => new Promise((resolve) => {
  const times = [];
  const step = (time) => {
    times.push(time);
    const at = times.length / 120;
    if (act === "bar") {
      const bar = document.querySelector("#compare");
      bar.value = 100 * at;
      bar.dispatchEvent(new Event("input"));
    } else {
      const point = { deltaY: at < 0.5 ? -20 : 20, ctrlKey: true, clientX: 600, clientY: 300 };
      document.querySelector("#stage").dispatchEvent(
        new WheelEvent("wheel", { ...point, cancelable: true }));
    }
    if (at < 1) requestAnimationFrame(step);
    else resolve(times.slice(1).map((time, index) => time - times[index]));
  };
  requestAnimationFrame(step);
})"""
# From the release of the pointer to the first frame that shows the edge computed anew.
STROKE = """() => {
  const stage = document.querySelector("#stage");
  window.stroke = new Promise((resolve) => stage.addEventListener("pointerup", () => {
    const start = performance.now();
    new MutationObserver((_, observer) => {
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
    }).observe(document.querySelector("#result"), { attributeFilter: ["src"] });
  }, { once: true }));
}"""
PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) =>
  resolve(list.getEntriesByName("first-contentful-paint")[0].startTime))
  .observe({ type: "paint", buffered: true }))"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="http://localhost:5000")
    parser.add_argument("--images", type=int, default=20)
    args = parser.parse_args()
    print(machine())
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        show_first_paint(browser, args.address)
        page = browser.new_page()
        page.goto(args.address)
        page.wait_for_selector("html[data-ready]")
        paths = photographs(Path(folder), args.images)
        page.set_input_files("#files", paths[0])
        page.wait_for_selector("#stage[data-state=done]", timeout=60_000)
        show_frames(page)
        show_strokes(page)
        if paths[1:]:
            page.set_input_files("#more", paths[1:])
        page.wait_for_selector(
            f"#cards .card[data-state=done] >> nth={len(paths) - 1}", timeout=600_000
        )
        show_memory(browser, page, len(paths))
        browser.close()


def photographs(folder: Path, count: int) -> list[Path]:
    """Bright discs on noise, each another image."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    inside = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 3) ** 2
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3), np.uint8)
    pixels = np.where(inside[..., None], 190 + noise, noise)
    paths = []
    for index in range(count):
        pixels[:16, :16] = index
        paths.append(folder / f"image-{index:02}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=85)
    return paths


def show_first_paint(browser, address: str) -> None:
    """From the start of the navigation to the first text, in a browser without a cache."""
    times = []
    for _ in range(RUNS):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        times.append(page.evaluate(PAINT))
        context.close()
    print(
        f"empty page, first paint: median {statistics.median(times):.0f} ms, {max(times):.0f} most"
    )


def show_frames(page) -> None:
    for act in "bar", "zoom":
        times = page.evaluate(FRAMES, act)
        usual = statistics.median(times)
        late = sum(time > 1.5 * usual for time in times)
        print(
            f"{act} at 12 megapixels: median frame {usual:.1f} ms, "
            f"{late} of {len(times)} dropped, longest {max(times):.0f} ms"
        )


def show_strokes(page) -> None:
    """Strokes across the subject's edge; the answers' own times tell what the service took."""
    page.click("#touch-up")
    page.locator("#brushes").wait_for()
    page.wait_for_load_state("networkidle")
    box = page.locator("#result").bounding_box()
    times, service = [], []
    for index in range(RUNS):
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * (0.3 + 0.05 * index)
        page.evaluate(STROKE)
        page.mouse.move(x - 40, y)
        page.mouse.down()
        page.mouse.move(x + 40, y, steps=6)
        with page.expect_response("**/remove-bg") as answer:
            page.mouse.up()
        times.append(page.evaluate("window.stroke"))
        timing = answer.value.headers["server-timing"]
        service.append(sum(float(it) for it in re.findall(r"dur=([\d.]+)", timing)))
    page.click("#touch-up-done")
    print(
        f"stroke to new edge: median {statistics.median(times):.0f} ms, {max(times):.0f} most, "
        f"of which the service {statistics.median(service):.0f} ms"
    )


def show_memory(browser, page, count: int) -> None:
    """Scripts' heap, and the resident memory of the tab's process as the system counts it."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    resident = max(
        private_kb(process["id"]) for process in processes if process["type"] == "renderer"
    )
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    print(f"tab with {count} images: {resident / 1e3:.0f} MB private, of which {heap:.0f} MB heap")


def private_kb(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


if __name__ == "__main__":
    main()
