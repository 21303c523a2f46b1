"""The model: one rembg session, its weights verified, its maps computed by our runtime."""

import os
import time
from pathlib import Path
from typing import NamedTuple

# First of all imports: it keeps every library's telemetry off.
import cutout  # noqa: F401

# isort: split
import numpy as np
from PIL.Image import Image, fromarray

from cutout import files, images, pipeline, weights
from cutout.deferred import deferred
from cutout.errors import ConfigurationError, InvalidValue
from cutout.models import own, processing
from cutout.models.table import ModelSpec
from cutout.options import Options
from cutout.runtimes import Runtime, RuntimeConfig, RuntimePool
from cutout.settings import Settings
from cutout.settings import load as load_settings

# What rembg imports for its own alpha matting, prompts and downloads, which nothing here uses.
# pymatting brings numba and llvmlite: 210 MB and a second of start; the others half a second.
ALPHA_MATTING = {
    "pymatting.alpha.estimate_alpha_cf": ["estimate_alpha_cf"],
    "pymatting.foreground.estimate_foreground_ml": ["estimate_foreground_ml"],
    "pymatting.util.util": ["stack_images"],
    "scipy.ndimage": ["binary_erosion"],
    "scipy.special": ["log_softmax"],
}
PROMPTS = {"jsonschema": ["validate"]}
DOWNLOADS = {"pooch": ["retrieve"]}

with (
    deferred(ALPHA_MATTING, needed_for="rembg's alpha matting"),
    deferred(PROMPTS, needed_for="rembg's prompts"),
    deferred(DOWNLOADS, needed_for="rembg's downloads"),
):
    from rembg.sessions import sessions_class
    from rembg.sessions.base import BaseSession


class Input(NamedTuple):
    """What rembg reads of a model's input."""

    name: str


class InnerSession:
    """What rembg calls its inner session: inputs and outputs by name, computed by `runtime`."""

    def __init__(self, runtime: Runtime) -> None:
        """Answer rembg's calls with `runtime`."""
        self.runtime = runtime

    def get_inputs(self) -> list[Input]:
        """One input; rembg asks for its name only."""
        return [Input("input")]

    def run(self, names: list[str] | None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """(N, 3, S, S) -> one output (N, 1, S, S), as rembg's sessions read it."""
        return [self.runtime.run(feed["input"])[:, None]]


def rembg_session(model_name: str, runtime: Runtime) -> BaseSession:
    """Rembg's own session class for the model, on our runtime instead of a download of its own."""
    known = {cls.name(): cls for cls in sessions_class}
    if model_name not in known:
        raise ConfigurationError(f"rembg knows no model {model_name!r}.")

    class Session(known[model_name]):
        def __init__(self) -> None:
            self.model_name, self.inner_session = model_name, InnerSession(runtime)

    return Session()


class OwnSession(BaseSession):
    """For rembg: a model of one's own, which rembg has no class for."""

    def __init__(self, spec: ModelSpec, runtime: Runtime) -> None:
        """Keep the model's row and what computes its maps."""
        self.model_name, self.spec, self.runtime = spec.name, spec, runtime

    def predict(self, img: Image, *args: object, **kwargs: object) -> list[Image]:
        """One grey mask of the image's size."""
        rgb = np.asarray(img.convert("RGB"))
        tensor = processing.prepare(self.spec, rgb, self.runtime.config.input_size)
        scores = processing.activate(self.spec, self.runtime.run(tensor[None]))[0]
        alpha = processing.finish(scores, rgb.shape[:2])
        return [fromarray(np.rint(alpha * 255).astype(np.uint8))]


class RembgModel:
    """U²-Net (Qin et al. 2020), a sibling, or a model of one's own, through rembg.

    One instance holds one session and is meant to live as long as the process. Everything may be
    called from any thread; of `infer`, `parallel_runs` calls compute at once and the others wait.
    """

    def __init__(self, model_name: str = "u2net", settings: Settings | None = None) -> None:
        """Find and verify the weights, open the device; settings default to the environment.

        model_name: of the table of models, or the path of an ONNX file, see `cutout.models.own`.
        Raises WeightsUnavailable, WeightsCorrupt, DeviceUnavailable or ConfigurationError.
        """
        settings = settings or load_settings()
        spec = self.spec = own.find_spec(model_name)
        self.name, self.input_size = spec.name, spec.input_size
        self.input_sizes, self.calibration = spec.input_sizes, spec.calibration
        remote = settings.runtime == "triton"
        path = Path() if remote else weights.ensure_spec(spec, models_dir=settings.models_dir)
        # What no table holds must be hashed: graphs derived from the file are named by it.
        self.sha256 = spec.sha256 or (files.hash_of(path) if path.is_file() and spec.path else None)
        self._runtimes = RuntimePool(
            RuntimeConfig(
                weights=path,
                sha256=self.sha256 or spec.md5 or "",
                model_name=spec.name,
                input_size=self.input_size,
                cache_dir=path
                if remote
                else settings.cache_dir or weights.derived_folder(path, os.environ),
                device=settings.device,
                precision=spec.precision if settings.precision == "auto" else settings.precision,
                ranges=spec.ranges,
                runtime=settings.runtime,
                threads=settings.threads or None,
                url=settings.triton_url,
            )
        )
        self.runtime = self._runtimes.get(self.input_size)
        self.session = (
            OwnSession(spec, self.runtime) if spec.path else rembg_session(spec.name, self.runtime)
        )

    @property
    def preferred_batch(self) -> int:
        """Images the device runs best in one pass."""
        return self.runtime.preferred_batch

    @property
    def parallel_runs(self) -> int:
        """Calls of `infer` that are worth computing at once."""
        return self.runtime.parallel_runs

    def describe(self) -> dict[str, str | None]:
        """Name and hashes of the weights."""
        return {"name": self.name, "md5": self.spec.md5, "sha256": self.sha256}

    def device(self) -> dict[str, object]:
        """Device asked for and active, runtime, precision, versions, degraded or not."""
        return self.runtime.describe()

    def open_sizes(self, sides: set[int], timeout: float | None = None) -> None:
        """Compile the model for further input sizes (px), in the caller's thread.

        Others are served meanwhile. Waits at most `timeout` seconds for a compilation that
        another thread began; then NotReady. A failed one raises its error again for a while.
        """
        end = None if timeout is None else time.monotonic() + timeout
        for side in sides:
            self._runtimes.get(side, None if end is None else max(0.0, end - time.monotonic()))

    def prepare(self, rgb: np.ndarray, side: int | None = None, fit: str = "stretch") -> np.ndarray:
        """(H, W, 3) uint8 -> (3, S, S) float32; see `cutout.models.processing.prepare`."""
        return processing.prepare(self.spec, rgb, side, fit)

    def infer(self, tensors: list[np.ndarray]) -> list[np.ndarray]:
        """Scores (S, S) float32 in [0, 1] of each tensor (3, S, S); none depends on the others."""
        runtime = self._runtimes.get(tensors[0].shape[1])
        return list(processing.activate(self.spec, runtime.run(np.stack(tensors))))

    def infer_one(self, tensor: np.ndarray) -> np.ndarray:
        """`infer` for a single tensor."""
        return self.infer([tensor])[0]

    def finish(self, scores: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
        """(S, S) float32 -> alpha (H, W) float32; see `cutout.models.processing.finish`."""
        return processing.finish(scores, size, fit)

    def remove_bg(
        self, image_path: str | Path, output_path: str | Path, options: Options | None = None
    ) -> None:
        """Write the cut-out of an image file, by default as an RGBA PNG of the same size.

        Raises FileNotFoundError, the errors of `cutout.images` for files that are no image, or
        InvalidValue for options that ask for another model.
        """
        plan = pipeline.make_plan(options or Options())
        if (asked := plan.options.model_name) not in ("", self.name):
            raise InvalidValue(f"This is the model {self.name}, not {asked}.", field="model")
        image = images.decode(Path(image_path).read_bytes())
        result = pipeline.cut_out(image, plan, self, self.infer_one)
        files.write_atomically(Path(output_path), result.data)
