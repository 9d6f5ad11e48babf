"""MNN on its CPU backend; `prepare.py` makes its files."""

import MNN
import numpy as np

from . import FEATURES, PROMPT, RESULTS

# The runtime's choices for a lane's precision. Weights stay 8-bit in memory, and activations are
# quantized as they come, only where memory is low.
CHOICES = {
    "f32": {"precision": "high", "memory": "high"},
    "bf16": {"precision": "low", "memory": "high"},
    "fp16": {"precision": "low", "memory": "high"},
    "int8": {"precision": "low", "memory": "low"},
}


class Engine:
    def __init__(self, args, inputs):
        self.threads = args.threads
        self.choices = [CHOICES[args.encoder_precision], CHOICES[args.decoder_precision]]
        self.encoder = self._module(args.encoder, self.choices[0], ("image",), FEATURES)
        names = FEATURES + PROMPT
        self.decoder = self._module(args.decoder, self.choices[1], names, RESULTS)
        self.image = [variable(inputs["image"])]
        self.prompt = [variable(inputs[name]) for name in PROMPT]

    def _module(self, path, choice, inputs, outputs):
        config = {"backend": 0, "numThread": self.threads, "power": "high", **choice}
        manager = MNN.nn.create_runtime_manager((config,))
        return MNN.nn.load_module_from_file(
            str(path), list(inputs), list(outputs), runtime_manager=manager, shape_mutable=False
        )

    def encode(self):
        self.features = self.encoder.forward(self.image)

    def click(self):
        self.results = self.decoder.forward(self.features + self.prompt)

    def outputs(self):
        values = self.features + self.results
        return {
            name: value.read() for name, value in zip(FEATURES + RESULTS, values, strict=True)
        }

    def version(self):
        return f"MNN {MNN.version()}"

    def setting(self):
        said = [f"precision {c['precision']}, memory {c['memory']}" for c in self.choices]
        return f"numThread {self.threads}, power high, {' and '.join(dict.fromkeys(said))}"


def variable(array):
    array = np.ascontiguousarray(array, dtype=np.float32)
    made = MNN.expr.placeholder(list(array.shape), MNN.expr.NCHW, MNN.expr.float)
    made.write(array)
    return made
