"""Files made elsewhere: the odd ones decode rightly, the broken ones are refused or valid."""

import faulthandler
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from cutout import images
from cutout.errors import CutoutError, TooManyFrames

DATA = Path(os.environ.get("CUTOUT_DATA", Path(__file__).parent.parent.parent / "shared/data"))
EVERY_TYPE = images.Limits(formats=images.KNOWN)
# In the folder of broken files by their names, but valid: images of broken things, images
# with undefined resolutions, and a JPEG whose index of further images is wrong.
VALID = {
    *("broken_exif_dpi.jpg", "exif-dpi-zerodivision.jpg", "sugarshack_bad_mpo_header.jpg"),
    *("invalid-exif-without-x-resolution.jpg", "eps__non_zero_bb.png", "eps__zero_bb.png"),
    *("eps__non_zero_bb_scale2.png", "eps__zero_bb_scale2.png", "itxt_chunks.png"),
    *("imagedraw_chord_too_fat.png", "imagedraw_chord_zero_width.png"),
    *("imagedraw_ellipse_zero_width.png", "imagedraw_floodfill_not_negative.png"),
    *("imagedraw_pieslice_zero_width.png", "imagedraw_rectangle_zero_width.png"),
    *("missing_background_first_frame.png", "palette_negative.png"),
}
REFUSED_ODD = {
    *("16_bit_binary_pgm.tiff", "16bit.s.tif", "bmp__q__pal2.bmp", "bmp__q__pal8os2v2-16.bmp"),
    *("bmp__q__pal8oversizepal.bmp", "bmp__q__rgba16-4444.bmp", "bmp__q__rgba32abf.bmp"),
    *("hopper_unknown_pixel_mode.tif", "hopper_webp.tif"),
}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not here")


@pytest.fixture(autouse=True)
def hang():
    """End the run, with the place, where a file keeps a decoder busy for a minute."""
    faulthandler.dump_traceback_later(60, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def files(pattern):
    return sorted(DATA.glob(pattern)) if DATA.is_dir() else []


def name_of(path):
    return path.name.removeprefix("Tests__images__")


def reference(path):
    """(H, W, 4) of OpenCV's own PNG decoder, 8 bits by the upper half of 16."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    to_rgba = cv2.COLOR_BGRA2RGBA if pixels.shape[-1] == 4 else cv2.COLOR_BGR2RGBA
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGBA if pixels.ndim == 2 else to_rgba)


@pytest.mark.parametrize("kind", ["Landscape", "Portrait"])
@pytest.mark.parametrize("turn", range(2, 9))
def test_every_orientation_comes_out_upright_and_alike(kind, turn):
    folder = DATA / "odd/orientation"
    expected = images.decode((folder / f"{kind}_1.jpg").read_bytes())
    data = (folder / f"{kind}_{turn}.jpg").read_bytes()
    decoded = images.decode(data)
    assert images.inspect(data, images.Limits()).header.size == decoded.size == expected.size
    # Each of the eight was compressed anew, so they are alike, not equal.
    assert np.abs(decoded.rgb.astype(int) - expected.rgb).mean() < 5


@pytest.mark.parametrize("path", files("odd/pngsuite/*.png"), ids=name_of)
def test_every_kind_of_png_agrees_with_an_independent_decoder(path):
    decoded, expected = images.decode(path.read_bytes()), reference(path)
    visible = np.ones(decoded.size, bool) if decoded.alpha is None else decoded.alpha > 0
    assert np.abs(decoded.rgb[visible].astype(int) - expected[visible][:, :3]).max() <= 1
    if decoded.alpha is not None and path.name[5:7] != "tb":
        assert np.abs(decoded.alpha * 255 - expected[..., 3]).max() <= 1


@pytest.mark.parametrize("path", files("odd/pillow/*"), ids=name_of)
def test_an_odd_file_decodes_or_is_refused_for_a_known_reason(path):
    data = path.read_bytes()
    try:
        decoded = images.decode(data, EVERY_TYPE)
    except TooManyFrames:
        assert (
            images.inspect(data, images.Limits(formats=images.KNOWN, max_frames=999)).header.frames
            > 1
        )
        return
    except CutoutError as error:
        assert name_of(path) in REFUSED_ODD, error.detail
        return
    assert decoded.rgb.dtype == np.uint8 and decoded.rgb.shape[2] == 3
    assert images.inspect(data, EVERY_TYPE).header.size == decoded.size


@pytest.mark.parametrize("path", files("odd/pillow/*hopper*.*"), ids=name_of)
def test_the_same_portrait_in_every_format_looks_the_same(path):
    if any(
        word in path.name for word in ("emboss", "_45", "_500", "mask", "wal", "rle8", "Lab", "g4")
    ):
        pytest.skip("another image")
    try:
        decoded = images.decode(path.read_bytes(), EVERY_TYPE)
    except CutoutError:
        assert name_of(path) in REFUSED_ODD
        return
    expected = images.decode((DATA / "odd/pillow/Tests__images__hopper.png").read_bytes())
    grey = [cv2.cvtColor(p.rgb, cv2.COLOR_RGB2GRAY) for p in (decoded, expected)]
    small = [cv2.resize(p, (16, 16), interpolation=cv2.INTER_AREA).astype(int) for p in grey]
    assert np.abs(small[0] - small[1]).mean() < 16


@pytest.mark.parametrize("path", files("broken/*/*"), ids=name_of)
def test_a_broken_file_is_refused_unless_it_is_valid(path):
    try:
        images.decode(path.read_bytes())
        refused = False
    except CutoutError as error:
        refused = error.status in (415, 422)
    assert refused != (name_of(path) in VALID)


@pytest.mark.parametrize("path", files("broken/*/*"), ids=name_of)
def test_with_every_type_allowed_a_broken_file_is_still_a_typed_error_or_an_image(path):
    try:
        assert images.decode(path.read_bytes(), EVERY_TYPE).rgb.dtype == np.uint8
    except CutoutError as error:
        assert error.status in (415, 422)
        assert str(DATA) not in error.detail
