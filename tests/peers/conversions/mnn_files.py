"""MNN's converter, and two rewritings without which MNN 3.6.1 computes something else.

`f32` is converted without a change; `int8` holds 8-bit weights.
"""

import _tools  # MNN's converter; the module around it, MNN.tools.mnnconvert, installs packages
import numpy as np
import onnx
from onnx import helper, numpy_helper

from . import NETWORKS

FORMS = {"f32": [], "int8": ["--weightQuantBits", "8"]}


def convert(graphs, calibration, out):
    del calibration
    for name in NETWORKS:
        rewritten = out / f"{name}-rewritten.onnx"
        onnx.save(rewrite(onnx.load(graphs / f"{name}.onnx")), rewritten)
        for form, options in FORMS.items():
            made = out / f"{name}-{form}.mnn"
            made.unlink(missing_ok=True)
            files = ["--modelFile", str(rewritten), "--MNNModel", str(made)]
            _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--bizCode", "race", *files, *options])
            if not made.is_file():
                raise RuntimeError(f"MNN's converter wrote no {made.name}")
        rewritten.unlink()


def rewrite(model):
    """The same function in a form that MNN gets right."""
    graph = model.graph
    for value in graph.input:
        for dim in value.type.tensor_type.shape.dim:
            # One click: MNN plans once for fixed shapes.
            if dim.dim_param:
                dim.dim_value = 1
    weights = {weight.name: weight for weight in graph.initializer}
    for name, size in dict(column_biases(model, weights)).items():
        full = np.repeat(numpy_helper.to_array(weights[name]), size, axis=1)
        weights[name].CopyFrom(numpy_helper.from_array(full, name))
    nodes = []
    for node in graph.node:
        nodes.extend(blend(node) if node.op_type == "Where" else [node])
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def column_biases(model, weights):
    """Biases `[R, 1]` of products `[R, R]`: MNN adds them along the other axis."""
    inferred = onnx.shape_inference.infer_shapes(model)
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in inferred.graph.value_info
    }
    products = {node.output[0] for node in model.graph.node if node.op_type == "MatMul"}
    for node in model.graph.node:
        if node.op_type == "Add" and node.input[0] in products and node.input[1] in weights:
            shape = shapes[node.input[0]]
            square = len(shape) == 2 and shape[0] == shape[1]
            if square and list(weights[node.input[1]].dims) == [shape[0], 1]:
                yield node.input[1], shape[1]


def blend(node):
    """`Where` as `b + c * (a - b)`: MNN's own gives NaN for a condition of one value, spread over
    both of its branches.
    """
    condition, yes, no = node.input
    name = node.output[0]
    return [
        helper.make_node("Cast", [condition], [f"{name}/c"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Sub", [yes, no], [f"{name}/difference"]),
        helper.make_node("Mul", [f"{name}/difference", f"{name}/c"], [f"{name}/part"]),
        helper.make_node("Add", [f"{name}/part", no], [name]),
    ]
