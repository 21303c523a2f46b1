"""The table of models agrees with rembg's own source, row by row."""

import ast
import inspect
import re

import pytest
from rembg.sessions import sessions

from cutout.errors import ConfigurationError
from cutout.models.table import MODELS, UNSUPPORTED, spec_of

TRIPLE = r"\([\d.]+, [\d.]+, [\d.]+\)"


def published(name):
    """(url, kind of hash, hash, mean, std, sizes) as rembg's session class states them."""
    download = inspect.getsource(sessions[name].download_models)
    predict = inspect.getsource(sessions[name].predict)
    (url,) = re.findall(r'"(https://[^"]+)"', download)
    ((kind, value),) = re.findall(r'"(md5|sha256):([0-9a-f]+)"', download)
    mean, std = map(ast.literal_eval, re.findall(TRIPLE, predict))
    (sizes,) = map(ast.literal_eval, re.findall(r"\(\d{3,}, \d{3,}\)", predict))
    return url, kind, value, mean, std, sizes


@pytest.mark.parametrize("name", MODELS)
def test_a_row_equals_what_rembg_states(name):
    row = MODELS[name]
    url, kind, value, mean, std, sizes = published(name)
    assert (row.url, getattr(row, kind)) == (url, value)
    assert (row.mean, row.std, (row.input_size,) * 2) == (mean, std, sizes)


@pytest.mark.parametrize("name", MODELS)
def test_the_activation_is_the_one_that_rembg_applies(name):
    applied = "self.sigmoid(" in inspect.getsource(sessions[name].predict)
    assert (MODELS[name].activation == "sigmoid") == applied


@pytest.mark.parametrize("name", MODELS)
def test_the_file_name_is_the_one_that_rembg_uses(name):
    assert "{cls.name(" in inspect.getsource(sessions[name].download_models)
    assert MODELS[name].file_name == f"{sessions[name].name()}.onnx"


def test_every_model_of_rembg_is_listed_or_left_out_with_a_reason():
    assert set(sessions) == set(MODELS) | set(UNSUPPORTED)
    assert not set(MODELS) & set(UNSUPPORTED)


@pytest.mark.parametrize("name", MODELS)
def test_a_file_from_a_wheel_is_known_by_size_and_sha256(name):
    row = MODELS[name]
    assert row.md5 or row.sha256
    assert row.wheel is None or (row.size_bytes and row.sha256)


@pytest.mark.parametrize("name, words", [("u2netx", "u2netp"), ("sam", "needs points or boxes")])
def test_an_unknown_name_is_refused_with_the_known_ones(name, words):
    with pytest.raises(ConfigurationError, match=words):
        spec_of(name)
