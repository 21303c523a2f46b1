"""Only what decoders raise for damaged data is blamed on the file; our own errors stay errors."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from cutout import images
from cutout.errors import UndecodableImage
from cutout.images import colour_modes, jpeg, opening

EVERY_TYPE = images.Limits(formats=images.KNOWN)
PROGRAMMING_ERRORS = [
    *(MemoryError, AttributeError, AssertionError, TypeError, KeyError, IndexError, ValueError),
    *(ZeroDivisionError, RuntimeError, OSError, struct.error, UserWarning),
]


def saved(format):
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 90, 10)).save(file, format)
    return file.getvalue()


def raiser(error):
    def fail(*args, **kwargs):
        raise error("a mistake of ours")

    return fail


@pytest.mark.parametrize("read", [images.decode, images.decode_mask])
@pytest.mark.parametrize("error", PROGRAMMING_ERRORS)
def test_an_error_of_our_own_code_is_not_blamed_on_the_file(read, error, monkeypatch):
    monkeypatch.setattr(colour_modes, "_rgb_array", raiser(error))
    with pytest.raises(error, match="a mistake of ours"):
        read(saved("PNG"))


@pytest.mark.parametrize("error", [AttributeError, TypeError, ValueError])
def test_an_error_in_the_orientation_code_is_not_blamed_on_the_file(error, monkeypatch):
    monkeypatch.setattr(opening, "_orientation", raiser(error))
    with pytest.raises(error, match="a mistake of ours"):
        images.decode(saved("PNG"))


def test_a_wrong_numpy_call_of_ours_is_not_blamed_on_the_file(monkeypatch):
    monkeypatch.setattr(colour_modes, "_rgb_array", lambda image: np.ones(3) + np.ones(2))
    with pytest.raises(ValueError, match="broadcast"):
        images.decode(saved("PNG"))


@pytest.mark.parametrize("error", [MemoryError, AttributeError, AssertionError])
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_an_error_that_never_means_damage_stays_what_it_is(format, error, monkeypatch):
    # Called by Pillow's load, so that Pillow is nearest to the error.
    monkeypatch.setattr(ImageFile.ImageFile, "load_prepare", raiser(error))
    with pytest.raises(error):
        images.decode(saved(format))


def test_exhausted_memory_is_not_blamed_on_a_jpeg(monkeypatch):
    monkeypatch.setattr(jpeg.simplejpeg, "decode_jpeg", raiser(MemoryError))
    with pytest.raises(MemoryError):
        images.decode(saved("JPEG"))


def test_libjpeg_out_of_memory_is_not_blamed_on_a_jpeg(monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("Insufficient memory (case 4)")

    monkeypatch.setattr(jpeg.simplejpeg, "decode_jpeg", fail)
    with pytest.raises(MemoryError):
        images.decode(saved("JPEG"))


def test_what_pillow_lets_through_on_damaged_data_is_the_files_fault():
    # A directory of no entries as the second page: a KeyError leaves Pillow's TIFF reader.
    data = bytearray(saved("TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, len(data))
    data += struct.pack("<HI", 0, 0)
    with pytest.raises((KeyError, TypeError)):
        _ = TiffImagePlugin.TiffImageFile(io.BytesIO(data)).n_frames
    with pytest.raises(UndecodableImage, match="TIFF file is damaged"):
        images.decode(bytes(data), EVERY_TYPE)
