"""Makes what the peers run of the packs' ONNX files: conversions, and int8 by each peer's own tools.

    python prepare.py --engine onnxruntime --graphs DIR --calibration DIR --out DIR

`--graphs` is a pack's folder. What is made is called `image_encoder-FORM` and `mask_decoder-FORM`
with the engine's suffix; README.md lists the forms. Exits with 1 and one line on stderr where an
engine's tool fails.
"""

import argparse
import importlib
import sys
from pathlib import Path

TOOLS = {
    "onnxruntime": "conversions.onnx_runtime",
    "mnn": "conversions.mnn_files",
    "ncnn": "conversions.ncnn_files",
}


def main():
    parser = argparse.ArgumentParser(description="Makes what the peers run of a pack's ONNX files.")
    parser.add_argument("--engine", required=True, choices=TOOLS)
    for folder in ("graphs", "calibration", "out"):
        parser.add_argument(f"--{folder}", required=True, type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    importlib.import_module(TOOLS[args.engine]).convert(args.graphs, args.calibration, args.out)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # any tool's own
        print(" ".join(f"{type(error).__name__}: {error}".split()), file=sys.stderr)
        sys.exit(1)
