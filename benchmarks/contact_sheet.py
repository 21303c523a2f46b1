"""Draw docs/contact-sheet.png: rembg's result and ours on four backgrounds.

python -m benchmarks.contact_sheet [--out docs/contact-sheet.png]

Images of scikit-image: astronaut (NASA, public domain), chelsea (Stefan van der Walt, CC0),
coffee (Rachel Michetti, CC0), rocket (SpaceX, public domain).
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import rembg
from PIL import Image, ImageDraw
from skimage import data

from cutout.compose.backgrounds import over
from cutout.matting.foreground import decontaminate
from cutout.refine.edges import snap_edges
from cutout.settings import Settings
from u2net import RembgModel

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
TILE, ZOOM = 224, 4
BACKGROUNDS = {"black": (0, 0, 0), "white": (255, 255, 255), "magenta": (255, 0, 255)}
LABEL = 16


def checkerboard(shape, square=8):
    rows, columns = np.indices(shape)
    light = (rows // square + columns // square) % 2 == 0
    return np.repeat(np.where(light, 255, 190).astype(np.uint8)[..., None], 3, axis=2)


def ours(rgb, alpha):
    """Our steps after the model on rembg's own alpha, so that only these steps differ."""
    alpha = snap_edges(rgb, alpha, "auto")
    return decontaminate(rgb, alpha), alpha


def of_rembg(rgb, model):
    rgba = np.asarray(rembg.remove(Image.fromarray(rgb), session=model.session))
    return np.ascontiguousarray(rgba[..., :3]), rgba[..., 3] / np.float32(255)


def window(centre, side, shape):
    """Slices of a square window around a point, moved inside the image."""
    starts = [
        int(np.clip(middle - side // 2, 0, size - side))
        for middle, size in zip(centre, shape, strict=True)
    ]
    return tuple(slice(start, start + side) for start in starts)


def softest(alpha, side):
    """The point with the most partly transparent pixels around it."""
    softness = cv2.boxFilter(alpha * (1 - alpha), -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    return np.unravel_index(np.argmax(softness), alpha.shape)


def row(first, result, part, zoom):
    """One row of tiles: `first`, then the result on each background."""
    front, alpha = result
    grounds = [checkerboard(alpha.shape), *(np.uint8(c) for c in BACKGROUNDS.values())]
    tiles = [first, *(over(front, alpha, ground)[0] for ground in grounds)]
    return np.hstack([np.kron(tile[part], np.ones((zoom, zoom, 1), np.uint8)) for tile in tiles])


def labelled(tiles, text):
    strip = Image.new("RGB", (tiles.shape[1], LABEL), "white")
    ImageDraw.Draw(strip).text((4, 2), text, fill="black")
    return np.vstack([np.asarray(strip), tiles])


def sheet(name, model):
    rgb = getattr(data, name)()
    rembg_result = of_rembg(rgb, model)
    results = {"rembg": rembg_result, "ours": ours(rgb, rembg_result[1])}
    # The window is where rembg's edge is softest, so that its choice does not favour our result.
    centre = softest(results["rembg"][1], TILE // ZOOM)
    rows = []
    for zoom in (1, ZOOM):
        part = window(centre, TILE // zoom, rgb.shape[:2])
        for source, result in results.items():
            # The original in every second row only, so that the file stays small.
            first = rgb if source == "rembg" else np.full_like(rgb, 255)
            text = f"{name}, {source}, {100 * zoom} %"
            rows.append(labelled(row(first, result, part, zoom), text))
    return np.vstack(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/contact-sheet.png"))
    args = parser.parse_args()
    model = RembgModel("u2net", Settings(precision="fp32", runtime="onnxruntime", device="cpu"))
    image = Image.fromarray(np.vstack([sheet(name, model) for name in NAMES]))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    image.save(args.out, optimize=True)
    print(f"{args.out}: {image.width} x {image.height}, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
