"""ONNX Runtime's quantizer.

`u8s8` and `s8s8` are static, in QDQ form: products and convolutions, weights with a scale a
channel, activations with the ranges seen on the calibration frames. `dynamic` measures
activations as they come. Which is fastest is for the race to find out; OpenVINO reads the static
ones, too.
"""

import numpy as np
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import NETWORKS

LAYERS = ["MatMul", "Conv", "Gemm", "ConvTranspose"]

# Type of activations, and whether their zero is zero: OpenVINO 2026.4.1 refuses the decoder where
# it is not.
STATIC = {"u8s8": (QuantType.QUInt8, False), "s8s8": (QuantType.QInt8, True)}


class Reader(CalibrationDataReader):
    def __init__(self, cases):
        self.left = iter(cases)

    def get_next(self):
        return next(self.left, None)


def arrays(folder):
    return {file.stem: np.load(file) for file in sorted(folder.glob("*.npy"))}


def convert(graphs, calibration, out):
    folders = sorted(path for path in calibration.iterdir() if path.is_dir())
    frames = [arrays(folder) for folder in folders]
    encoder, decoder = (graphs / f"{name}.onnx" for name in NETWORKS)
    session = onnxruntime.InferenceSession(encoder, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    images = [{"image": frame.pop("image")} for frame in frames]
    features = [dict(zip(names, session.run(names, image), strict=True)) for image in images]
    clicks = [found | frame for found, frame in zip(features, frames, strict=True)]
    quantize(encoder, images, out / "image_encoder")
    quantize(decoder, clicks, out / "mask_decoder")


def quantize(path, cases, out):
    prepared = out.with_name(f"{out.name}-prepared.onnx")
    # What is constant is folded and shapes become known, as the quantizer asks.
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    for form, (activations, symmetric) in STATIC.items():
        quantize_static(
            prepared,
            out.with_name(f"{out.name}-{form}.onnx"),
            Reader(cases),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=LAYERS,
            per_channel=True,
            activation_type=activations,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            # Products of two activations stay in float: measured, 8 bits make them no faster.
            extra_options={"MatMulConstBOnly": True, "ActivationSymmetric": symmetric},
        )
    dynamic = out.with_name(f"{out.name}-dynamic.onnx")
    quantize_dynamic(prepared, dynamic, per_channel=True, weight_type=QuantType.QInt8)
    prepared.unlink()
