"""The 8-bit graph: onnxruntime's quantiser with activation ranges that were measured once.

Weights are 7-bit per channel, activations 8-bit per tensor, in QDQ form, which every engine reads.
"""

from typing import TYPE_CHECKING, NotRequired, TypedDict

from cutout.runtimes.bias_correction import correct_biases

if TYPE_CHECKING:
    # Imported by the caller, who has a model already.
    from onnx import ModelProto


class Ranges(TypedDict):
    """What `benchmarks/calibrate.py` measured.

    tensors: name -> [lowest, highest] activation; keep_fp32: names of nodes left in fp32; method:
    how the extremes of single images were combined; images: how many there were; bias_corrections:
    of `bias_correction`, absent from files written before it.
    """

    tensors: dict[str, list[float]]
    keep_fp32: list[str]
    method: str
    images: int
    bias_corrections: NotRequired[dict[str, list[float]]]


def quantise(model: "ModelProto", ranges: Ranges) -> "ModelProto":
    """The same graph with pairs of quantise and dequantise nodes; `model` itself is used up.

    Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018.
    """
    import numpy as np
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    correct_biases(model, ranges.get("bias_corrections", {}), ranges["keep_fp32"])
    tensors = {
        name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges["tensors"].items()
    }
    quantiser = QDQQuantizer(
        model,
        per_channel=True,
        # Weights in 7 bits: processors without VNNI add two products in 16 bits, and full 8-bit
        # weights overflow there (one image of 40 lost .42 of its IoU, 7 bits lost .02 at most).
        # With 7 bits the arithmetic is exact, and the result the same, on every processor.
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, tensors),
        nodes_to_quantize=None,
        nodes_to_exclude=ranges["keep_fp32"],
        op_types_to_quantize=["Conv", "MaxPool", "Resize", "Concat", "Add"],
        # A convolution is fused with the activation after it: 8 bits come after both.
        extra_options={"OpTypesToExcludeOutputQuantization": ["Conv"]},
    )
    quantiser.quantize_model()
    return quantiser.model.model
