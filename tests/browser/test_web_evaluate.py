"""Measuring with true masks: single files and folders, the table, the overlay, the CSV."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from browser.kit import api, disc, download
from browser.test_web_intake import drop

MEASURES = "iou", "dice", "precision", "recall", "pixel_accuracy"


@pytest.fixture
def pairs(tmp_path):
    """Folders `image` and `mask`: of a, the true mask is the disc; of b, half of it is missing."""
    for kind in "image", "mask":
        (tmp_path / kind).mkdir()
    pixels = disc()
    truth = np.where(pixels[..., 0] > 100, np.uint8(255), np.uint8(0))
    for index, name in enumerate(("a", "b", "=c")):
        pixels[0, 0] = index + 50
        Image.fromarray(pixels).save(tmp_path / "image" / f"{name}.png")
        wrong = truth.copy()
        wrong[:, : (0, 80, 60)[index]] = 0
        Image.fromarray(wrong).save(tmp_path / "mask" / f"{name}.png")
    return tmp_path


@pytest.fixture
def evaluation(page):
    page.click("#show-evaluate")
    page.locator("#measure").wait_for()
    return page


def measure(page) -> list[list[str]]:
    """The cells of the table, a list a row."""
    page.click("#measure")
    page.locator("#overlay-view canvas").wait_for()
    return [row.locator("th, td").all_inner_texts() for row in page.locator("#table tr").all()]


def answered(server, folder, name: str, **fields: str) -> dict:
    """What POST /evaluate says of this pair."""
    image, mask = ((folder / kind / f"{name}.png").read_bytes() for kind in ("image", "mask"))
    return json.loads(api(server.running.address, image, path="evaluate", mask=mask, **fields))


def test_two_folders_give_a_table_with_the_worst_first_and_the_mean_last(evaluation, server, pairs):
    evaluation.set_input_files("#evaluate-images-folder", pairs / "image")
    evaluation.set_input_files("#evaluate-masks-folder", pairs / "mask")
    assert evaluation.locator("#pairs").inner_text() == "3 pairs."
    head, *rows, foot = measure(evaluation)
    assert [row[0] for row in rows] == ["b", "=c", "a"]
    values = {row[0]: answered(server, pairs, row[0]) for row in rows}
    for name, *cells in rows:
        assert cells == [f"{values[name][it]:.4f}" for it in MEASURES]
    assert foot[0] == "Mean of 3"
    means = [np.mean([it[name] for it in values.values()]) for name in MEASURES]
    assert [float(cell) for cell in foot[1:]] == pytest.approx(means, abs=6e-5)
    assert len(head) == 6


def test_a_dropped_folder_is_divided_into_images_and_masks(evaluation, pairs):
    drop(evaluation, [pairs / "image", pairs / "mask"])
    evaluation.locator("#pairs", has_text="3 pairs.").wait_for()
    assert evaluation.locator("#table tbody tr").count() == 3


def test_an_image_without_a_mask_is_told(evaluation, pairs):
    evaluation.set_input_files("#evaluate-images", list((pairs / "image").iterdir()))
    evaluation.set_input_files("#evaluate-masks", [pairs / "mask" / "a.png"])
    told = evaluation.locator("#pairs").inner_text()
    assert told == "1 pair. 2 images have no mask of their name."
    evaluation.click("#clear")
    assert evaluation.locator("#pairs").inner_text() == ""
    assert evaluation.locator("#measure").is_disabled()


def test_the_csv_holds_the_services_figures_and_no_formula(evaluation, server, pairs):
    evaluation.set_input_files("#evaluate-images-folder", pairs / "image")
    evaluation.set_input_files("#evaluate-masks-folder", pairs / "mask")
    measure(evaluation)
    name, data = download(evaluation, "#csv")
    assert name == "measures.csv"
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert [row["image"] for row in rows] == ["'=c", "a", "b", "mean"]
    wanted = answered(server, pairs, "a")
    assert {it: float(rows[1][it]) for it in MEASURES} == {it: wanted[it] for it in MEASURES}


def test_a_pair_that_cannot_be_measured_is_told_in_its_row(evaluation, pairs):
    broken = pairs / "mask" / "b.png"
    broken.write_bytes(broken.read_bytes()[:60])
    drop(evaluation, [pairs / "image", pairs / "mask"])
    evaluation.locator("#pairs", has_text="3 pairs.").wait_for()
    rows = measure(evaluation)
    told = next(row for row in rows if row[0] == "b")
    assert len(told) == 2 and told[1] not in ("", "Waiting")
    assert rows[-1][0] == "Mean of 2"


@pytest.mark.parametrize("threshold", ["0.2", "0.8"])
def test_the_slider_shows_what_the_service_then_confirms(evaluation, server, pairs, threshold):
    evaluation.set_input_files("#evaluate-images", [pairs / "image" / "b.png"])
    evaluation.set_input_files("#evaluate-masks", [pairs / "mask" / "b.png"])
    measure(evaluation)
    slider = evaluation.locator("#threshold")
    slider.evaluate("(it, value) => (it.value = value)", threshold)
    slider.dispatch_event("input")
    shown = evaluation.locator("#threshold-told").inner_text()
    slider.dispatch_event("change")
    evaluation.locator("#threshold-told", has_text="Confirmed by the server").wait_for()
    wanted = answered(server, pairs, "b", threshold=threshold)["iou"]
    assert float(shown.rstrip(".").rpartition(" ")[2]) == pytest.approx(wanted, abs=2e-3)
    assert evaluation.locator("#overlay-view dd").first.inner_text() == f"{wanted:.4f}"
