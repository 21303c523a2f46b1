"""What the tests share: verified weights, the real model, apps, images, the shared data."""

import io
import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image
from standin import StandIn

from app import create_app
from cutout import weights
from cutout.settings import Settings
from u2net import RembgModel

ROOT = Path(__file__).parent.parent
# An example's time says how busy the machine is; a test that is about time names its own limit.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def data_folder() -> Path:
    """Photographs with masks and odd files; they are not part of this repository."""
    return Path(os.environ.get("CUTOUT_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"CUTOUT_DATA names no folder ({folder}); it holds the photographs")
    return folder


@pytest.fixture(scope="session")
def u2net_path() -> Path:
    return weights.ensure("u2net")


@pytest.fixture(scope="session")
def u2netp_path() -> Path:
    return weights.ensure("u2netp")


@pytest.fixture(scope="session")
def u2net() -> RembgModel:
    """The real model in fp32, which rembg's own output is compared with."""
    return RembgModel("u2net", Settings(precision="fp32", runtime="onnxruntime", device="cpu"))


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(upload_dir=tmp_path / "uploads", result_dir=tmp_path / "results")


@pytest.fixture
def app(settings):
    """The service on a stand-in model: brightness is the subject."""
    app = create_app(settings, StandIn())
    yield app
    app.extensions["cutout"].service.close()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def build(settings):
    """A client of the service with some settings of its own."""
    apps = []

    def build(**changed):
        apps.append(create_app(settings.model_copy(update=changed), StandIn()))
        return apps[-1].test_client()

    yield build
    for app in apps:
        app.extensions["cutout"].service.close()


@pytest.fixture(scope="session")
def real_app(u2net, tmp_path_factory):
    """The service on the real U²-Net."""
    folder = tmp_path_factory.mktemp("real")
    app = create_app(Settings(upload_dir=folder / "uploads", result_dir=folder / "results"), u2net)
    yield app
    app.extensions["cutout"].service.close()


def image_bytes(array: np.ndarray, file_format: str = "PNG", **options) -> bytes:
    """Encode an array as an image file."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.fixture
def disc() -> np.ndarray:
    """A bright disc on a dark ground, (120, 160, 3) uint8."""
    y, x = np.mgrid[:120, :160]
    inside = (y - 60) ** 2 + (x - 80) ** 2 < 40**2
    return np.where(inside[..., None], np.uint8([230, 200, 90]), np.uint8([20, 30, 40]))


@pytest.fixture
def disc_png(disc) -> bytes:
    return image_bytes(disc)


@pytest.fixture
def disc_mask(disc) -> bytes:
    return image_bytes(np.where(disc[..., 0] > 100, 255, 0).astype(np.uint8))
