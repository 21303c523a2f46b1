"""Sizes, headers, JSON form, ZIP, account, and errors in the dialect's words."""

import io
import json
import zipfile

import pytest

from cutout import errors
from cutout.compose.geometry import size_within
from cutout.removebg import sizes
from cutout.removebg.account import account
from cutout.removebg.answers import Answer, archive, wants_json
from cutout.removebg.errors import TITLES, DialectError, translated
from cutout.removebg.subject_type import echoed_type


@pytest.mark.parametrize(
    "width, height, size, png, expected",
    [
        # Recorded answers of the original.
        (2400, 1600, "preview", True, (612, 408)),
        (5184, 3456, "auto", True, (3873, 2582)),
        (6250, 4000, "preview", True, (625, 400)),
        (500, 333, "auto", True, (500, 333)),
        # Reference points of the contract.
        (4000, 3000, "preview", True, (577, 433)),
        (4000, 3000, "medium", True, (1414, 1061)),
        (4000, 3000, "hd", True, (2309, 1732)),
        (4000, 3000, "full", True, (3651, 2739)),
        (4000, 3000, "full", False, (4000, 3000)),
        (8000, 6000, "full", False, (5774, 4330)),
        (8000, 6000, "auto", False, (5774, 4330)),
        (8000, 6000, "50MP", False, (8000, 6000)),
        (8000, 6000, "50MP", True, (3651, 2739)),
        (100, 100, "full", True, (100, 100)),
        (1_000_000, 1, "preview", True, (500_000, 1)),
    ],
)
def test_the_result_size(width, height, size, png, expected):
    assert size_within((height, width), sizes.megapixels(size, png)) == expected[::-1]


def test_every_size_name_has_a_budget():
    assert set(sizes.NAMES.values()) == set(sizes.MEGAPIXELS)


@pytest.mark.parametrize(
    "subject, level_1, level_2",
    [
        ("auto", "other", "other"),
        ("other", "other", "other"),
        ("person", "person", "person"),
        ("product", "product", "product"),
        ("animal", "animal", "animal"),
        ("car", "car", "car"),
        ("car_interior", "car", "car_interior"),
        ("car_part", "car", "car_part"),
        ("transportation", "other", "transportation"),
        ("graphic", "other", "graphics"),
    ],
)
def test_the_type_is_echoed_at_its_level(subject, level_1, level_2):
    assert echoed_type(subject, "1") == level_1
    assert echoed_type(subject, "2") == level_2
    assert echoed_type(subject, "none") is None


ANSWER = Answer(b"data", "png", (30, 40), (1, 2, 3, 4), "other")


def test_the_headers_are_whole_numbers():
    assert ANSWER.headers() == {
        "X-Width": "40",
        "X-Height": "30",
        "X-Credits-Charged": "0",
        "X-Type": "other",
        "X-Foreground-Top": "1",
        "X-Foreground-Left": "2",
        "X-Foreground-Width": "4",
        "X-Foreground-Height": "3",
    }


def test_no_type_header_where_none_is_wanted():
    assert "X-Type" not in Answer(b"", "png", (1, 1), (0, 0, 1, 1), None).headers()


def test_the_json_form():
    assert json.loads(json.dumps(ANSWER.as_json())) == {
        "data": {
            "result_b64": "ZGF0YQ==",
            "foreground_top": 1,
            "foreground_left": 2,
            "foreground_width": 4,
            "foreground_height": 3,
        }
    }


@pytest.mark.parametrize(
    "accept, expected",
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json;q=0.9", True),
        ("application/json, text/plain, */*", False),
        ("application/json, application/json", False),
        ("*/*", False),
        ("image/*", False),
        ("", False),
        ("application/*", False),
    ],
)
def test_json_is_answered_only_where_nothing_else_is_accepted(accept, expected):
    assert wants_json(accept) is expected


def test_the_archive_stores_two_entries_in_order():
    data = archive(b"colour" * 100, b"alpha" * 100)
    with zipfile.ZipFile(io.BytesIO(data)) as entries:
        listed = [(entry.filename, entry.compress_type) for entry in entries.infolist()]
        assert entries.read("color.jpg") == b"colour" * 100
    assert listed == [("color.jpg", zipfile.ZIP_STORED), ("alpha.png", zipfile.ZIP_STORED)]
    assert archive(b"colour" * 100, b"alpha" * 100) == data


def test_the_account_has_exactly_the_known_members():
    attributes = account()["data"]["attributes"]
    assert set(account()) == {"data"}
    assert set(account()["data"]) == {"attributes"}
    assert set(attributes) == {"credits", "api"}
    assert set(attributes["credits"]) == {"total", "subscription", "payg", "enterprise"}
    assert set(attributes["api"]) == {"free_calls", "sizes"}
    assert attributes["credits"]["total"] == attributes["credits"]["payg"] == 1_000_000
    assert attributes["api"]["sizes"] == "all"


@pytest.mark.parametrize(
    "error, status, code",
    [
        (errors.TooManyBytes, 400, "file_too_large"),
        (errors.UnsupportedType, 400, "invalid_file_type"),
        (errors.UndecodableImage, 400, "failed_to_read_image"),
        (errors.EmptyFile, 400, "failed_to_read_image"),
        (errors.TooManyFrames, 400, "failed_to_read_image"),
        (errors.TooManyPixels, 400, "resolution_too_high"),
        (errors.NoSubject, 400, "unknown_foreground"),
        (errors.LowConfidence, 400, "unknown_foreground"),
        (errors.BodyTimeout, 408, "body_timeout"),
        (errors.Overloaded, 503, "overloaded"),
        (errors.NotReady, 503, "not_ready"),
        (errors.DeadlinePassed, 504, "deadline_passed"),
        (errors.ModelFailed, 500, "model_failed"),
        (errors.CutoutError, 500, "internal"),
        (errors.NotFound, 404, "not_found"),
    ],
)
def test_our_errors_in_the_words_of_the_dialect(error, status, code):
    found_status, entry = translated(error("What to do."))
    assert (found_status, entry["code"], entry["detail"]) == (status, code, "What to do.")
    assert entry["title"] == TITLES.get(code, error.title)


@pytest.mark.parametrize(
    "error, status, code, title",
    [
        (errors.KeyRequired("Why."), 403, "auth_failed", "Missing API Key"),
        (errors.KeyInvalid("Why."), 403, "auth_failed", "API Key invalid"),
        (errors.RateLimited("Why.", 7), 429, "rate_limit_exceeded", "Rate limit exceeded"),
    ],
)
def test_refusals_by_key_and_rate(error, status, code, title):
    assert translated(error) == (status, {"title": title, "code": code, "detail": "Why."})


def test_too_many_pixels_name_both_figures_in_megapixels():
    error = errors.TooManyPixels("…", pixels=60_500_000, allowed=50_000_000)
    detail = translated(error)[1]["detail"]
    assert detail == "The image has 60.5 megapixels; at most 50 are allowed."


def test_the_values_of_an_error_are_flat_text():
    error = DialectError("failed_image_download", "Off here.", "HTTP Status 404")
    assert translated(error)[1] == {
        "title": "Failed to download image from given image_url: HTTP Status 404",
        "code": "failed_image_download",
        "detail": "Off here.",
    }
