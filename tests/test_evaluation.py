"""The whole evaluation on folders of small files: run, resume, summarise."""

import json
import os
import re
import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest
from evaluation_kit import IMAGES, SETTINGS, SOURCE, disc, drawn_folders, finish, predict, rows, run
from PIL import Image
from scipy import stats

from cutout import evaluation, measures
from cutout.errors import InvalidValue, ModelFailed
from cutout.evaluation.records import NAME, Record, read_records


@pytest.fixture
def data(tmp_path):
    return drawn_folders(tmp_path)


def test_two_files_of_one_name_are_refused(data):
    (data / "images" / "p01.jpg").write_bytes(b"")
    with pytest.raises(InvalidValue, match="'p01' with different suffixes"):
        evaluation.find_pairs(data / "images", data / "masks")


def test_folders_without_a_common_name_are_refused(data, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidValue, match="No file name"):
        evaluation.find_pairs(data / "images", empty)


def test_the_summary_averages_rows_and_takes_f_of_mean_curves(data):
    summary = run(data, "out", predict)
    table = rows(data / "out")
    assert [row["stem"] for row in table] == [f"p{n:02}" for n in range(IMAGES)]
    ious = [measures.iou(disc(n, n % 3, soft=True) > 128, disc(n) > 128) for n in range(IMAGES)]
    assert [float(row["iou"]) for row in table] == pytest.approx(ious, abs=1e-6)
    assert summary["measures"]["iou"]["value"] == pytest.approx(np.mean(ious), abs=1e-6)

    curves = [
        measures.precision_recall(measures.by_maximum(disc(n, n % 3, soft=True)), disc(n) > 128)
        for n in range(IMAGES)
    ]
    expected = measures.f_measure(*np.mean(curves, axis=0)).max()
    assert summary["measures"]["paper_max_f"]["value"] == pytest.approx(expected, abs=1e-5)
    assert set(summary["measures"]) == set(measures.MEASURES)


def test_stage_times_and_predicted_iou_are_summarised(data):
    summary = run(data, "out", predict)
    assert list(summary["stages_ms"]) == ["infer", "decode"]
    assert summary["stages_ms"]["infer"]["median"] == pytest.approx(15.5)
    true = [float(row["iou"]) for row in rows(data / "out")]
    predicted = [0.5 + number / 30 for number in range(IMAGES)]
    expected = stats.spearmanr(predicted, true).statistic
    assert summary["predicted_iou"]["rank_correlation"] == pytest.approx(expected, abs=1e-5)
    assert rows(data / "out")[3]["infer_ms"] == "13.0"


def test_a_resumed_run_gives_the_same_result(data):
    whole = run(data, "whole", predict)
    found = evaluation.find_pairs(data / "images", data / "masks")
    job = evaluation.Evaluation(data / "part", SETTINGS, SOURCE)
    with ThreadPoolExecutor(2) as pool:
        list(job.run(found.pairs[:5], predict, pool))
    journal = data / "part" / NAME
    journal.write_bytes(journal.read_bytes()[:-20])

    calls = []

    def counted(path):
        calls.append(path.stem)
        return predict(path)

    resumed = run(data, "part", counted)
    assert len(calls) == IMAGES - 4
    assert resumed["measures"] == whole["measures"]
    assert rows(data / "part") == rows(data / "whole")


def test_other_settings_are_refused_until_restarted(data):
    run(data, "out")
    other = evaluation.EvaluationSettings(threshold=60)
    with pytest.raises(InvalidValue, match="threshold was 128, is 60"):
        run(data, "out", settings=other)
    assert run(data, "out", settings=other, restart=True)["settings"]["threshold"] == 60


def test_failed_pairs_are_listed_and_tried_again(data):
    good = (data / "masks" / "p02.png").read_bytes()
    (data / "masks" / "p02.png").write_bytes(good[:60])
    Image.fromarray(disc(4)[:30]).save(data / "masks" / "p04.png")

    def fails_once(path):
        if path.stem == "p06":
            raise ModelFailed("The model gave no finite map.")
        return predict(path)

    summary = run(data, "out", fails_once)
    assert summary["images"] == IMAGES - 3
    assert set(summary["failed"]) == {"p02", "p04", "p06"}
    assert re.search(r"50.40 pixels and the true mask 50.30", summary["failed"]["p04"])
    assert str(data) not in json.dumps(summary["failed"])

    (data / "masks" / "p02.png").write_bytes(good)
    again = run(data, "out", predict)
    assert set(again["failed"]) == {"p04"}
    assert again["images"] == IMAGES - 1


def test_nothing_measured_is_an_error_that_says_why(data):
    def fails(path):
        raise ModelFailed("The model gave no finite map.")

    with pytest.raises(InvalidValue, match=r"No pair could be measured.*no finite map"):
        run(data, "out", fails)


def test_the_number_of_pending_predictions_is_bounded(data):
    found = evaluation.find_pairs(data / "images", data / "masks")
    job = evaluation.Evaluation(data / "out", SETTINGS, SOURCE)
    calls, most, finished = [], 0, 0

    def counted(path):
        calls.append(path)
        return predict(path)

    with ThreadPoolExecutor(2) as pool:
        for _ in job.run(found.pairs, counted, pool, max_pending=3):
            most = max(most, len(calls) - finished)
            finished += 1
    assert finished == IMAGES
    assert most <= 3


def test_a_finished_record_does_not_wait_for_later_predictions(data):
    pairs = evaluation.find_pairs(data / "images", data / "masks").pairs
    job = evaluation.Evaluation(data / "out", SETTINGS, SOURCE)
    finished = []

    class AtOnce(Executor):
        def submit(self, work, /, *arguments):
            future = Future()
            future.set_result(work(*arguments))
            return future

    def counted(path):
        assert len(finished) == int(path.stem[1:]), "the record before this one is out"
        return predict(path)

    for record in job.run(pairs, counted, AtOnce()):
        finished.append(record.stem)
    assert finished == [pair.stem for pair in pairs]


def test_processes_give_the_same_rows_as_threads(data):
    run(data, "threads")
    found = evaluation.find_pairs(data / "images", data / "masks", data / "good")
    job = evaluation.Evaluation(data / "processes", SETTINGS, SOURCE)
    with evaluation.process_pool(1) as pool:
        # Ctrl-C reaches every process of the group; a worker must ignore it.
        worker = pool.submit(os.getpid).result()
        os.kill(worker, signal.SIGINT)
        list(job.run(found.pairs, None, pool))
        assert pool.submit(os.getpid).result() == worker
    finish(data / "processes")
    assert rows(data / "processes") == rows(data / "threads")


def test_a_record_is_restored_from_its_line(data):
    run(data, "out", predict)
    record = next(read_records(data / "out"))
    again = Record.from_line(record.to_line())
    assert again.values == record.values
    np.testing.assert_array_equal(again.curves["f"], record.curves["f"])
