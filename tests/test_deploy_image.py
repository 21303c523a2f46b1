"""The recipe of the images: it uses files that exist, runs as nobody, and can tell its health.

`make prove-image` builds and runs it; that takes minutes, Debian, root and buildah.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
from loopback import wsgi_server
from packaging.specifiers import SpecifierSet
from serving import free_port

from cutout.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
ONNXRUNTIME = [f"1.{minor}.{patch}" for minor in range(20, 40) for patch in range(3)]
FLAVOURS = ("cpu", "cuda13", "cuda12")


def instructions() -> list[tuple[str, str]]:
    """(name, arguments) of each instruction, comments dropped, continued lines joined."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    whole = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in whole if line.strip()]


def stages() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Base and instructions of each stage, by its name or number."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    own: list[tuple[str, str]] = []
    for name, arguments in instructions():
        if name == "FROM":
            base, _, label = arguments.partition(" AS ")
            own = []
            found[label or str(len(found))] = (base, own)
        else:
            own.append((name, arguments))
    return found


def final() -> list[tuple[str, str]]:
    """What the last stage consists of, with the stages it is based on."""
    known = stages()
    base, own = list(known.values())[-1]
    while base in known:
        base, below = known[base]
        own = below + own
    return own


def environment() -> dict[str, str]:
    lines = [arguments for name, arguments in final() if name == "ENV"]
    return dict(pair.split("=", 1) for line in lines for pair in shlex.split(line))


def copied() -> list[str]:
    """Files and folders that are copied from this repository."""
    found = []
    for name, arguments in instructions():
        parts = arguments.split()
        if name == "COPY" and not parts[0].startswith("--from"):
            found += parts[:-1]
    return found


def allowed() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


def test_dropping_parts_leaves_what_quantising_imports(tmp_path):
    """What the recipe deletes, deleted from a copy; onnxruntime 1.26 imports its tools for this."""
    (steps,) = [text for name, text in instructions() if "rm -rf cv2" in text]
    source = Path(onnxruntime.__file__).parent
    package = tmp_path / "onnxruntime"
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("*.so*", "__pycache__"))
    for pattern in re.findall(r"onnxruntime/\S+", steps):
        for path in tmp_path.glob(pattern):
            shutil.rmtree(path)
    assert (package / "tools/symbolic_shape_infer.py").is_file()
    assert not (package / "transformers/models").exists()


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_is_sent_to_the_builder(source):
    assert list(ROOT.glob(source))
    assert source in allowed()


def test_nothing_else_is_sent_to_the_builder():
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert set(allowed()) <= set(copied())


def test_stages_that_are_copied_from_exist():
    used = re.findall(r"COPY --from=(\S+)", (DEPLOY / "Dockerfile").read_text())
    assert used
    assert set(used) <= stages().keys()


def test_the_image_runs_as_a_user_without_rights():
    users = [arguments for name, arguments in final() if name == "USER"]
    # A number, for Kubernetes cannot tell of a name whether it is root.
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1])


def test_the_image_can_tell_its_health():
    (check,) = [arguments for name, arguments in final() if name == "HEALTHCHECK"]
    assert "deploy/healthcheck.py" in check
    assert "deploy/healthcheck.py" in copied()


def test_the_images_settings_are_settings():
    names = {name.removeprefix("CUTOUT_").lower() for name in environment() if "CUTOUT_" in name}
    assert {"host", "models_dir", "upload_dir"} <= names
    assert names <= Settings.model_fields.keys()


def test_the_image_does_not_switch_off_the_keys():
    assert "CUTOUT_OPEN_WITHOUT_KEY" not in environment()


def requirements(path: Path) -> dict[str, str]:
    """Ranges by name of the package, extras and markers left out."""
    lines = [re.split("[#;]", line)[0].strip() for line in path.read_text().splitlines()]
    pairs = [re.fullmatch(r"([\w-]+)(?:\[.*\])?(.*)", line) for line in lines]
    return {pair[1]: pair[2] for pair in pairs if pair and pair[1]}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_each_flavour_has_a_runtime_among_the_versions_of_the_service(flavour):
    main = requirements(ROOT / "requirements.txt")
    own = requirements(DEPLOY / f"runtime-{flavour}.txt")
    name = "onnxruntime" if flavour == "cpu" else "onnxruntime-gpu"
    # The last onnxruntime for CUDA 12 imports sympy and does not ask for it.
    assert own.keys() == {name, "openvino"} | ({"sympy"} if flavour == "cuda12" else set())
    assert own["openvino"] == main["openvino"]
    low, high = (SpecifierSet(ranges[name]) for ranges in (own, main))
    assert any(version in low and version in high for version in ONNXRUNTIME)


def test_the_runtimes_of_cuda_12_and_13_have_no_version_in_common():
    twelve, thirteen = (
        SpecifierSet(requirements(DEPLOY / f"runtime-cuda{number}.txt")["onnxruntime-gpu"])
        for number in (12, 13)
    )
    assert not any(version in twelve and version in thirteen for version in ONNXRUNTIME)


def health(port: int) -> int:
    command = [sys.executable, str(DEPLOY / "healthcheck.py")]
    return subprocess.run(command, env={"CUTOUT_PORT": str(port)}, timeout=30).returncode


@pytest.mark.parametrize("status, code", [("200 OK", 0), ("503 Service Unavailable", 1)])
def test_the_health_check_asks_whether_images_are_accepted(status, code):
    asked = []

    def app(environ, start_response):
        asked.append(environ["PATH_INFO"])
        start_response(status, [("Content-Length", "0")])
        return [b""]

    with wsgi_server(app) as (_, port):
        assert health(port) == code
    assert asked == ["/readyz"]


def test_without_a_service_the_health_check_fails():
    assert health(free_port()) == 1
