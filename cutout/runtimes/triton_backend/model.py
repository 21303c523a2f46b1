"""Runs `model.onnx` beside this file under Triton's Python backend.

For servers without the onnxruntime backend. `cutout triton-repository` copies this file; it needs
numpy and onnxruntime in the server's Python and nothing of this package.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb


class TritonPythonModel:
    """One loaded graph."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the graph; use the GPU where the instance has one."""
        folder = Path(args["model_repository"]) / args["model_version"]
        options = onnxruntime.SessionOptions()
        options.enable_cpu_mem_arena = False
        gpu = args["model_instance_kind"] == "GPU"
        providers = ["CUDAExecutionProvider"] if gpu else []
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=[*providers, "CPUExecutionProvider"]
        )

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests that the server put together, in one pass where sizes agree."""
        inputs = [
            {
                name: pb.get_input_tensor_by_name(request, name).as_numpy()
                for name in ("levels", "box")
            }
            for request in requests
        ]
        answers: dict[int, np.ndarray] = {}
        for shape in {item["levels"].shape[1:] for item in inputs}:
            same = [i for i, item in enumerate(inputs) if item["levels"].shape[1:] == shape]
            feed = {
                name: np.concatenate([inputs[i][name] for i in same]) for name in ("levels", "box")
            }
            counts = np.cumsum([len(inputs[i]["levels"]) for i in same])[:-1]
            parts = np.split(self.session.run(["answer"], feed)[0], counts)
            answers.update(zip(same, parts, strict=True))
        return [
            pb.InferenceResponse([pb.Tensor("answer", answers[i])]) for i in range(len(requests))
        ]
