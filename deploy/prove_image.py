"""Build the image of deploy/Dockerfile and run it, without Docker and without its registry.

    python deploy/prove_image.py [--flavour cpu] [--arch arm64] [--photograph FILE] [--work FOLDER]

As root on Debian, with buildah and debootstrap. The base image is made by debootstrap, the
Dockerfile's own steps are run by buildah, and the result is started as the image says (command,
user, environment, health check) on a read-only root in a mount namespace. One image is cut out
through it. Each step prints what it found; the first that fails ends the script. Another
architecture than the machine's is emulated: that needs qemu-user-static, and much time.
"""

import argparse
import errno
import http.client
import io
import json
import os
import platform
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SUITE, MIRROR = "trixie", "http://deb.debian.org/debian"
# Megabytes of 1,000,000 bytes.
MAX_MB = {"cpu": 900}
# What the published slim image leaves out of Debian, too.
NOT_IN_SLIM = ("doc", "man", "locale", "info", "groff", "lintian", "linda")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Long enough for an emulated processor, which takes minutes.
START_S, STOP_S = 900, 40


def main() -> None:
    args = arguments()
    work = args.work or Path(tempfile.mkdtemp(prefix="prove-image-"))
    builder = Buildah(work, args.arch)
    if not builder.has(builder.base):
        make_base(builder, work / f"base-{args.arch}")
    tag = f"localhost/cutout-{args.arch}:{args.flavour}"
    builder.build(tag, args.flavour)
    with builder.mounted(tag) as (root, config):
        check_size(root, args.flavour)
        check_refusal(root, config)
        serve_one_image(root, config, photograph(args.photograph))
    say("proved", tag)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flavour", choices=("cpu", "cuda13", "cuda12"), default="cpu")
    parser.add_argument("--arch", choices=("amd64", "arm64"), default=own_arch())
    parser.add_argument("--photograph", type=Path, help="image to cut out; default: a drawn one")
    parser.add_argument("--work", type=Path, help="folder for base and layers, kept for next time")
    return parser.parse_args()


def own_arch() -> str:
    return "arm64" if platform.machine() == "aarch64" else "amd64"


def say(what: str, value: object) -> None:
    print(f"{what}: {value}", flush=True)


class Buildah:
    """buildah with its storage in a folder of ours."""

    def __init__(self, work: Path, arch: str) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.work, self.arch, self.base = work, arch, f"localhost/debian-{arch}:{SUITE}"
        self._command = ["buildah", "--root", str(work / "storage"), "--runroot"]
        self._command += [str(work / "run"), "--storage-driver", "overlay"]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments], stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
        )
        return done.stdout.strip()

    def has(self, tag: str) -> bool:
        return tag in self("images", "--format", "{{.Name}}:{{.Tag}}").split()

    def build(self, tag: str, flavour: str) -> None:
        """Run the Dockerfile; pip finds the certificates of this machine as a build secret."""
        pip = self.work / "pip.conf"
        pip.write_text("[global]\ncert = /run/secrets/ca\n")
        began = time.monotonic()
        self(
            *("build", "--isolation", "chroot", "--pull=never", "--layers", "--format", "docker"),
            *("--secret", f"id=pip,src={pip}", "--secret", f"id=ca,src={CERTIFICATES}"),
            *("--arch", self.arch, "--build-arg", f"BASE={self.base}"),
            *("--build-arg", f"FLAVOUR={flavour}", "--quiet"),
            *("--file", "deploy/Dockerfile", "--tag", tag, "."),
        )
        say("built", f"{tag} in {time.monotonic() - began:.0f} s")

    @contextmanager
    def mounted(self, tag: str) -> Iterator[tuple[Path, dict]]:
        """The image's files and its configuration."""
        container = self("from", "--pull=never", "--arch", self.arch, tag)
        try:
            config = json.loads(self("inspect", "--type", "image", tag))["Docker"]["config"]
            yield Path(self("mount", container)), config
        finally:
            self("rm", container)


def make_base(builder: Buildah, folder: Path) -> None:
    """What Debian publishes as its slim image, from its packages."""
    if not (folder / "etc").is_dir():
        options = ["--variant=minbase", f"--arch={builder.arch}"]
        subprocess.run(["debootstrap", *options, SUITE, folder, MIRROR], check=True)
    for name in NOT_IN_SLIM:
        shutil.rmtree(folder / "usr" / "share" / name, ignore_errors=True)
    for name in ("lib/apt/lists", "cache/apt"):
        shutil.rmtree(folder / "var" / name, ignore_errors=True)
    (folder / "etc/dpkg/dpkg.cfg.d/slim").write_text(
        "".join(f"path-exclude /usr/share/{name}/*\n" for name in NOT_IN_SLIM)
    )
    container = builder("from", "--arch", builder.arch, "scratch")
    builder("add", "--quiet", container, str(folder))
    builder("commit", "--quiet", "--rm", container, builder.base)
    say("base", f"{SUITE} for {builder.arch} by debootstrap, {megabytes(folder):.0f} MB")


def megabytes(folder: Path) -> float:
    """Bytes of all files, links counted once, in millions."""
    seen: dict[tuple[int, int], int] = {}
    for path, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(path, name))
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values()) / 1e6


def check_size(root: Path, flavour: str) -> None:
    models = megabytes(root / "opt/cutout/models")
    size = megabytes(root)
    say("size", f"{size:.0f} MB uncompressed, of which weights and graphs {models:.0f} MB")
    if size > MAX_MB.get(flavour, float("inf")):
        sys.exit(f"larger than {MAX_MB[flavour]} MB")


def command(root: Path, config: dict, inside: list[str], **more: str) -> list[str]:
    """What runs `inside` as the image says: its user, environment and folder, a read-only root."""
    env = [*config["Env"], *(f"{name}={value}" for name, value in more.items())]
    uid = config["User"].partition(":")[0]
    data = root / "var/lib/cutout"
    entered = f"cd {config['WorkingDir']} && exec {shlex.join(inside)}"
    steps = [
        f"mount --bind {root} {root}",
        f"mount -o remount,bind,ro {root}",
        f"mount -t tmpfs -o mode=1777,size=256m tmpfs {root}/tmp",
        f"mount -t tmpfs -o uid={uid},gid={uid},mode=0700 tmpfs {data}",
        f"mkdir {data}/uploads {data}/results && chown {uid}:{uid} {data}/uploads {data}/results",
        f"mount -t proc proc {root}/proc",
        f"mount -t sysfs -o ro sysfs {root}/sys",
        f"mount --rbind /dev {root}/dev",
        f"cd {root} && exec setpriv --no-new-privs chroot --userspec={config['User']} {root} "
        f"env -i {shlex.join(env)} "
        f"sh -c {shlex.quote(entered)}",
    ]
    return ["unshare", "--mount", "sh", "-euc", "\n".join(steps)]


def check_refusal(root: Path, config: dict) -> None:
    """Without a key the image starts for nobody."""
    done = subprocess.run(
        command(root, config, config["Cmd"]), capture_output=True, text=True, timeout=START_S
    )
    told = [line for line in done.stderr.splitlines() if "CUTOUT_KEYS" in line]
    say("without a key", f"exit status {done.returncode}: {'; '.join(told)}")
    if done.returncode == 0 or not told:
        sys.exit("it should have refused to start")


def serve_one_image(root: Path, config: dict, image: bytes) -> None:
    """Start, wait for the image's own health check, cut one image out, stop."""
    key = "cutout_" + secrets.token_urlsafe(32)
    more = {"CUTOUT_PORT": str(free_port()), "CUTOUT_KEYS": f"prove={key}"}
    began = time.monotonic()
    service = subprocess.Popen(command(root, config, config["Cmd"], **more))
    try:
        wait_healthy(root, config, more, service)
        say("healthy after", f"{time.monotonic() - began:.1f} s, by its own HEALTHCHECK")
        check_process(service)
        say("device", device(int(more["CUTOUT_PORT"])))
        cut(int(more["CUTOUT_PORT"]), key, image)
    finally:
        service.send_signal(signal.SIGTERM)
        say("exit status after SIGTERM", service.wait(STOP_S))


def wait_healthy(root: Path, config: dict, more: dict, service: subprocess.Popen) -> None:
    kind, *check = config["Healthcheck"]["Test"]
    inside = check if kind == "CMD" else ["sh", "-c", *check]
    limit = time.monotonic() + START_S
    while True:
        probe = command(root, config, inside, **more)
        if subprocess.run(probe, capture_output=True).returncode == 0:
            return
        if service.poll() is not None or time.monotonic() > limit:
            sys.exit("the service did not become healthy")
        time.sleep(0.5)


def check_process(service: subprocess.Popen) -> None:
    """Its user, and that neither root nor code nor weights can be written to from inside."""
    status = Path(f"/proc/{service.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    say("runs as", f"uid {facts['Uid'].split()[0]}, effective capabilities {facts['CapEff']}")
    if facts["Uid"].split()[0] == "0" or int(facts["CapEff"], 16):
        sys.exit("it should run without rights")
    for path in ("", "opt/cutout/app", "opt/cutout/models"):
        probe = f"/proc/{service.pid}/root/{path}/probe"
        try:
            open(probe, "w").close()
        except OSError as error:
            say(f"root writes to /{path}", error.strerror)
            if error.errno != errno.EROFS:
                sys.exit("it should be read-only")
        else:
            sys.exit(f"/{path} can be written to")


def device(port: int) -> str:
    """Where the model runs and why, by /health."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("GET", "/health")
    told = json.loads(link.getresponse().read())["device"]
    return ", ".join(f"{name}: {value}" for name, value in told.items())


def cut(port: int, key: str, image: bytes) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    edge = secrets.token_hex(8)
    head = f'--{edge}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    body = head.encode() + image + f"\r\n--{edge}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}", "X-API-Key": key}
    link.request("POST", "/remove-bg", body, kind)
    answer = link.getresponse()
    data = answer.read()
    if answer.status != 200:
        sys.exit(f"status {answer.status}: {data.decode()}")
    alpha = np.asarray(Image.open(io.BytesIO(data)))[..., 3]
    share = float((alpha > 127).mean())
    say("cut out", f"{alpha.shape[1]} x {alpha.shape[0]} px, subject on {share:.1%} of them")
    say("its time", answer.headers["Server-Timing"])
    if not 0.02 < share < 0.98:
        sys.exit("there is a subject, and a background")


def photograph(path: Path | None) -> bytes:
    """The file, or a bright disc on a dark ground."""
    if path:
        return path.read_bytes()
    y, x = np.mgrid[:480, :640]
    disc = (y - 240) ** 2 + (x - 320) ** 2 < 150**2
    buffer = io.BytesIO()
    pixels = np.where(disc[..., None], np.uint8([230, 120, 60]), np.uint8([40, 60, 70]))
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
