"""Writes the first seeds of the fuzz targets: small whole files of each kind that a reader knows.

Needs Pillow, numpy and onnx. Fuzzing adds to them (`cargo xtask fuzz --keep`).
"""

import gzip
import io
import json
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(__file__).resolve().parent / "seeds"


def write(target: str, name: str, content: bytes) -> None:
    """Writes one seed."""
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def pixels(width: int, height: int, channels: int) -> np.ndarray:
    """A gradient, the same every time."""
    x = np.arange(width * height * channels, dtype=np.uint32)
    return (x * 37 % 251).astype(np.uint8).reshape(height, width, channels)


def frames() -> None:
    """Images of 18 x 17 pixels in every format that frames may have."""
    gray = Image.fromarray(pixels(18, 17, 1)[:, :, 0])
    rgb = Image.fromarray(pixels(18, 17, 3))
    deep = Image.fromarray(pixels(18, 17, 1)[:, :, 0].astype(np.uint16) * 16)
    for name, image, options in [
        ("gray.png", gray, {}),
        ("rgb.png", rgb, {}),
        ("deep.png", deep, {}),
        ("gray.jpg", gray, {"quality": 80}),
        ("rgb.jpg", rgb, {"quality": 80}),
        ("progressive.jpg", rgb, {"quality": 80, "progressive": True}),
        ("restart.jpg", rgb, {"quality": 80, "restart_marker_blocks": 1}),
        ("rgb.bmp", rgb, {}),
        ("gray.tif", gray, {}),
        ("lzw.tif", rgb, {"compression": "tiff_lzw"}),
        ("deep.tif", deep, {}),
        ("gray.pgm", gray, {}),
        ("rgb.ppm", rgb, {}),
    ]:
        file = io.BytesIO()
        kinds = {"jpg": "JPEG", "tif": "TIFF", "pgm": "PPM"}
        kind = name.rsplit(".", 1)[1]
        image.save(file, kinds.get(kind, kind.upper()), **options)
        write("frame_decode", name, file.getvalue())


def checkpoints() -> None:
    """A safetensors file, and PyTorch's files of both formats with one tensor."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    values = np.arange(4, dtype="<f4").tobytes()
    write("checkpoint", "small.safetensors", struct.pack("<Q", len(header)) + header + values)
    # The opcodes that torch.save writes for {"a": tensor}, protocol 2.
    text = lambda t: b"X" + struct.pack("<I", len(t)) + t.encode()
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04tQ"
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage
        + b"K\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR"
    )
    program = b"\x80\x02}" + text("a") + tensor + b"s."
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in [("data.pkl", program), ("data/0", values), ("version", b"3\n")]:
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
    write("checkpoint", "small.pt", file.getvalue())
    # Before PyTorch 1.6: five pickles, then each storage behind its number of elements.
    pickles = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, None, ["0"]]
    parts = [pickle.dumps(part, protocol=2) for part in pickles]
    parts[3] = program.replace(b"K\x04tQ", b"K\x04NtQ")
    write("checkpoint", "legacy.pt", b"".join(parts) + struct.pack("<q", 4) + values)
    write("checkpoint", "plain.pkl", pickle.dumps({"a": 1}, protocol=4))


def masks_and_prompts() -> None:
    """Mask prompts after a byte that chooses the mask; a box and two points as raw floats."""
    for name, shape in [("one.npy", (16, 16)), ("four.npy", (4, 16, 16))]:
        file = io.BytesIO()
        np.save(file, np.linspace(-4, 4, int(np.prod(shape)), dtype="<f4").reshape(shape))
        write("mask_prompt", name, (b"\xff" if len(shape) == 2 else b"\x02") + file.getvalue())
    box = struct.pack("<4f", 10, 20, 300, 200)
    point = struct.pack("<2fB", 50, 60, 1) + struct.pack("<2fB", 70, 90, 0)
    write("prompts", "box_and_points", b"\x01" + box + point)
    write("prompts", "not_a_number", b"\x00" + struct.pack("<2fB", float("nan"), 1, 1))


def nifti(order: str, kind: int, value: str) -> bytes:
    """A NIfTI file of 3 x 2 samples in a byte order."""
    header = bytearray(352)
    for place, code, number in [
        (0, "i", 348),
        (40, "h", 3),
        (42, "h", 3),
        (44, "h", 2),
        (46, "h", 1),
        (70, "h", kind),
        (80, "f", 0.3),
        (84, "f", 0.15),
        (108, "f", 352),
        (112, "f", 2),
        (116, "f", 1),
    ]:
        struct.pack_into(order + code, header, place, number)
    header[123] = 2
    header[344:348] = b"n+1\0"
    return bytes(header) + struct.pack(f"{order}6{value}", *range(1, 7))


def volumes() -> None:
    """Pictures as NIfTI and MetaImage: byte orders, kinds of samples, packed or not, in colour."""
    write("volume", "bytes.nii.gz", gzip.compress(nifti("<", 2, "B"), mtime=0))
    write("volume", "short.nii", nifti("<", 4, "h"))
    write("volume", "float_big_endian.nii", nifti(">", 16, "f"))
    lines = b"ObjectType = Image\nNDims = 2\nBinaryData = True\nDimSize = 3 2\nElementSpacing = 0.3 0.15\n"
    local = b"ElementDataFile = LOCAL\n"
    samples = bytes(range(6))
    write("volume", "bytes.mha", lines + b"ElementType = MET_UCHAR\n" + local + samples)
    packed = b"CompressedData = True\nElementType = MET_UCHAR\n" + local + zlib.compress(samples)
    write("volume", "packed.mha", lines + packed)
    order = b"ElementByteOrderMSB = True\nElementType = MET_USHORT\n"
    write("volume", "short.mha", lines + order + local + struct.pack(">6H", *range(6)))
    colour = b"DimSize = 1 2 3\nElementType = MET_UCHAR\n"
    write("volume", "planes.mha", b"NDims = 3\n" + colour + local + samples)
    outside = b"ElementType = MET_UCHAR\nElementDataFile = other.raw\n"
    write("volume", "outside.mhd", lines + outside)


def texts() -> None:
    """A manifest and board profiles of this project."""
    write("manifest", "f32.toml", (ROOT / "models/uniultra-mini/model.toml").read_bytes())
    write("manifest", "int8.toml", (ROOT / "models/uniultra-mini-int8/model.toml").read_bytes())
    for board in ["host", "rk3588"]:
        write("board", f"{board}.toml", (ROOT / f"boards/{board}.toml").read_bytes())


def graphs() -> None:
    """Small ONNX graphs: a linear layer, a convolution."""
    weight = numpy_helper.from_array(np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8), "w")
    linear = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="blocks.0/attn/qkv/MatMul")],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 8])],
        [weight],
    )
    kernel = numpy_helper.from_array(np.linspace(-1, 1, 72, dtype=np.float32).reshape(8, 1, 3, 3), "k")
    convolution = helper.make_graph(
        [helper.make_node("Conv", ["image", "k"], ["y"], name="patch_embed", kernel_shape=[3, 3])],
        "convolution",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 64, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 62, 62])],
        [kernel],
    )
    for name, graph in [("linear.onnx", linear), ("convolution.onnx", convolution)]:
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        onnx.checker.check_model(model)
        for target in ["onnx_load", "quantize_graph"]:
            write(target, name, model.SerializeToString())


if __name__ == "__main__":
    frames()
    checkpoints()
    masks_and_prompts()
    volumes()
    texts()
    graphs()
    sys.stdout.write(f"seeds in {SEEDS}\n")
