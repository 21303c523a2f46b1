"""Every kind of pixel comes out as the right colours, and hidden colours do not come out."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from cutout import images
from cutout.errors import UndecodableImage

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EVERY_TYPE = images.Limits(formats=images.KNOWN)


def saved(image, format="PNG", **how):
    file = io.BytesIO()
    image.save(file, format, **how)
    return file.getvalue()


def photo(height=40, width=60):
    rows, columns = np.mgrid[:height, :width]
    levels = np.stack([rows * 255 // height, columns * 255 // width, rows * 0 + 90], axis=2)
    return levels.astype(np.uint8)


def png_of(header, rows, *extra):
    """A PNG from raw rows, for the kinds that Pillow does not write."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))]
    parts += [chunk(kind, data) for kind, data in extra]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", body), chunk(b"IEND", b"")])


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "BMP"])
def test_colours_without_loss_are_bit_exact(format):
    how = {"lossless": True} if format == "WEBP" else {}
    decoded = images.decode(saved(Image.fromarray(photo()), format, **how), EVERY_TYPE)
    assert np.array_equal(decoded.rgb, photo())
    assert decoded.alpha is None and decoded.format == format


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_agrees_with_pillow(progressive):
    data = saved(Image.fromarray(photo()), "JPEG", quality=95, progressive=progressive)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.abs(images.decode(data).rgb.astype(int) - expected).max() <= 3


def test_grey_of_sixteen_bits_is_reduced_not_clamped():
    levels = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    decoded = images.decode(saved(Image.fromarray(levels)))
    assert np.abs(decoded.rgb[..., 0] - levels / 257).max() <= 1
    assert np.array_equal(images.decode_mask(saved(Image.fromarray(levels))), decoded.rgb[..., 0])


def test_colours_of_sixteen_bits_are_reduced():
    row = struct.pack(">6H", 65535, 32896, 0, 257, 514, 25700)
    decoded = images.decode(png_of((2, 1, 16, 2), [row]))
    assert np.abs(decoded.rgb[0].astype(int) - [[255, 128, 0], [1, 2, 100]]).max() <= 1


def test_grey_with_alpha():
    levels = np.dstack([photo()[..., 0], photo()[..., 1]])
    decoded = images.decode(saved(Image.fromarray(levels, "LA")))
    shown = levels[..., 1] > 0
    assert np.array_equal(decoded.rgb[shown], np.repeat(levels[shown][:, :1], 3, axis=1))
    assert np.allclose(decoded.alpha * 255, levels[..., 1])


@pytest.mark.parametrize("one_bit", [np.eye(9, dtype=bool)])
def test_one_bit_is_black_and_white(one_bit):
    decoded = images.decode(saved(Image.fromarray(one_bit)))
    assert np.array_equal(decoded.rgb[..., 1], one_bit * np.uint8(255))


def test_palette_with_transparency():
    image = Image.new("P", (2, 1))
    image.putpalette([250, 10, 20, 30, 200, 40])
    image.putpixel((1, 0), 1)
    decoded = images.decode(saved(image, transparency=bytes([255, 0])))
    assert decoded.rgb[0].tolist() == [[250, 10, 20], list(images.NEUTRAL)]
    assert decoded.alpha.tolist() == [[1, 0]]


def test_colour_key():
    image = Image.fromarray(np.array([[[9, 8, 7], [1, 2, 3]]], np.uint8))
    decoded = images.decode(saved(image, transparency=(9, 8, 7)))
    assert decoded.alpha.tolist() == [[0, 1]]
    assert decoded.rgb[0, 1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "depth, row, key",
    [(2, b"\x1b", 2), (4, b"\x12\x34", 3), (8, bytes([0, 9, 3, 200]), 3), (1, b"\x20", 1)],
)
def test_grey_key_is_read_at_the_depth_of_the_file(depth, row, key):
    decoded = images.decode(png_of((4, 1, depth, 0), [row], (b"tRNS", struct.pack(">H", key))))
    assert decoded.alpha.tolist() == [[1, 1, 0, 1]]


def test_grey_key_of_sixteen_bits_is_exact():
    row = struct.pack(">3H", 1000, 1001, 999)
    decoded = images.decode(png_of((3, 1, 16, 0), [row], (b"tRNS", struct.pack(">H", 1001))))
    assert decoded.alpha.tolist() == [[1, 0, 1]]


def test_what_hides_under_transparency_is_gone():
    secret = np.full((4, 4, 4), 200, np.uint8)
    secret[:2, :, 3] = 0
    decoded = images.decode(saved(Image.fromarray(secret)))
    assert (decoded.rgb[:2] == images.NEUTRAL).all()
    assert (decoded.rgb[2:] == 200).all()


def test_cmyk_jpeg_has_the_colours_it_was_made_from():
    data = saved(Image.fromarray(photo()).convert("CMYK"), "JPEG", quality=95)
    decoded = images.decode(data)
    assert np.abs(decoded.rgb.astype(int) - photo()).mean() < 4
    assert decoded.icc is None


def test_profile_of_rgb_is_kept():
    assert images.decode(saved(Image.fromarray(photo()), icc_profile=SRGB)).icc == SRGB
    assert images.decode(saved(Image.fromarray(photo()), "JPEG", icc_profile=SRGB)).icc == SRGB


def grey_profile(gamma):
    """A grey display profile whose curve is a power. ICC.1:2022, sections 7 and 10.6."""
    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags = struct.pack(">I", 2) + b"kTRC" + struct.pack(">II", 156, len(curve))
    tags += b"wtpt" + struct.pack(">II", 156 + len(curve), len(white))
    header = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)
    body = header.ljust(128, b"\0") + tags + curve + white
    return struct.pack(">I", len(body)) + body[4:]


def test_grey_is_brought_to_srgb_by_its_own_profile():
    image = Image.new("L", (4, 4), 128)
    linear = images.decode(saved(image, icc_profile=grey_profile(1.0)))
    # Half of linear light is level 188 in sRGB.
    assert abs(int(linear.rgb[0, 0, 0]) - 188) <= 2 and linear.icc is None
    assert (images.decode(saved(image)).rgb == 128).all()


def test_a_profile_of_another_space_is_not_passed_on():
    data = saved(Image.fromarray(photo()), icc_profile=grey_profile(2.2))
    assert images.decode(data).icc is None


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_without_a_known_range_are_refused(mode):
    data = saved(Image.new(mode, (3, 3), 7), "TIFF")
    with pytest.raises(UndecodableImage, match="8 or 16 bits"):
        images.decode(data, EVERY_TYPE)


def test_mask_is_read_from_alpha_if_there_is_one():
    levels = np.full((3, 3, 4), 77, np.uint8)
    assert (images.decode_mask(saved(Image.fromarray(levels))) == 77).all()
    levels[..., 3] = 255
    levels[..., :3] = 50
    assert (images.decode_mask(saved(Image.fromarray(levels))) == 50).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_mask_of_any_kind_has_the_same_levels(mode):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 255
    image = Image.fromarray(mask).convert(mode)
    assert np.array_equal(images.decode_mask(saved(image)), mask)
