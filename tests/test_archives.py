"""ZIP archives of images: what is let in, what results are named, how they are written."""

import io
import struct
import zipfile

import pytest

from cutout.archives import ArchiveLimits, ImageArchive, is_archive, result_names, zip_stream
from cutout.errors import InvalidRequest, TooManyBytes, UndecodableImage

LIMITS = ArchiveLimits(files=3, file_bytes=1000, total_bytes=1500)


def packed(files, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer


def test_files_are_read_in_their_order_and_folders_and_leftovers_are_left_out():
    files = [("a/", b""), ("a/x.jpg", b"one"), ("__MACOSX/a/._x.jpg", b"no"), ("y.png", b"two")]
    archive = ImageArchive(packed([*files, (".DS_Store", b"no")]), LIMITS)
    assert archive.names == ["a/x.jpg", "y.png"]
    assert [archive.read(0), archive.read(1)] == [b"one", b"two"]


@pytest.mark.parametrize(
    "files, error, named",
    [
        ([], InvalidRequest, "no files"),
        ([(f"{i}.jpg", b"x") for i in range(4)], InvalidRequest, "at most 3"),
        ([("big.jpg", bytes(1001))], TooManyBytes, "big.jpg"),
        ([("a.jpg", bytes(900)), ("b.jpg", bytes(900))], TooManyBytes, "1,800"),
        ([("more/inner.zip", b"PK")], InvalidRequest, "inner.zip"),
    ],
)
def test_what_is_over_the_limits_is_refused_by_name(files, error, named):
    with pytest.raises(error, match=named):
        ImageArchive(packed(files, zipfile.ZIP_DEFLATED), LIMITS)


def test_an_encrypted_file_is_refused():
    data = bytearray(packed([("a.jpg", b"secret")]).getvalue())
    for start in (data.index(b"PK\x03\x04") + 6, data.index(b"PK\x01\x02") + 8):
        data[start] |= 1
    with pytest.raises(InvalidRequest, match="encrypted"):
        ImageArchive(io.BytesIO(data), LIMITS)


def test_a_method_of_compression_that_is_not_read_is_refused():
    with pytest.raises(InvalidRequest, match="deflate"):
        ImageArchive(packed([("a.jpg", b"x")], zipfile.ZIP_LZMA), LIMITS)


def test_a_file_that_is_longer_than_the_archive_says_is_not_unpacked():
    """A bomb with a wrong size in the directory: 10 MB of zeros that claim to be 100 bytes."""
    data = bytearray(packed([("a.jpg", bytes(10_000_000))], zipfile.ZIP_DEFLATED).getvalue())
    for start in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        data[start : start + 4] = struct.pack("<I", 100)
    archive = ImageArchive(io.BytesIO(data), LIMITS)
    with pytest.raises(UndecodableImage):
        archive.read(0)


@pytest.mark.parametrize("cut", [10, 30, 60])
def test_a_torn_archive_is_refused(cut):
    data = packed([("a.jpg", b"x" * 100)]).getvalue()
    with pytest.raises(InvalidRequest, match="damaged"):
        ImageArchive(io.BytesIO(data[:-cut]), LIMITS)


def test_every_flipped_byte_is_a_typed_error_or_harmless():
    data = packed([("a.jpg", b"x" * 50)], zipfile.ZIP_DEFLATED).getvalue()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        try:
            archive = ImageArchive(io.BytesIO(damaged), LIMITS)
            assert archive.read(0) is not None
        except (InvalidRequest, TooManyBytes, UndecodableImage):
            continue


@pytest.mark.parametrize(
    "names, expected",
    [
        (["SKU-1.jpg"], ["SKU-1.png"]),
        (["a/x.jpg", "b/x.webp", "X.png"], ["x.png", "x-2.png", "X-3.png"]),
        (["../../etc/passwd", r"C:\photos\cat.jpg"], ["passwd.png", "cat.png"]),
        (["", "...", "a\nb.jpg"], ["image.png", "image-2.png", "a_b.png"]),
        (["Übergröße 5€.jpeg"], ["Übergröße 5€.png"]),
    ],
)
def test_results_keep_their_names_without_folders(names, expected):
    assert list(result_names(names, "png")) == expected


def test_no_result_is_named_as_the_list_of_errors():
    assert list(result_names(["errors.jpg"], "json")) == ["errors-2.json"]


def test_the_stream_is_an_archive_of_stored_files():
    files = [("a.png", b"1" * 5000), ("ü.png", b"2")]
    parts = list(zip_stream((name, len(data), [data]) for name, data in files))
    assert len(parts) == 3
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert [(one.filename, archive.read(one)) for one in archive.infolist()] == files
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("start, expected", [(b"PK\x03\x04", True), (b"\x89PNG", False)])
def test_an_archive_is_known_by_its_first_bytes(start, expected):
    assert is_archive(start) is expected
