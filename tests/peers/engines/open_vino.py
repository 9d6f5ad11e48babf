"""OpenVINO on its CPU plugin, which is oneDNN and its own kernels."""

import openvino

from . import FEATURES, PROMPT, RESULTS

# What INFERENCE_PRECISION_HINT is for a lane's precision. An int8 graph says itself which of its
# layers are 8-bit; the hint is for the others.
HINTS = {"f32": "f32", "bf16": "bf16", "int8": "f32", "int8-bf16": "bf16"}


class Engine:
    def __init__(self, args, inputs):
        self.threads = args.threads
        self.hints = [HINTS[args.encoder_precision], HINTS[args.decoder_precision]]
        self.core = openvino.Core()
        image = {"image": openvino.Tensor(inputs["image"], shared_memory=True)}
        self.encoder = self._request(args.encoder, self.hints[0], image)
        features = {name: self.encoder.get_tensor(name) for name in FEATURES}
        prompt = {name: openvino.Tensor(inputs[name], shared_memory=True) for name in PROMPT}
        self.decoder = self._request(args.decoder, self.hints[1], features | prompt)

    def _request(self, path, hint, inputs):
        model = self.core.read_model(path)
        # Of fixed shape: with the number of points left open the plugin plans less.
        model.reshape({name: list(tensor.shape) for name, tensor in inputs.items()})
        options = {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": hint,
        }
        request = self.core.compile_model(model, "CPU", options).create_infer_request()
        for name, tensor in inputs.items():
            request.set_tensor(name, tensor)
        return request

    def encode(self):
        self.encoder.infer(share_outputs=True)

    def click(self):
        self.decoder.infer(share_outputs=True)

    def outputs(self):
        pairs = [(self.encoder, FEATURES), (self.decoder, RESULTS)]
        return {name: request.get_tensor(name).data for request, names in pairs for name in names}

    def version(self):
        return f"openvino {openvino.__version__.split('-')[0]}"

    def setting(self):
        hints = " and ".join(dict.fromkeys(self.hints))
        return (
            f"INFERENCE_NUM_THREADS {self.threads}, NUM_STREAMS 1, LATENCY, "
            f"INFERENCE_PRECISION_HINT {hints}, fixed shapes, tensors shared"
        )
