"""ONNX Runtime on its CPU provider, which is its own MLAS."""

import numpy as np
import onnxruntime

from . import FEATURES, PROMPT, RESULTS


class Engine:
    def __init__(self, args, inputs):
        self.threads = args.threads
        value = onnxruntime.OrtValue.ortvalue_from_numpy
        self.encoder, encoder_outputs = self._bind(
            args.encoder, {"image": value(inputs["image"])}, FEATURES
        )
        prompt = {name: value(inputs[name]) for name in PROMPT}
        self.decoder, decoder_outputs = self._bind(args.decoder, encoder_outputs | prompt, RESULTS)
        self.values = encoder_outputs | decoder_outputs

    def _bind(self, path, inputs, names):
        """A session whose inputs and outputs stay where they are, and the outputs by name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        shapes = {output.name: output.shape for output in session.get_outputs()}
        create = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        outputs = {name: create(shapes[name], np.float32, "cpu") for name in names}
        binding = session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in outputs.items():
            binding.bind_ortvalue_output(name, value)
        return (session, binding), outputs

    def encode(self):
        session, binding = self.encoder
        session.run_with_iobinding(binding)

    def click(self):
        session, binding = self.decoder
        session.run_with_iobinding(binding)

    def outputs(self):
        return {name: value.numpy() for name, value in self.values.items()}

    def version(self):
        return f"onnxruntime {onnxruntime.__version__}"

    def setting(self):
        return (
            f"intra_op_num_threads {self.threads}, inter_op_num_threads 1, all graph "
            "optimisations, inputs and outputs bound"
        )
