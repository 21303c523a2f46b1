"""Clients of remove.bg that nobody here wrote, unchanged, against a running server.

`make test-clients` installs them; without that their tests are skipped. tests/clients/README.md
says where each comes from and which of them are stand-ins.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import image_bytes
from held_server import held_server
from PIL import Image
from remove_bg_host import remove_bg_host
from removebg_kit import BRIGHT
from serving import serve
from skimage import data

CLIENTS = Path(__file__).parent / "clients"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The service on the stand-in model, as gunicorn runs it."""
    with held_server(tmp_path_factory.mktemp("server")) as held:
        yield held.running.address


@pytest.fixture(scope="module")
def host(server, tmp_path_factory):
    with remove_bg_host(server, tmp_path_factory.mktemp("host")) as host:
        yield host


@pytest.fixture
def photo(tmp_path) -> Path:
    """A PNG of more than 500 kB, so that base64 of it passes what forms may hold by default."""
    noise = np.random.default_rng(1).integers(0, 60, (800, 800, 3), np.uint8)
    noise[200:600, 200:600] = BRIGHT
    path = tmp_path / "photo.png"
    path.write_bytes(image_bytes(noise))
    assert path.stat().st_size > 500_000
    return path


def needs(program: str, *installed: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    for name in installed:
        if not (CLIENTS / name).exists():
            pytest.skip(f"{name} is not installed: make test-clients")


def client(host, *command: object, **variables: str) -> dict:
    """What a client says on its last line."""
    told = host.run([str(part) for part in command], **variables)
    return json.loads(told.strip().splitlines()[-1])


def loaded(path: Path | str) -> Image.Image:
    """An image whose file is closed again."""
    with Image.open(path) as found:
        found.load()
        return found


def check_cutout(path: Path, size: tuple[int, int]) -> None:
    """A PNG with the subject in the middle and nothing around it."""
    found = loaded(path)
    assert (found.format, found.mode, found.size) == ("PNG", "RGBA", size)
    rgba = np.asarray(found)
    assert rgba[0, 0].tolist() == [0, 0, 0, 0]
    assert rgba[size[1] // 2, size[0] // 2].tolist() == [*BRIGHT, 255]


def test_npm_remove_bg(host, photo, tmp_path):
    needs("node", "node_modules/remove.bg")
    told = client(host, "node", CLIENTS / "remove_bg.js", photo, tmp_path)
    check_cutout(tmp_path / "file.png", (800, 800))
    check_cutout(tmp_path / "base64.png", (500, 500))
    assert told["file"]["detectedType"] == "person"
    assert (told["file"]["creditsCharged"], told["base64"]["resultWidth"]) == ("0", "500")
    assert int(told["file"]["rateLimitRemaining"]) > 0
    assert told["errors"][0]["title"] == "Invalid value for parameter 'size'"


def test_npm_removd(host, photo, tmp_path):
    needs("node", "node_modules/removd")
    told = client(host, "node", CLIENTS / "removd.js", photo, tmp_path)
    # It asks for the size itself, by the number of pixels.
    assert (told["file"]["dimensions"], told["file"]["charged"]) == ("800x800", 0)
    check_cutout(Path(told["file"]["destination"]), (800, 800))
    # The extension follows our content type.
    assert Path(told["colour"]["destination"]).suffix == ".jpeg"
    assert told["account"]["credits"]["total"] == 1_000_000


def test_the_official_command_line(host, photo, tmp_path):
    needs("node", "node_modules/superagent", "node_modules/jszip")
    told = client(host, "node", CLIENTS / "command_line.js", photo, tmp_path)
    assert told["entries"] == ["color.jpg", "alpha.png"]
    color, alpha = loaded(tmp_path / "color.jpg"), loaded(tmp_path / "alpha.png")
    assert (color.mode, alpha.mode, color.size) == ("RGB", "L", alpha.size)
    assert np.asarray(color)[0, 0] == pytest.approx(BRIGHT, abs=4)


def test_the_official_command_line_shows_code_title_and_detail(host, photo, tmp_path):
    needs("node", "node_modules/superagent", "node_modules/jszip")
    told = client(host, "node", CLIENTS / "command_line.js", photo, tmp_path, "huge")
    assert "'invalid_size': \"Invalid value for parameter 'size' - Use" in told["messages"][-1]


def test_nodes_own_fetch(host, photo, tmp_path):
    needs("node")
    told = client(host, "node", CLIENTS / "fetch.mjs", photo, tmp_path / "file.png")
    assert told == {"status": 200, "type": "image/png"}
    check_cutout(tmp_path / "file.png", (800, 800))


PYPI = {"PYTHONPATH": str(CLIENTS / "python")}


def check_pypi_removebg(told: dict, photo: Path, tmp_path: Path) -> None:
    # A background colour gives a JPEG, whatever the client calls the file.
    found = loaded(f"{photo}_no_bg.png")
    assert (found.format, found.size) == ("JPEG", (500, 500))
    check_cutout(tmp_path / "base64.png", (800, 800))
    assert (told["refused"]["status"], told["refused"]["code"]) == (400, "failed_image_download")


def test_pypi_removebg(host, photo, tmp_path):
    needs(sys.executable, "python/removebg")
    told = client(host, sys.executable, CLIENTS / "pypi_removebg.py", photo, tmp_path, **PYPI)
    check_pypi_removebg(told, photo, tmp_path)


def check_pypi_remove_bg_api(told: dict, tmp_path: Path) -> None:
    check_cutout(tmp_path / "file.png", (800, 800))
    check_cutout(tmp_path / "base64.png", (800, 800))
    assert told["balance"] == told["credits"]["total"] == 1_000_000
    assert (told["charged"], told["refused"]) == (0, "ApiErrorCode400")


def test_pypi_remove_bg_api(host, photo, tmp_path):
    needs(sys.executable, "python/remove_bg_api")
    script = CLIENTS / "pypi_remove_bg_api.py"
    told = client(host, sys.executable, script, photo, tmp_path, **PYPI)
    check_pypi_remove_bg_api(told, tmp_path)


def direct(script: str, *arguments: object) -> dict:
    """A Python client whose address is set, as docs/migrate.md shows it."""
    command = [sys.executable, CLIENTS / script, *arguments]
    told = subprocess.run(
        [str(part) for part in command],
        env=PYPI,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return json.loads(told.stdout)


def test_pypi_removebg_with_its_address_set(server, photo, tmp_path):
    needs(sys.executable, "python/removebg")
    told = direct("pypi_removebg.py", photo, tmp_path, f"{server}/v1.0/removebg")
    check_pypi_removebg(told, photo, tmp_path)


def test_pypi_remove_bg_api_with_its_address_set(server, photo, tmp_path):
    needs(sys.executable, "python/remove_bg_api")
    told = direct("pypi_remove_bg_api.py", photo, tmp_path, f"{server}/v1.0")
    check_pypi_remove_bg_api(told, tmp_path)


def test_ruby(host, photo, tmp_path):
    needs("ruby")
    told = client(host, "ruby", CLIENTS / "ruby_client.rb", photo, tmp_path)
    assert (told["width"], told["total"]) == (800, 1_000_000)
    assert told["remaining"] > 0
    assert told["refused"] == "Invalid value for parameter 'size'"
    listed = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(tmp_path / "file.zip")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert listed.index("color.jpg") < listed.index("alpha.png")


def test_php(host, photo, tmp_path):
    needs("php")
    if subprocess.run(["php", "-r", "exit((int) !extension_loaded('curl'));"]).returncode:
        pytest.skip("PHP's curl extension is not installed")
    trust = ("-d", f"curl.cainfo={host.certificate}", "-d", f"openssl.cafile={host.certificate}")
    told = client(host, "php", *trust, CLIENTS / "php_client.php", photo, tmp_path)
    assert told["refused"].startswith("Invalid value for parameter 'size' - invalid_size - Use ")
    found = loaded(tmp_path / "file.jpg")
    assert found.format == "JPEG"
    assert np.asarray(found)[5, 5] == pytest.approx((255, 0, 0), abs=4)
    check_cutout(tmp_path / "base64.png", (800, 800))


def test_curl(host, photo, tmp_path):
    needs("curl")
    host.run(
        [
            *("curl", "-H", "X-API-Key: any", "-F", f"image_file=@{photo}", "-F", "size=auto"),
            *("-f", "https://api.remove.bg/v1.0/removebg", "-o", str(tmp_path / "no-bg.png")),
        ]
    )
    check_cutout(tmp_path / "no-bg.png", (800, 800))


@pytest.mark.weights
def test_a_client_on_the_real_model(tmp_path, u2net_path):
    needs("node", "node_modules/remove.bg")
    photo = tmp_path / "cat.jpg"
    Image.fromarray(data.cat()).save(photo)
    with serve(tmp_path) as server, remove_bg_host(server, tmp_path) as host:
        client(host, "node", CLIENTS / "remove_bg.js", photo, tmp_path)
    alpha = np.asarray(loaded(tmp_path / "file.png"))[..., 3]
    assert alpha.shape == data.cat().shape[:2]
    # The cat's face is in the middle, the wall in the corner.
    assert alpha[150, 225] > 250
    assert alpha[0, 0] < 5
