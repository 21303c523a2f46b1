"""What people read of an evaluation: the page, and the comparison of two."""

import json
import re

import pytest
from evaluation_kit import IMAGES, drawn_folders, page_of, predict, run

from cutout import evaluation
from cutout.errors import InvalidValue


@pytest.fixture
def data(tmp_path):
    return drawn_folders(tmp_path)


def test_names_without_partner_are_reported(data):
    (data / "masks" / "p03.png").unlink()
    (data / "images" / "p05.png").unlink()
    (data / "masks" / "notes.txt").write_text("no image")
    found = evaluation.find_pairs(data / "images", data / "masks")
    assert found.without_partner == {"images": ["p03"], "masks": ["p05"]}
    assert [pair.stem for pair in found.pairs][:4] == ["p00", "p01", "p02", "p04"]


def test_the_report_is_self_contained_and_escapes_names(data):
    for folder in ("images", "masks", "good"):
        (data / folder / "p00.png").rename(data / folder / "a<b>&.png")
    run(data, "out")
    page = page_of(data / "out")
    sources = re.findall(r"""(?:src|href|action|data)=["']([^"']*)""", page)
    assert sources
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert "<script" not in page
    assert "@import" not in page
    assert "a&lt;b&gt;&amp;" in page
    assert "unmatched" in page
    assert json.loads((data / "out" / "summary.json").read_text())["images"] == IMAGES
    assert page.count("<svg") == 3


def test_a_report_of_predictions_with_signals_shows_them(data):
    run(data, "out", predict)
    page = page_of(data / "out")
    assert page.count("<svg") == 5
    assert "Predicted against true IoU" in page


def test_a_convention_can_be_left_out(data):
    summary = run(data, "out", settings=evaluation.EvaluationSettings(groups=("paper",)))
    assert set(summary["measures"]) == {"paper_max_f", "paper_mean_f", "paper_mae"}
    assert "Convention: pysodmetrics" not in page_of(data / "out")


def test_compare_names_the_better_side_and_what_changed_most(data):
    run(data, "a", predictions="bad")
    run(data, "b", predictions="good")
    result = evaluation.write_comparison(data / "a", data / "b", data / "compared")
    assert result["verdict"].startswith("B is better than A: IoU")
    assert result["measures"]["sod_mae"]["difference"] < 0
    assert result["measures"]["sod_mae"]["verdict"] == "B better"
    first, last = result["changed"][0], result["changed"][-1]
    assert abs(first["b"] - first["a"]) >= abs(last["b"] - last["a"]) > 0
    page = (data / "compared" / "compare.html").read_text()
    assert page.count("data:image/jpeg") == 2 * IMAGES


def test_compare_of_a_set_with_itself_shows_no_difference(data):
    run(data, "a")
    result = evaluation.compare(data / "a", data / "a")
    assert result["verdict"].startswith("These images show no difference")
    assert {row["verdict"] for row in result["measures"].values()} == {"no difference shown"}
    assert result["changed"] == []


def test_compare_refuses_other_thresholds_and_other_folders(data):
    run(data, "a")
    run(data, "b", settings=evaluation.EvaluationSettings(threshold=60))
    with pytest.raises(InvalidValue, match="threshold 128, B with 60"):
        evaluation.compare(data / "a", data / "b")
    with pytest.raises(InvalidValue, match="holds no evaluation"):
        evaluation.compare(data / "a", data / "images")
