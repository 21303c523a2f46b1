"""A bulk job: nothing lost, nothing twice, one bad file never more than one row."""

import csv
import itertools
import os

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is in requirements-bulk.txt")

from bulk_kit import Brightness, divided, draw_images, local_engine, manifest, open_job, run_job

from cutout import bulk
from cutout.bulk.folders import check_separate
from cutout.bulk.pending import PENDING, write_pending
from cutout.bulk.rows import DoneSet, RowLog, failed_row, key_hash, read_tables
from cutout.errors import InvalidValue, ModelFailed


@pytest.fixture
def source(tmp_path):
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target"


def test_every_image_gets_its_result_and_its_row(source, target):
    keys = draw_images(source, 7)
    _, summary = run_job(open_job(source, target))
    rows = manifest(target)
    assert summary == bulk.Summary(done=7, failed=0)
    assert sorted(rows) == sorted(keys)
    for key in keys:
        expected = divided().cut_out((source / key).read_bytes(), Brightness().infer_one)
        assert (target / rows[key]["result"]).read_bytes() == expected.data
        assert rows[key]["predicted_iou"] == expected.signals["predicted_iou"]
        assert (rows[key]["height"], rows[key]["width"]) == expected.size


def test_the_csv_says_what_the_parquet_says(source, target):
    draw_images(source, 3)
    run_job(open_job(source, target))
    with (target / "manifest.csv").open(newline="") as file:
        lines = {line["key"]: line for line in csv.DictReader(file)}
    for key, row in manifest(target).items():
        assert lines[key]["status"] == row["status"] == "done"
        assert float(lines[key]["coverage"]) == row["coverage"]


def test_a_bad_file_is_one_row_with_its_reason(source, target):
    keys = draw_images(source, 4)
    (source / keys[0]).write_bytes(b"no image")
    (source / keys[1]).write_bytes((source / keys[2]).read_bytes()[:-30])
    (source / keys[2]).write_bytes(b"")
    (source / keys[3]).write_bytes(b"x" * 100_001)
    draw_images(source / "good", 2)
    run_job(open_job(source, target))
    rows = manifest(target)
    codes = [rows[key]["error_code"] for key in keys]
    assert codes == ["unsupported_type", "undecodable_image", "empty_file", "too_many_bytes"]
    assert sum(row["status"] == "done" for row in rows.values()) == 2
    assert not any(str(source) in row["error"] for row in rows.values() if row["error"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_not_utf_8_is_a_row(source, target):
    draw_images(source, 1)
    (source / os.fsdecode(b"b\xe4r.png")).write_bytes(b"x")
    run_job(open_job(source, target))
    assert manifest(target)["b\\xe4r.png"]["error_code"] == "invalid_value"


def test_images_with_one_stem_keep_two_results(source, target):
    draw_images(source, 1)
    (source / "a/0000.webp").write_bytes((source / "a/0000.png").read_bytes())
    run_job(open_job(source, target))
    assert (target / "a/0000.png.png").is_file()
    assert (target / "a/0000.webp.png").is_file()


def test_a_second_run_does_only_what_is_new_changed_failed_or_deleted(source, target):
    keys = draw_images(source, 6)
    bad = (source / keys[0]).read_bytes()
    (source / keys[0]).write_bytes(b"bad")
    run_job(open_job(source, target))
    (source / keys[0]).write_bytes(bad)
    (source / keys[1]).write_bytes((source / keys[2]).read_bytes())
    (target / f"{keys[3]}.png").unlink()
    (source / "new.png").write_bytes((source / keys[4]).read_bytes())
    rows, summary = run_job(open_job(source, target))
    assert sorted(row["key"] for row in rows) == sorted([*keys[:2], keys[3], "new.png"])
    assert summary == bulk.Summary(done=7, failed=0)
    assert len(manifest(target)) == 7


def test_a_run_left_early_is_continued(source, target):
    keys = draw_images(source, 20)
    job = open_job(source, target)
    rows = job.run(job.pending(), local_engine(job))
    first = [row["key"] for row in itertools.islice(rows, 5)]
    rows.close()
    rest, _ = run_job(open_job(source, target))
    assert not set(first) & {row["key"] for row in rest}
    assert sorted(manifest(target)) == sorted(keys)


def test_results_of_other_settings_are_not_mixed(source, target):
    draw_images(source, 1)
    run_job(open_job(source, target, options="a"))
    with pytest.raises(InvalidValue, match="another options"):
        open_job(source, target, options="b")
    rows, _ = run_job(open_job(source, target, restart=True, options="b"))
    assert len(rows) == 1


def test_a_restart_that_is_interrupted_is_continued_as_one(source, target):
    draw_images(source, 4)
    run_job(open_job(source, target, options="a"))
    job = open_job(source, target, restart=True, options="b")
    rows = job.run(job.pending(), local_engine(job))
    next(rows)
    rows.close()
    rest, _ = run_job(open_job(source, target, options="b"))
    assert 0 < len(rest) < 4


@pytest.mark.parametrize("inside", ["", "results"])
def test_the_target_may_lie_in_the_source(source, inside):
    keys = draw_images(source, 2)
    if not inside:
        with pytest.raises(InvalidValue, match="among the images"):
            open_job(source, source)
        return
    run_job(open_job(source, source / inside))
    rows, summary = run_job(open_job(source, source / inside))
    assert not rows
    assert summary.done == len(keys)


def test_the_source_may_not_lie_in_the_target(source):
    draw_images(source, 1)
    folders = [bulk.open_folder(str(path)) for path in (source / "a", source)]
    with pytest.raises(InvalidValue):
        check_separate(*folders)


def lost_once(engine, keys):
    """An engine whose process dies on some images, but not on those that are alone."""

    def run(pending):
        for row in engine(pending):
            if pending.alone or row["key"] not in keys:
                yield row

    return run


def test_images_whose_process_died_get_a_second_pass(source, target):
    keys = draw_images(source, 5)
    job = open_job(source, target)
    rows, summary = run_job(job, lost_once(local_engine(job), keys[:2]))
    assert len(rows) == summary.done == 5


def test_an_image_that_ends_its_process_twice_is_a_row(source, target):
    keys = draw_images(source, 5)
    job, engine = open_job(source, target), local_engine(open_job(source, target))

    def run(pending):
        return (row for row in engine(pending) if row["key"] != keys[0])

    _, summary = run_job(job, run)
    assert summary == bulk.Summary(done=4, failed=1)
    assert "ended, twice" in manifest(target)[keys[0]]["error"]


def test_a_model_that_fails_on_an_image_fails_only_that(source, target):
    keys = draw_images(source, 3)
    job = open_job(source, target)
    calls = itertools.count()

    def infer(tensor):
        if next(calls) == 1:
            raise ModelFailed("The model failed on this image.")
        return Brightness().infer_one(tensor)

    engine = local_engine(job)
    engine = type(engine)(**{**engine.__dict__, "infer": infer})
    _, summary = run_job(job, engine)
    assert summary == bulk.Summary(done=len(keys) - 1, failed=1)


def test_no_more_images_are_begun_than_twice_the_threads(source, target):
    draw_images(source, 30)
    job = open_job(source, target)
    listed = 0

    class Counted:
        count = 30

        def sources(self):
            nonlocal listed
            for item in job.pending().sources():
                listed += 1
                yield item

    rows = local_engine(job)(Counted())
    next(rows)
    assert listed <= 5
    rows.close()


def test_lists_of_what_is_pending_are_removed_at_the_end(source, target):
    draw_images(source, 2)
    job = open_job(source, target)
    job.pending()
    assert job.target.names(PENDING)
    run_job(job)
    assert not job.target.names(PENDING)


def test_pending_images_come_back_as_they_were_listed(source, target, monkeypatch):
    monkeypatch.setattr("cutout.bulk.pending.LISTED_TOGETHER", 2)
    draw_images(source, 5)
    folder = bulk.open_folder(str(source))
    pending = write_pending(bulk.open_folder(str(target)), folder.images())
    assert (pending.count, len(pending.lists)) == (5, 3)
    assert sorted(pending.sources(), key=str) == sorted(folder.images(), key=str)


def test_rows_are_written_when_they_are_many_or_old(source, target, monkeypatch):
    draw_images(source, 1)
    folder = bulk.open_folder(str(target))
    image = next(bulk.open_folder(str(source)).images())
    monkeypatch.setattr(RowLog, "FLUSH_ROWS", 2)
    log = RowLog(folder)
    log.add(failed_row(image, OSError(13, "Permission denied", "/secret/path")))
    assert not list(read_tables(folder))
    log.add(failed_row(image, MemoryError()))
    texts = [text for table in read_tables(folder) for text in table["error"].to_pylist()]
    assert texts == [
        "The file cannot be read or written: Permission denied.",
        "There is not enough memory for this image.",
    ]


def test_a_done_set_knows_the_version_of_an_image(source):
    draw_images(source, 1)
    image = next(bulk.open_folder(str(source)).images())
    hashes = np.array([key_hash(image.key, image.size_bytes, image.modified_ns)], np.uint64)
    assert image in DoneSet(hashes)
    assert type(image)(image.key, image.size_bytes, image.modified_ns + 1) not in DoneSet(hashes)
    assert image not in DoneSet(np.empty(0, np.uint64))


def test_an_address_of_no_file_system_is_refused():
    with pytest.raises(InvalidValue, match="names no folder"):
        bulk.open_folder("nothing://bucket/folder")


def test_a_file_uri_is_a_local_folder(source):
    draw_images(source, 1)
    assert [image.key for image in bulk.open_folder(source.as_uri()).images()] == ["a/0000.png"]


def test_a_store_without_renames_in_place_shows_whole_files_only(tmp_path):
    from pyarrow import fs

    folder = bulk.Folder(fs._MockFileSystem(), "bucket", "mock://bucket")
    folder.write("a/b.png", b"first")
    folder.write("a/b.png", b"second")
    assert folder.read("a/b.png") == b"second"
    assert folder.names("a") == ["a/b.png"]
    assert [image.key for image in folder.images()] == ["a/b.png"]
    assert folder.exists(["a/b.png", "a/c.png"]) == [True, False]
