"""Parts of an evaluation that need no data set: gate, intervals, workers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cutout import evaluation
from cutout.errors import InvalidValue
from cutout.evaluation.bootstrap import Replicates, interval
from cutout.evaluation.comparing import differences
from cutout.evaluation.records import Record

KILLED = """
import os
from cutout.evaluation import process_pool

if __name__ == "__main__":
    pool = process_pool(1)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), 9)
"""


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(root)}
    ) as parent:
        # The worker has the pipe open too: reading ends only when both processes have ended.
        worker_pid, _ = parent.communicate(timeout=60)
    assert parent.returncode == -signal.SIGKILL
    assert int(worker_pid) != parent.pid


def test_intervals_are_those_of_the_usual_bootstrap():
    values = np.random.default_rng(0).beta(8, 2, 200)
    records = [Record(f"p{n}", {"iou": value}) for n, value in enumerate(values)]
    low, high = interval(Replicates(records).figures()["iou"][1:])
    usual = stats.bootstrap((values,), np.mean, rng=1, method="percentile").confidence_interval
    assert low == pytest.approx(usual.low, abs=0.003)
    assert high == pytest.approx(usual.high, abs=0.003)


def test_intervals_do_not_depend_on_the_order_of_images():
    values = np.random.default_rng(0).random(150)
    records = [Record(f"p{n}", {"iou": value}) for n, value in enumerate(values)]
    both = [Replicates(order).figures()["iou"] for order in (records, records[::-1])]
    np.testing.assert_allclose(*both)


def summary_of(images=10, **figures):
    return {
        "images": images,
        "settings": {"threshold": 128, "ignore": None},
        "measures": {name: {"value": value} for name, value in figures.items()},
    }


@pytest.mark.parametrize(
    "before, now, expected",
    [
        ({"iou": 0.9}, {"iou": 0.8951}, []),
        ({"iou": 0.9}, {"iou": 0.894}, ["iou"]),
        ({"iou": 0.9}, {"iou": 0.99}, []),
        ({"paper_mae": 0.03}, {"paper_mae": 0.036}, ["paper_mae"]),
        ({"paper_mae": 0.03}, {"paper_mae": 0.01}, []),
        ({"sad": 4.0}, {"sad": 4.019}, []),
        ({"sad": 4.0}, {"sad": 4.021}, ["sad"]),
        ({"iou": 0.9, "sod_s": 0.9}, {"iou": 0.9}, ["sod_s"]),
    ],
)
def test_the_gate_names_the_measures_that_got_worse(before, now, expected):
    regressions = evaluation.find_regressions(
        summary_of(**now), summary_of(**before), max_drop=0.005
    )
    assert [regression.name for regression in regressions] == expected


def test_the_gate_fails_on_fewer_images_and_refuses_other_settings():
    (regression,) = evaluation.find_regressions(summary_of(9, iou=0.9), summary_of(10, iou=0.9))
    assert regression.text == "images measured: 10 before, 9 now"
    other = summary_of(iou=0.9) | {"settings": {"threshold": 60, "ignore": None}}
    with pytest.raises(InvalidValue, match="threshold"):
        evaluation.find_regressions(summary_of(iou=0.9), other)


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_a_baseline_that_is_not_a_summary_is_refused(tmp_path, text):
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(InvalidValue, match="is no summary"):
        evaluation.read_summary(tmp_path / "summary.json")


def test_differences_between_sources_are_named_option_by_option():
    a = {"model": "u2net", "options": {"edges": "auto", "crop": False}}
    b = {"model": "u2netp", "options": {"edges": "off", "crop": False}}
    assert differences(a, b) == [
        {"name": "model", "a": "u2net", "b": "u2netp"},
        {"name": "edges", "a": "auto", "b": "off"},
    ]
    assert differences(a, {"folder": "maps"}) == [
        {"name": "model", "a": "u2net", "b": None},
        {"name": "folder", "a": None, "b": "maps"},
    ]
    assert differences(a, a) == []
