"""What a request will need, from its options and the headers of its images alone.

The figures are peaks of memory and medians of time over whole requests, measured once with mattes
that are soft everywhere, rounded up; `python -m benchmarks.worst_mix` shows that the sum holds.
"""

from dataclasses import dataclass

from cutout.compose import canvas, geometry
from cutout.images import Header
from cutout.options import Options

# Bytes a pixel of the image, for a matte that is soft everywhere: typical ones take three fifths.
IMAGE_BYTES = 26
# What comes on top, by option.
FORMAT_BYTES = {"png": 0, "webp": 16, "jpeg": 0}
REFINED_BYTES, BACKDROP_BYTES = 8, 10
# Bytes a pixel of what comes beside the image, and of a result that is larger than it.
BACKGROUND_BYTES, LEVELS_BYTES, RESULT_BYTES = 14, 2, 26
# While an image is decoded, before the others are; two bytes a sample need more.
DECODING_BYTES, DEEP_BYTES = 14, 12
# While maps are measured, one group after the other, and while the overlay is painted.
MEASURE_BYTES = {"mask": 20, "boundary": 20, "paper": 38, "soft": 50, "pysodmetrics": 96}
OVERLAY_BYTES = 26
# Time, as a multiple of that for the plain image, for each pixel.
MATTING_WORK = {"off": 0.0, "closed-form": 4.0, "knn": 20.0}
MEASURE_WORK = {"mask": 0.3, "boundary": 6.0, "paper": 4.0, "soft": 8.0, "pysodmetrics": 35.0}
BESIDE_WORK, REFINED_WORK = 0.3, 1.0
# Of `quality=best`: two more passes of the model.
BEST_WORK = 10e6
REFINING = ("smooth", "feather", "drop_specks", "fill_holes", "enhance_edges")


@dataclass(frozen=True)
class Needs:
    """bytes: of memory at the peak. work: the time, in pixels of a plain image."""

    bytes: float
    work: float

    def __add__(self, other: "Needs") -> "Needs":
        """Of what is in memory together."""
        return Needs(self.bytes + other.bytes, self.work + other.work)

    def then(self, other: "Needs") -> "Needs":
        """Of two parts of the work, of which the second begins when the first has ended."""
        return Needs(max(self.bytes, other.bytes), self.work + other.work)


@dataclass(frozen=True)
class Inputs:
    """Headers of the images of a request. levels: masks, trimap, strokes, predictions.

    margin: room around the subject that may reach beyond the image, and makes the result larger.
    """

    image: Header
    levels: tuple[Header, ...] = ()
    background: Header | None = None
    margin: geometry.Margin | None = None

    @property
    def beside(self) -> tuple[Header, ...]:
        return (*self.levels, self.background) if self.background else self.levels


def pixels(header: Header) -> int:
    height, width = header.size
    return height * width


def of_removal(inputs: Inputs, options: Options) -> Needs:
    """For an image's matte and its result."""
    count = pixels(inputs.image)
    refined = any(getattr(options, name) is not None for name in REFINING)
    behind = options.background == "blur" or options.shadow != "off" or options.blend == "linear"
    each = IMAGE_BYTES + FORMAT_BYTES[options.format]
    each += max(refined * REFINED_BYTES, behind * BACKDROP_BYTES)
    work = 1 + MATTING_WORK[options.matting] * options.matting_iterations + refined * REFINED_WORK
    best = Needs(0, BEST_WORK if options.quality == "best" else 0)
    image = Needs(count * each, count * work) + best
    return _decoding(inputs).then(image + _beside(inputs) + _larger(inputs, options))


def of_measures(count: int, groups: tuple[str, ...], overlay: bool) -> Needs:
    """For measures of two maps of `count` pixels."""
    each = max(MEASURE_BYTES[name] for name in groups)
    work = sum(MEASURE_WORK[name] for name in groups)
    painted = Needs(count * OVERLAY_BYTES, count) if overlay else Needs(0, 0)
    return Needs(count * each, count * work).then(painted)


def of_maps(inputs: Inputs) -> Needs:
    """For maps that are only decoded."""
    count = pixels(inputs.image)
    return _decoding(inputs).then(
        Needs(count * LEVELS_BYTES, count * BESIDE_WORK) + _beside(inputs)
    )


def _decoding(inputs: Inputs) -> Needs:
    """Images are decoded one after the other, before the rest of the work."""
    peak = max(
        pixels(header) * (DECODING_BYTES + (DEEP_BYTES if header.depth > 8 else 0))
        for header in (inputs.image, *inputs.beside)
    )
    return Needs(peak, 0)


def _beside(inputs: Inputs) -> Needs:
    kept = sum(pixels(header) * LEVELS_BYTES for header in inputs.levels)
    if inputs.background:
        kept += pixels(inputs.background) * BACKGROUND_BYTES
    return Needs(kept, BESIDE_WORK * sum(map(pixels, inputs.beside)))


def _larger(inputs: Inputs, options: Options) -> Needs:
    """For the part of a result that is larger than its image."""
    height, width = inputs.image.size
    result = height * width
    if options.canvas != "none":
        rows, columns = canvas.parse_canvas(options.canvas)
        result = max(result, rows * columns)
    if inputs.margin is not None:
        box = geometry.with_margin((0, 0, height, width), inputs.margin, (height, width), True)
        result = max(result, box[2] * box[3])
    larger = result - height * width
    return Needs(larger * RESULT_BYTES, larger)
