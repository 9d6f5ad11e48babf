"""Checks a model pack with the ONNX checker and runs it in ONNX Runtime.

    python check_onnx.py PACK CASES RESULTS

CASES holds `image.npy` and one folder a prompt with the decoder's prompt inputs, each a float32
`.npy` named after its tensor. RESULTS gets what ONNX Runtime computes: the encoder's outputs, and
one folder a prompt with the decoder's. The decoder is fed the features of ONNX Runtime's own
encoder, so differences of a whole run show.

Exits with 1 and one line on stderr at the first thing that is wrong.
"""

import hashlib
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

OPSETS = range(17, 25)
NETWORKS = ("image_encoder", "mask_decoder")
DTYPES = {"f32": onnx.TensorProto.FLOAT}
FORMATS = {"f32": ["FLOAT"], "f16": ["FLOAT", "FLOAT16"]}


class Refused(Exception):
    """The pack breaks a rule; the message says which, expected and found."""


def expect(what, expected, found):
    if expected != found:
        raise Refused(f"{what}: expected {expected}, found {found}")


def check_file(path, network):
    """Size and hash are those of model.toml, computed here apart from our own code."""
    content = path.read_bytes()
    expect(f"{path.name}: bytes", network["bytes"], len(content))
    expect(f"{path.name}: sha256", network["sha256"], hashlib.sha256(content).hexdigest())


def check_weights(path, model, stored, precision):
    """Weights are stored as model.toml says, and f16 is read by nothing but a Cast to f32."""
    formats = {w.name: onnx.TensorProto.DataType.Name(w.data_type) for w in model.graph.initializer}
    found = sorted(set(formats.values()) - {"INT64"})
    if precision == "int8":
        expect(f"{path.name}: 8-bit weights", True, "INT8" in found)
        # One of the two files may have no large weight left in float.
        found = sorted({*found, *FORMATS[stored]} - {"INT8"})
    expect(f"{path.name}: formats of weights", FORMATS[stored], found)
    for node in model.graph.node:
        if any(formats.get(name) == "FLOAT16" for name in node.input):
            to = [attribute.i for attribute in node.attribute if attribute.name == "to"]
            reader = (node.op_type, to)
            expect(f"{path.name}: reader of `{node.input[0]}`", ("Cast", [DTYPES["f32"]]), reader)


def check_graph(path, network, form):
    """Valid, self-contained, standard ONNX with the tensors that model.toml promises."""
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    expect(f"{path.name}: opset domains", [""], [entry.domain for entry in model.opset_import])
    opset = model.opset_import[0].version
    if opset not in OPSETS:
        raise Refused(f"{path.name}: expected opset {OPSETS[0]} to {OPSETS[-1]}, found {opset}")
    expect(f"{path.name}: local functions", 0, len(model.functions))
    check_weights(path, model, form["weights"], form["precision"])
    for node in model.graph.node:
        expect(f"{path.name}: domain of {node.op_type} `{node.name}`", "", node.domain)
    for weight in model.graph.initializer:
        external = weight.data_location == onnx.TensorProto.EXTERNAL
        expect(f"{path.name}: external data of `{weight.name}`", False, external)
    for side in ("inputs", "outputs"):
        graph = model.graph.input if side == "inputs" else model.graph.output
        expect(
            f"{path.name}: {side}",
            [(spec["name"], DTYPES[spec["dtype"]], spec["shape"]) for spec in network[side]],
            [described(value) for value in graph],
        )
    print(f"{path.name}: opset {opset}, {len(model.graph.node)} nodes")


def described(value):
    """Name, element type and shape of a graph input or output, as model.toml writes them."""
    tensor = value.type.tensor_type
    shape = [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in tensor.shape.dim
    ]
    return value.name, tensor.elem_type, shape


def session(path):
    options = onnxruntime.SessionOptions()
    # Two threads are what the smallest machine of the gate has.
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(network, inputs, folder):
    """Runs one network and writes each output; gives the outputs by name."""
    names = [output.name for output in network.get_outputs()]
    outputs = dict(zip(names, network.run(names, inputs), strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in outputs.items():
        np.save(folder / f"{name}.npy", value)
    return outputs


def arrays(folder):
    return {file.stem: np.load(file, allow_pickle=False) for file in sorted(folder.glob("*.npy"))}


def main(pack, cases, results):
    manifest = tomllib.loads((pack / "model.toml").read_text(encoding="utf-8"))
    for name in NETWORKS:
        path = pack / manifest[name]["file"]
        check_file(path, manifest[name])
        check_graph(path, manifest[name], manifest["model"])
    encoder, decoder = (session(pack / manifest[name]["file"]) for name in NETWORKS)
    features = run(encoder, arrays(cases), results)
    prompts = sorted(folder for folder in cases.iterdir() if folder.is_dir())
    for folder in prompts:
        run(decoder, features | arrays(folder), results / folder.name)
    print(f"ran {len(prompts)} prompts")


if __name__ == "__main__":
    try:
        if len(sys.argv) != 4:
            raise Refused("usage: check_onnx.py PACK CASES RESULTS")
        main(*map(Path, sys.argv[1:]))
    except Exception as error:  # any of three libraries' own; all mean that the pack is refused
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
