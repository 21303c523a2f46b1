"""`roi`, `crop_margin`, `scale`, `position` and shadows of the dialect, as clients send them."""

import pytest

from cutout.removebg.body import Body
from cutout.removebg.errors import DialectError
from cutout.removebg.parameters import parse

FILE = {"image_file": b"image"}


def parsed(**fields):
    return parse(Body(fields, FILE))


def refusal(fields: dict, files: dict = FILE) -> DialectError:
    with pytest.raises(DialectError) as caught:
        parse(Body(fields, files))
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    "sent, expected",
    [
        ("0 0 100% 100%", None),
        ("0% 0% 100% 100%", None),
        ("10 20 110 220", (20, 10, 200, 100)),
        ("10px 20px 50% 50%", (20, 10, 130, 190)),
        ("25% 25% 75% 75%", (75, 100, 150, 200)),
        ("0.5px 0 400PX 300", (0, 1, 300, 399)),
    ],
)
def test_roi_on_an_image_of_400_by_300(sent, expected):
    assert parsed(roi=sent).roi.box((300, 400)) == expected


@pytest.mark.parametrize(
    "sent, code, title",
    [
        ("0 0 401 300", "roi_exceeds_bounds", "ROI exceeds image bounds"),
        ("0 0 100% 101%", "roi_exceeds_bounds", "ROI exceeds image bounds"),
        ("500 0 600 300", "roi_exceeds_bounds", "ROI exceeds image bounds"),
        ("10 10 10 20", "roi_region_empty", "ROI region is empty"),
        ("10 20 20 20", "roi_region_empty", "ROI region is empty"),
        ("50% 0 10% 100%", "roi_region_empty", "ROI region is empty"),
    ],
)
def test_a_roi_that_does_not_fit(sent, code, title):
    with pytest.raises(DialectError) as caught:
        parsed(roi=sent).roi.box((300, 400))
    assert (caught.value.code, caught.value.title) == (code, title)
    assert caught.value.detail


def test_a_roi_beyond_the_first_corner_is_out_of_bounds():
    assert refusal({"roi": "-5 0 10 10"}).code == "roi_exceeds_bounds"


@pytest.mark.parametrize(
    "sent, expected",
    [
        ("30", "30px"),
        ("30px", "30px"),
        (0, "0px"),
        ("10% 5px", "10% 5px"),
        ("1px 2px 3% 4%", "1px 2px 3% 4%"),
        ("600px", "500px"),
        ("80% 10%", "50% 10%"),
        ("0.00001px", "0px"),
        ("12.5%", "12.5%"),
    ],
)
def test_a_crop_margin_is_read_and_clamped(sent, expected):
    assert parsed(crop_margin=sent).crop_margin == expected


@pytest.mark.parametrize(
    "sent, expected", [("original", None), ("100%", 1), ("10%", 0.1), ("62.5%", 0.625)]
)
def test_scale(sent, expected):
    assert parsed(scale=sent).scale == expected


@pytest.mark.parametrize(
    "sent, expected",
    [
        ("original", None),
        ("center", (50, 50)),
        ("CENTER", (50, 50)),
        ("0%", (0, 0)),
        ("30%", (30, 30)),
        ("0% 100%", (100, 0)),
    ],
)
def test_position(sent, expected):
    assert percentages(parsed(position=sent).position) == expected


def percentages(position):
    """(down, across) in percent."""
    return position and tuple(amount for amount, _ in position)


def test_scale_centres_the_subject_unless_a_position_is_given():
    assert percentages(parsed(scale="80%").position) == (50, 50)
    assert parsed(scale="80%", position="original").position is None
    assert percentages(parsed(scale="80%", position="0%").position) == (0, 0)
    assert parsed(scale="original").position is None


@pytest.mark.parametrize(
    "fields, opacity",
    [
        ({"shadow_type": "none"}, None),
        ({"shadow_type": "drop"}, 50),
        ({"shadow_type": "auto"}, 50),
        ({"shadow_type": "DROP", "shadow_opacity": "30"}, 30),
        ({"shadow_type": "drop", "shadow_opacity": 12.5}, 12.5),
        ({"shadow_type": "drop", "shadow_opacity": "auto"}, 50),
        ({"shadow_type": "drop", "type": "car"}, 90),
        ({"shadow_type": "auto", "type": "person"}, 50),
        ({"shadow_type": "drop", "shadow_opacity[other]": "20", "shadow_opacity": "80"}, 20),
        ({"shadow_type": "drop", "shadow_opacity[car]": "20"}, 50),
        ({"shadow_opacity": "30"}, None),
        # A shadow for cars concerns no other type.
        ({"add_shadow": "true"}, None),
        ({"add_shadow": True, "type": "product"}, None),
        ({"add_shadow": "true", "shadow_type": "drop"}, 50),
        ({"shadow_type[car]": "car"}, None),
        ({"shadow_type[car]": "car", "type": "person"}, None),
        ({"shadow_type[person]": "3D", "shadow_type[product]": "drop"}, None),
        ({"shadow_type[product]": "drop", "type": "product"}, 50),
        ({"shadow_type[graphics]": "drop", "type": "graphic"}, 50),
        ({"shadow_type[other]": "drop"}, 50),
        ({"shadow_type": {"other": "drop", "car": "car"}}, 50),
        ({"shadow_type": {"car": "car"}}, None),
    ],
)
def test_the_shadow_to_draw(fields, opacity):
    assert parsed(**fields).shadow_opacity == opacity


@pytest.mark.parametrize(
    "fields",
    [
        {"shadow_type": "3D"},
        {"shadow_type": "car"},
        {"add_shadow": "1", "type": "car"},
        {"shadow_type[car]": "car", "type": "car_part"},
        {"shadow_type[person]": "3d", "type": "person"},
        {"shadow_type": "glow"},
        {"shadow_type[car]": "glow"},
    ],
)
def test_a_shadow_that_is_not_drawn_is_refused(fields):
    error = refusal(fields)
    assert (error.code, error.title) == (
        "invalid_shadow_type",
        "Invalid shadow_type parameter given",
    )
    assert "drop" in error.detail


@pytest.mark.parametrize("wrong", ["-1", "101", "half", "nan", "1e9"])
@pytest.mark.parametrize("name", ["shadow_opacity", "shadow_opacity[car]"])
def test_a_wrong_opacity(name, wrong):
    assert refusal({name: wrong}).code == "invalid_shadow_opacity"
