"""The 8-bit graph: onnxruntime's own quantiser, fed with ranges measured once.

Weights are 8-bit per channel, activations 8-bit per tensor, in QDQ form, which every engine reads.
"""


def quantise(model, ranges: dict, *, reduce_range: bool):
    """The same graph with quantise/dequantise pairs.

    ranges: {"tensors": {name: [lowest, highest]}, "keep_fp32": [node names]}.
    reduce_range: weights in 7 bits. Jacob et al., "Quantization and Training of Neural Networks for
    Efficient Integer-Arithmetic-Only Inference", CVPR 2018.
    """
    import numpy as np
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    tensors = {
        name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges["tensors"].items()
    }
    quantiser = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=reduce_range,
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
