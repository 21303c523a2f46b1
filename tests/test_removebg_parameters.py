"""Every parameter of the dialect, tidy and untidy, and the code and title of each refusal."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutout.removebg.body import Body
from cutout.removebg.errors import TITLES, DialectError
from cutout.removebg.parameters import MAX_FILE_BYTES, Parameters, Source, parse

FILE = {"image_file": b"image"}


def parsed(**fields):
    return parse(Body(fields, FILE))


def refusal(fields: dict, files: dict = FILE) -> DialectError:
    with pytest.raises(DialectError) as caught:
        parse(Body(fields, files))
    assert caught.value.status == 400
    return caught.value


def test_an_image_alone_gets_the_documented_defaults():
    found = parsed()
    assert found.image == Source(b"image")
    assert (found.size, found.type, found.type_level) == ("preview", "auto", "1")
    assert (found.format, found.channels, found.bg_color) == ("auto", "rgba", "transparent")
    assert (found.roi, found.scale, found.position) == (None, None, None)
    assert (found.crop, found.crop_margin) == (False, "0px")
    assert (found.background, found.shadow_opacity) == (None, None)


NAMES = [
    "size type type_level format roi crop crop_margin scale position channels add_shadow",
    "shadow_type shadow_opacity semitransparency bg_color bg_image_url image_url image_file_b64",
]


@pytest.mark.parametrize("unset", ["", "  ", None])
def test_empty_fields_and_null_mean_not_given(unset):
    assert parsed(**dict.fromkeys(" ".join(NAMES).split(), unset)) == parsed()


def test_unknown_fields_are_ignored():
    unknown = {"shadow_method": "x", "despill": "1", "shadow_type[unknown]": "3D"}
    assert parse(Body(unknown, FILE)) == parsed()


@pytest.mark.parametrize(
    "name, sent, expected",
    [
        *[("size", word, "preview") for word in ("preview", "small", "regular", "PREVIEW")],
        *[("size", word, "full") for word in ("full", "4k", "4K")],
        *[("size", word, "50MP") for word in ("50MP", "50mp")],
        ("size", "medium", "medium"),
        ("size", "hd", "hd"),
        ("size", "auto", "auto"),
        *[("type", word, word) for word in ("person", "product", "car", "animal", "auto")],
        *[("type", word, word) for word in ("transportation", "car_interior", "car_part", "other")],
        ("type", "graphic", "graphic"),
        ("type", "graphics", "graphic"),
        ("type", "Person", "person"),
        ("type_level", "none", "none"),
        ("type_level", "1", "1"),
        ("type_level", 1, "1"),
        ("type_level", 2, "2"),
        ("type_level", 2.0, "2"),
        ("type_level", "latest", "2"),
        ("format", "auto", "auto"),
        ("format", "png", "png"),
        ("format", "jpg", "jpeg"),
        ("format", "jpeg", "jpeg"),
        ("format", "WEBP", "webp"),
        ("format", "zip", "zip"),
        ("channels", "rgba", "rgba"),
        ("channels", "ALPHA", "alpha"),
    ],
)
def test_a_word(name, sent, expected):
    assert getattr(parsed(**{name: sent}), name) == expected


@pytest.mark.parametrize("true", [True, 1, "1", "true", "True", "TRUE", "on", "yes", " true "])
def test_a_true_value(true):
    assert parsed(crop=true).crop is True


@pytest.mark.parametrize("false", [False, 0, "0", "false", "False", "off", "no", "", None])
def test_a_false_value(false):
    assert parsed(crop=false).crop is False


@pytest.mark.parametrize(
    "name, wrong, title",
    [
        ("size", "huge", "Invalid value for parameter 'size'"),
        ("type", "planet", "Invalid type parameter given"),
        ("type_level", "3", "Invalid type_level parameter given"),
        ("format", "gif", "Invalid format parameter given"),
        ("crop", "maybe", "Invalid crop parameter given"),
        ("channels", "rgb", "Invalid value for parameter 'channels'"),
        ("bg_color", "no-colour", "Invalid bg_color parameter given"),
        ("bg_color", "12345", "Invalid bg_color parameter given"),
        ("add_shadow", "maybe", "Invalid add_shadow parameter given"),
        ("semitransparency", "maybe", "Invalid semitransparency parameter given"),
        *[
            ("crop_margin", wrong, "Invalid crop_margin parameter given")
            for wrong in ("1 2 3", "1 2 3 4 5", "-1px", "5em", "x", "1e3", "9" * 400)
        ],
        *[
            ("scale", wrong, "Invalid scale parameter given")
            for wrong in ("9%", "101%", "50px", "50", "-50%", "half", "0%")
        ],
        *[
            ("position", wrong, "Invalid position parameter given")
            for wrong in ("101%", "10% 20% 30%", "left", "10px", "-1%", "original center")
        ],
        *[
            ("roi", wrong, "Invalid roi parameter given")
            for wrong in ("1 2 3", "0 0 a b", "0,0,5,5", "0 0 5em 5em", "1 2 3 4 5", "-a 0 1 1")
        ],
        *[
            ("image_url", wrong, "Invalid image_url: Please provide a valid URL.")
            for wrong in (
                "ftp://host/a",
                "host/a.jpg",
                "http://",
                "file:///etc/passwd",
                "http:// a",
            )
        ],
        ("bg_image_url", "a.jpg", "Invalid bg_image_url: Please provide a valid URL."),
    ],
)
def test_a_wrong_value_is_refused_under_its_name(name, wrong, title):
    error = refusal({name: wrong}, {} if name == "image_url" else FILE)
    assert (error.code, error.title) == (f"invalid_{name}", title)
    assert name in error.detail


# Sources.


@pytest.mark.parametrize("fields, files", [({}, {}), ({"image_file": "text"}, {})])
def test_no_image(fields, files):
    error = refusal(fields, files)
    assert (error.code, error.title) == ("missing_source", "No image given")
    assert "image_file" in error.detail


ADDRESS = "https://example.com/a.jpg"


@pytest.mark.parametrize(
    "fields, files",
    [
        ({"image_url": ADDRESS}, FILE),
        ({"image_file_b64": "aW1hZ2U="}, FILE),
        ({"image_file_b64": "aW1hZ2U=", "image_url": ADDRESS}, {}),
    ],
)
def test_several_images(fields, files):
    error = refusal(fields, files)
    assert error.code == "multiple_sources"
    assert error.title == (
        "Multiple image sources given: "
        "Please provide either the image_url, image_file or image_file_b64 parameter."
    )


@pytest.mark.parametrize("address", [ADDRESS, "HTTP://EXAMPLE.COM", f" {ADDRESS} "])
def test_an_address(address):
    found = parse(Body({"image_url": address, "bg_image_url": address}))
    assert found.image == found.background == Source(url=address.strip())


DATA = bytes(range(256)) * 3


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: "data:image/jpeg;base64," + text,
        lambda text: "DATA:image/svg+xml;charset=x;base64," + text,
        lambda text: "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
        lambda text: text.replace("+", " "),
        lambda text: text.rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: f"\n {text} \n",
    ],
    ids=["plain", "data", "data-upper", "folded", "spaces", "unpadded", "url-safe", "blank-ends"],
)
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_base64_as_clients_write_it(change, cut):
    data = DATA[cut:]
    sent = change(base64.b64encode(data).decode())
    assert parse(Body({"image_file_b64": sent})).image == Source(data)


@pytest.mark.parametrize("sent", ["a", "%%%%", "data:image/png;base64,ä", "abc?"])
def test_what_is_not_base64_cannot_be_read(sent):
    error = refusal({"image_file_b64": sent}, {})
    assert (error.code, error.title) == (
        "failed_to_read_image",
        "There was an error reading the image.",
    )


def test_a_file_of_22_mebibytes_is_read_and_one_byte_more_is_too_large():
    largest = bytes(MAX_FILE_BYTES)
    assert parse(Body({}, {"image_file": largest})).image.data == largest
    error = refusal({}, {"image_file": largest + b"x"})
    assert (error.code, error.title) == ("file_too_large", "File too large")
    assert "23,068,672" in error.detail
    assert refusal({}, {**FILE, "bg_image_file": largest + b"x"}).code == "file_too_large"


# Background.


@pytest.mark.parametrize(
    "colour", ["fff", "#fff", "81d4fa77", "#FFFF00ff", "ffff", "green", "Green", "rebeccapurple"]
)
def test_a_background_colour(colour):
    assert parsed(bg_color=colour).bg_color == colour


@pytest.mark.parametrize("clear", ["00000000", "#ffffff00", "fff0", "transparent"])
def test_a_transparent_colour_is_no_background(clear):
    assert parsed(bg_color=clear).bg_color == "transparent"
    beside = parse(Body({"bg_color": clear}, {**FILE, "bg_image_file": b"back"}))
    assert beside.background == Source(b"back")


@pytest.mark.parametrize(
    "fields, more",
    [
        ({"bg_color": "fff", "bg_image_url": ADDRESS}, {}),
        ({"bg_color": "fff"}, {"bg_image_file": b"back"}),
        ({"bg_image_url": ADDRESS}, {"bg_image_file": b"back"}),
    ],
)
def test_several_backgrounds(fields, more):
    error = refusal(fields, {**FILE, **more})
    assert error.code == "multiple_bg_sources"
    assert error.title == (
        "Multiple background sources given: "
        "Please provide either the bg_color, the bg_image_url or the bg_image_file parameter."
    )


def test_another_default_size_is_used_where_none_is_sent():
    assert parse(Body({}, FILE), default_size="auto").size == "auto"
    assert parse(Body({"size": "hd"}, FILE), default_size="auto").size == "hd"


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
TEXTS = st.sampled_from(["0 0 100% 100%", "50%", "-1", "1e400", "٣px", "9" * 30, "data:,", "\0"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(" ".join(NAMES).split()), VALUES | TEXTS, max_size=6))
def test_whatever_is_sent_is_read_or_refused_in_the_words_of_the_dialect(fields):
    try:
        found = parse(Body(fields, FILE))
    except DialectError as error:
        assert (error.status, error.code in TITLES) == (400, True)
    else:
        assert isinstance(found, Parameters)
