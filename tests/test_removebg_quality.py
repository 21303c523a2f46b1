"""The options that an operator sets for all clients of the dialect."""

import pytest

from cutout.errors import ConfigurationError
from cutout.removebg import parse_options


def test_without_any_a_missing_subject_is_an_error():
    assert parse_options("") == {"on_no_subject": "error"}


@pytest.mark.parametrize("text", ["matting=knn edges=off", "matting=knn, edges=off"])
def test_options_are_read_and_checked(text):
    assert parse_options(text) == {"matting": "knn", "edges": "off", "on_no_subject": "error"}
    assert parse_options("on_no_subject=original")["on_no_subject"] == "original"


@pytest.mark.parametrize(
    "text, named",
    [
        ("matte=knn", "matte"),
        ("format=png", "format"),
        ("matting", "matting"),
        ("matting=best", "matting"),
        ("softness=.5", "softness"),
    ],
)
def test_wrong_options_stop_the_start(text, named):
    with pytest.raises(ConfigurationError, match=named):
        parse_options(text)
