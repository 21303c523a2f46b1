"""IoU, Dice and MAE of a data set through the running service, image by image over HTTP.

    python -m benchmarks.service_quality --set ../shared/data/ecssd300 --url http://localhost:5000
    python -m benchmarks.service_quality --set ../shared/data/ecssd300 -F edges=off

The set has folders `image` and `mask` whose files match by stem. The service must be running.
"""

import argparse
import json
import statistics
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.machine import machine

FIGURES = ("iou", "dice", "paper_mae", "pixel_accuracy")
BOUNDARY = "benchmark-boundary"


def pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    masks = {path.stem: path for path in (folder / "mask").iterdir()}
    for image in sorted((folder / "image").iterdir()):
        yield image, masks[image.stem]


def form(image: Path, mask: Path, fields: dict[str, str]) -> bytes:
    parts = [(f'name="{name}"', text.encode()) for name, text in fields.items()]
    files = {"image": image, "mask": mask}
    parts += [(f'name="{n}"; filename="{p.name}"', p.read_bytes()) for n, p in files.items()]
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    body = b"".join((head + name + "\r\n\r\n").encode() + data + b"\r\n" for name, data in parts)
    return body + f"--{BOUNDARY}--\r\n".encode()


def evaluate(url: str, body: bytes) -> dict:
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(f"{url}/evaluate", body, kind)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", type=Path, required=True)
    parser.add_argument("--url", default="http://localhost:5000")
    parser.add_argument("-F", action="append", default=[], metavar="NAME=VALUE", dest="fields")
    args = parser.parse_args()
    fields = dict(text.split("=", 1) for text in args.fields) | {"measures": "mask,paper"}
    rows = [evaluate(args.url, form(*pair, fields)) for pair in pairs(args.set)]
    print(machine())
    print({name: rows[0]["device"][name] for name in ("runtime", "precision")}, fields)
    print(f"{len(rows)} images of {args.set.name}")
    for name in FIGURES:
        values = [row[name] for row in rows]
        mean, median = statistics.fmean(values), statistics.median(values)
        print(
            f"{name:15} mean {mean:.4f}  median {median:.4f}  worst "
            f"{(max if 'mae' in name else min)(values):.4f}"
        )
    predicted = statistics.fmean(row["quality"]["predicted_iou"] for row in rows)
    print(f"predicted_iou   mean {predicted:.4f}")


if __name__ == "__main__":
    main()
