"""The real model: equal to rembg's own, independent of neighbours, right on photographs."""

import io

import numpy as np
import pytest
import rembg
from conftest import data_folder
from PIL import Image, ImageOps
from rembg.session_factory import new_session
from skimage import data as photos

from cutout import images, settings
from cutout.errors import ConfigurationError, UndecodableImage
from u2net import RembgModel

pytestmark = pytest.mark.weights
FREE = ("astronaut", "cat", "coffee", "rocket")


def photographs(count=16):
    """So many of ecssd300, evenly, or those of scikit-image where that set is missing."""
    folder = data_folder() / "ecssd300" / "image"
    if not folder.is_dir():
        return [Image.fromarray(getattr(photos, name)()) for name in FREE]
    paths = sorted(folder.iterdir())
    return [Image.open(path) for path in paths[:: len(paths) // count][:count]]


@pytest.fixture(scope="module")
def rembgs_own(u2net_path, tmp_path_factory):
    """rembg's session on the same file, loaded by rembg itself."""
    home = tmp_path_factory.mktemp("home")
    (home / "u2net.onnx").symlink_to(u2net_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("U2NET_HOME", str(home))
        return new_session("u2net", providers=["CPUExecutionProvider"])


def alpha_of(model, rgb):
    return model.finish(model.infer_one(model.prepare(rgb)), rgb.shape[:2])


def test_alpha_equals_rembgs_own_mask_on_every_photograph(u2net, rembgs_own):
    overlaps = []
    for photograph in photographs():
        upright = ImageOps.exif_transpose(photograph).convert("RGB")
        theirs = np.asarray(rembgs_own.predict(upright)[0], np.float32) / 255
        ours = alpha_of(u2net, np.asarray(upright))
        assert np.abs(ours - theirs).mean() <= 1 / 255
        both, either = (ours > 0.5) & (theirs > 0.5), (ours > 0.5) | (theirs > 0.5)
        overlaps.append(both.sum() / max(either.sum(), 1))
    assert np.median(overlaps) >= 0.998


def test_rembg_accepts_our_session_and_gives_the_same_mask(u2net):
    rgb = photos.astronaut()
    mask = rembg.remove(Image.fromarray(rgb), session=u2net.session, only_mask=True)
    assert np.abs(np.asarray(mask) / 255 - alpha_of(u2net, rgb)).max() <= 1 / 255 + 1e-6


def test_a_image_does_not_depend_on_its_neighbours(u2net):
    tensors = [u2net.prepare(getattr(photos, name)()) for name in FREE[:3]]
    together = u2net.infer(tensors)
    np.testing.assert_allclose(together[1], u2net.infer_one(tensors[1]), atol=1e-4)


def test_a_flat_map_is_no_subject(u2net):
    assert not u2net.finish(np.full((320, 320), 0.7, np.float32), (40, 60)).any()


def test_remove_bg_writes_what_the_service_answers(u2net, real_app, tmp_path):
    Image.fromarray(photos.astronaut()).save(tmp_path / "photo.jpg")
    u2net.remove_bg(tmp_path / "photo.jpg", tmp_path / "cutout.png")
    served = real_app.test_client().post(
        "/remove-bg",
        data={"image": (io.BytesIO((tmp_path / "photo.jpg").read_bytes()), "photo.jpg")},
    )
    assert served.data == (tmp_path / "cutout.png").read_bytes()
    cutout = np.asarray(Image.open(tmp_path / "cutout.png"))
    assert cutout.shape == (512, 512, 4)
    assert cutout[200, 220, 3] > 250  # her face
    assert cutout[20, 480].tolist() == [0, 0, 0, 0]  # the shuttle behind her


def test_remove_bg_names_what_is_wrong(u2net, tmp_path):
    with pytest.raises(FileNotFoundError):
        u2net.remove_bg(tmp_path / "none.jpg", tmp_path / "out.png")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"0" * 100)
    with pytest.raises(UndecodableImage):
        u2net.remove_bg(tmp_path / "bad.jpg", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("name", ["bria-cloud", "sam", "u2net_custom", ""])
def test_a_model_that_is_not_local_or_does_not_fit_is_refused(name):
    with pytest.raises(ConfigurationError, match="u2net"):
        RembgModel(name)


def test_whole_images_are_upright_like_their_exif_says(u2net, data_dir):
    landscapes = sorted((data_dir / "odd" / "orientation").glob("Landscape_*.jpg"))
    assert len(landscapes) == 8
    shapes = {images.decode(path.read_bytes()).rgb.shape for path in landscapes}
    assert len(shapes) == 1


def test_settings_default_to_the_environment(monkeypatch, u2netp_path):
    monkeypatch.setenv("CUTOUT_PRECISION", "fp32")
    monkeypatch.setenv("CUTOUT_RUNTIME", "onnxruntime")
    model = RembgModel("u2netp")
    assert model.device()["precision"] == "fp32"
    assert settings.load().runtime == "onnxruntime"
