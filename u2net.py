"""The model: one rembg session, its weights verified, its pictures computed by our runtime."""

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rembg.sessions import sessions_class
from rembg.sessions.base import BaseSession

from cutout import images, storage, weights
from cutout import settings as knobs
from cutout.errors import ConfigurationError
from cutout.options import Options
from cutout.parallel import MIN_CHUNK_ROWS, parallel_map, row_chunks
from cutout.pipeline import cut_out, plan
from cutout.resampling import lanczos
from cutout.runtimes import Runtime, RuntimeConfig, open_runtime


class Input(NamedTuple):
    """What rembg reads of a model's input."""

    name: str


class Inner:
    """What rembg calls its inner session: feeds and outputs by name, computed by `runtime`."""

    def __init__(self, runtime: Runtime) -> None:
        """Answer rembg's calls with `runtime`."""
        self.runtime = runtime

    def get_inputs(self) -> list:
        """One input; rembg asks for its name only."""
        return [Input("input")]

    def run(self, names: list | None, feed: dict) -> list[np.ndarray]:
        """(N, 3, S, S) -> one output (N, 1, S, S), as rembg's sessions read it."""
        return [self.runtime.run(feed["input"])[:, None]]


def rembg_session(model_name: str, runtime: Runtime) -> BaseSession:
    """Rembg's own session class for the model, on our runtime instead of a download of its own."""
    known = {cls.name(): cls for cls in sessions_class}
    if model_name not in known:
        raise ConfigurationError(f"rembg knows no model {model_name!r}.")

    class Session(known[model_name]):
        def __init__(self) -> None:
            self.model_name, self.inner_session = model_name, Inner(runtime)

    return Session()


class RembgModel:
    """U²-Net (Qin et al. 2020) or a sibling, through rembg.

    One instance holds one session and is meant to live as long as the process. `infer` has one
    caller at a time (the batcher); everything else may be called from any thread.
    """

    def __init__(self, model_name: str = "u2net", settings: knobs.Settings | None = None) -> None:
        """Find and verify the weights, open the device; settings default to the environment.

        Raises WeightsUnavailable, WeightsCorrupt, DeviceUnavailable or ConfigurationError.
        """
        settings = settings or knobs.load()
        self.spec = weights.spec_of(model_name)
        self.name, self.input_size = model_name, self.spec.input_size
        path = weights.ensure(model_name, models_dir=settings.models_dir)
        self._config = RuntimeConfig(
            weights=path,
            sha256=self.spec.sha256 or self.spec.md5,
            model_name=model_name,
            input_size=self.input_size,
            cache_dir=settings.cache_dir or weights.derived_folder(path, os.environ),
            device=settings.device,
            precision=settings.precision,
            runtime=settings.runtime,
            threads=settings.threads or None,
        )
        self.runtime = open_runtime(self._config)
        self._by_size = {self.input_size: self.runtime}
        self.session = rembg_session(model_name, self.runtime)

    @property
    def max_batch(self) -> int:
        """Pictures the device runs best in one pass."""
        return self.runtime.preferred_batch

    def describe(self) -> dict:
        """Name and hashes of the weights."""
        return {"name": self.name, "md5": self.spec.md5, "sha256": self.spec.sha256}

    def device(self) -> dict:
        """Device asked for and active, runtime, precision, versions, degraded or not."""
        return self.runtime.describe()

    def prepare(self, rgb: np.ndarray, side: int | None = None, fit: str = "stretch") -> np.ndarray:
        """Bring a picture (H, W, 3) uint8 to the model's square and normalise: (3, S, S) float32.

        As rembg does: LANCZOS, division by the picture's own brightest value, mean and std.
        side: S in px, the model's own by default. fit: `stretch`, or `pad` to keep the ratio;
        the padding has the mean colour, which is zero after normalisation.
        """
        side = side or self.input_size
        height, width = inner_size(rgb.shape[:2], side) if fit == "pad" else (side, side)
        unit = lanczos(rgb, (height, width)).astype(np.float32)
        unit /= max(float(unit.max()), 1e-6)
        unit -= np.float32(self.spec.mean)
        unit /= np.float32(self.spec.std)
        tensor = np.zeros((3, side, side), np.float32)
        tensor[:, :height, :width] = unit.transpose(2, 0, 1)
        return tensor

    def infer(self, tensors: list[np.ndarray]) -> list[np.ndarray]:
        """Scores (S, S) float32 of each tensor (3, S, S); a picture never depends on the others.

        Scores are in [0, 1] before any stretch: models that end in logits get their sigmoid here.
        """
        scores = self._runtime_for(tensors[0].shape[1]).run(np.stack(tensors))
        if self.spec.activation == "sigmoid":
            scores = 1 / (1 + np.exp(-scores))
        return list(scores)

    def _runtime_for(self, side: int) -> Runtime:
        """Other input sizes are compiled when first asked for; they are rare and cost memory."""
        if side not in self._by_size:
            self._by_size[side] = open_runtime(replace(self._config, input_size=side))
        return self._by_size[side]

    def infer_one(self, tensor: np.ndarray) -> np.ndarray:
        """`infer` for a single tensor."""
        return self.infer([tensor])[0]

    def visible(self, scores: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
        """The part of the scores (S, S) that shows the picture of `size`, its padding left out."""
        height, width = inner_size(size, scores.shape[0]) if fit == "pad" else scores.shape
        return scores[:height, :width]

    def finish(self, scores: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
        """Stretch the scores (S, S) to [0, 1] and to the picture's size: alpha (H, W) float32.

        A flat map holds no subject: alpha is 0 everywhere. 8 bits before the LANCZOS resize, as
        in rembg, whose mask this equals. fit: as in `prepare`.
        """
        scores = self.visible(scores, size, fit)
        low = scores.min()
        span = scores.max() - low
        unit = (scores - low) / span if span > 0 else np.zeros_like(scores)
        full = lanczos((unit.clip(0, 1) * 255).astype(np.uint8), size)
        alpha = np.empty(size, np.float32)
        parallel_map(
            lambda rows: np.multiply(full[rows], np.float32(1 / 255), out=alpha[rows]),
            row_chunks(size[0], MIN_CHUNK_ROWS),
        )
        return alpha

    def remove_bg(
        self, image_path: str | Path, output_path: str | Path, options: Options | None = None
    ) -> None:
        """Write the cut-out of an image file, by default as an RGBA PNG of the same size.

        Raises FileNotFoundError, or the errors of `cutout.images` for files that are no image.
        """
        made = plan(options or Options())
        picture = images.decode(Path(image_path).read_bytes())
        result = cut_out(picture, made, self, self.infer_one)
        storage.write_atomically(Path(output_path), result.encode())


def inner_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width of a picture of `size` scaled into a square of `side` px."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
