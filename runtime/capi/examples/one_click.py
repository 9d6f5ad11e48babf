"""One click, one mask, from Python without any package: one_click.py LIBRARY FRAME.pgm X Y MASK.pgm

LIBRARY is the path of libuniultra_c.so. Frames are binary PGM files of 8 bit; NumPy arrays work, too:
pass `array.ctypes.data` as pixels.
"""

import ctypes as c
import sys
from pathlib import Path

OK, GRAY8, POSITIVE, ABI_VERSION = 0, 1, 1, 1


class Handle(c.Structure):
    """uniultra_segmenter, uniultra_encoded, uniultra_prediction."""

    _fields_ = [("id", c.c_uint64)]


class Sized(c.Structure):
    """A structure that says its own size, as every one in uniultra.h does."""

    def __init__(self, **fields):
        super().__init__(struct_size=c.sizeof(self), **fields)


class Error(Sized):
    _fields_ = [("struct_size", c.c_uint32), ("code", c.c_int32), ("message", c.c_char * 512)]


class Frame(Sized):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("format", c.c_uint32),
        ("width", c.c_uint32),
        ("height", c.c_uint32),
        ("pixels", c.c_void_p),
        ("pixels_bytes", c.c_size_t),
        ("stride_bytes", c.c_size_t),
        ("timestamp", c.c_int64),
        ("um_per_pixel", c.c_float),
        ("reserved", c.c_uint32),
    ]


class Prompts(Sized):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("point_count", c.c_uint32),
        ("points_xy", c.POINTER(c.c_float)),
        ("point_labels", c.POINTER(c.c_uint32)),
        ("has_box", c.c_uint32),
        ("corners", c.c_float * 4),
        ("mask_token", c.c_uint32),
        ("mask_from", Handle),
    ]


class PredictionInfo(Sized):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("width", c.c_uint32),
        ("height", c.c_uint32),
        ("mask_side", c.c_uint32),
        ("token", c.c_uint32),
        ("multimask_token", c.c_uint32),
        ("predicted_iou", c.c_float * 4),
        ("object_score", c.c_float),
        ("um_per_pixel", c.c_float),
        ("timestamp", c.c_int64),
        ("preprocess_ms", c.c_float),
        ("encode_ms", c.c_float),
        ("decode_ms", c.c_float),
        ("reserved", c.c_uint32),
    ]


class Library:
    """libuniultra_c, with exceptions for error codes."""

    def __init__(self, path):
        self.functions = c.CDLL(path)
        version = self.functions.uniultra_abi_version()
        if version < ABI_VERSION:
            raise RuntimeError(f"{path}: expected ABI {ABI_VERSION} or later, found {version}")

    def call(self, name, *arguments):
        error = Error()
        if getattr(self.functions, name)(*arguments, c.byref(error)) != OK:
            raise RuntimeError(f"{name}: error {error.code}: {error.message.decode()}")


def read_pgm(path):
    """Width, height and pixels."""
    magic, width, height, most, pixels = Path(path).read_bytes().split(maxsplit=4)
    if magic != b"P5" or most != b"255":
        raise ValueError(f"{path}: expected a binary PGM of 8 bit")
    # One byte of white space ends the header; a dark pixel may look like more of it.
    pixels = Path(path).read_bytes()[-int(width) * int(height) :]
    return int(width), int(height), pixels


def main(library, image, x, y, out):
    uniultra = Library(library)
    width, height, pixels = read_pgm(image)
    frame = Frame(
        format=GRAY8,
        width=width,
        height=height,
        pixels=c.cast(c.c_char_p(pixels), c.c_void_p),
        pixels_bytes=len(pixels),
        stride_bytes=width,
        um_per_pixel=100.0,
    )
    prompts = Prompts(
        point_count=1,
        points_xy=(c.c_float * 2)(float(x), float(y)),
        point_labels=(c.c_uint32 * 1)(POSITIVE),
    )
    segmenter, encoded, prediction = Handle(), Handle(), Handle()
    try:
        uniultra.call("uniultra_open_embedded", None, c.byref(segmenter))
        uniultra.call("uniultra_encode", segmenter, c.byref(frame), c.byref(encoded))
        uniultra.call("uniultra_predict", encoded, c.byref(prompts), c.byref(prediction))
        info = PredictionInfo()
        uniultra.call("uniultra_prediction_describe", prediction, c.byref(info))
        mask = (c.c_uint8 * (width * height))()
        uniultra.call(
            "uniultra_prediction_mask",
            prediction,
            c.c_uint32(info.token),
            mask,
            c.c_size_t(width),
            c.c_size_t(len(mask)),
        )
    finally:
        for name, handle in (
            ("uniultra_prediction_free", prediction),
            ("uniultra_encoded_free", encoded),
            ("uniultra_segmenter_free", segmenter),
        ):
            if handle.id:
                uniultra.call(name, handle)
    white = bytes(255 * pixel for pixel in mask)
    Path(out).write_bytes(b"P5\n%d %d\n255\n" % (width, height) + white)
    print(f"{sum(mask)} px, predicted IoU {info.predicted_iou[info.token]:.2f}")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("expected LIBRARY FRAME.pgm X Y MASK.pgm")
    main(*sys.argv[1:])
