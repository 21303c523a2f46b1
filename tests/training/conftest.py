"""Drawn pairs and a small U²-Net, made once; `request_for` makes runs of them."""

import pytest
from training_kit import drawn_pairs


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """12 pairs of drawn discs."""
    return drawn_pairs(tmp_path_factory.mktemp("pairs"), 12)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory, u2netp_path):
    from training_models import TINY, new_network, write_model

    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    return write_model(path, u2netp_path, new_network(TINY))


@pytest.fixture
def request_for(drawn, tiny_model, tmp_path):
    from training_models import request

    def make(*settings, **more):
        return request(drawn, tiny_model, tmp_path / "mine.onnx", *settings, **more)

    return make
