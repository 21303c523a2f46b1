"""A computable stand-in for the model, for tests of the plumbing: brightness is the subject."""

import threading

import numpy as np
from PIL import Image


class StandIn:
    """Scores are the image's brightness; counts its calls and can be held up."""

    preferred_batch = 4
    parallel_runs = 1
    input_size = 32
    input_sizes = (32, 320, 384, 512)
    calibration = None

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.go = threading.Event()
        self.go.set()

    def describe(self) -> dict:
        return {"name": "stand-in", "md5": "", "sha256": ""}

    def device(self) -> dict:
        return {
            "asked": "cpu",
            "active": "cpu",
            "device": "cpu",
            "precision": "fp32",
            "degraded": False,
        }

    def prepare(self, rgb: np.ndarray, side: int | None = None, fit: str = "stretch") -> np.ndarray:
        small = Image.fromarray(rgb).resize((side or self.input_size,) * 2, Image.Resampling.BOX)
        return np.asarray(small, np.float32).transpose(2, 0, 1) / 255

    def infer(self, tensors: list[np.ndarray]) -> list[np.ndarray]:
        self.calls.append(len(tensors))
        self.go.wait(10)
        return [tensor.mean(axis=0) for tensor in tensors]

    def open_sizes(self, sides: set[int], timeout: float | None = None) -> None:
        """Any size will do."""

    def finish(self, scores: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
        full = Image.fromarray(np.float32(scores > 0.35)).resize(
            size[::-1], Image.Resampling.NEAREST
        )
        return np.array(full)
