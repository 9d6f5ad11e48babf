"""ncnn's converter for ONNX, pnnx: a program that comes as a package."""

import shutil
import subprocess
import sys
from pathlib import Path

from . import NETWORKS


def convert(graphs, calibration, out):
    del calibration
    # Beside the interpreter's packages; importing `pnnx` would need PyTorch.
    program = next(Path(folder) / "pnnx/pnnx" for folder in sys.path if is_program(folder))
    for name in NETWORKS:
        work = out / name
        work.mkdir(exist_ok=True)
        shutil.copyfile(graphs / f"{name}.onnx", work / "network.onnx")
        command = [program, "network.onnx", "fp16=0"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        param = work / "network.ncnn.param"
        if done.returncode != 0 or not param.is_file():
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise RuntimeError(f"pnnx: {name}: {lines[-1] if lines else done.returncode}")
        for suffix in ("param", "bin"):
            made = work / f"network.ncnn.{suffix}"
            made.replace(out / f"{name}-f32.{suffix}")
        shutil.rmtree(work)


def is_program(folder):
    return (Path(folder) / "pnnx/pnnx").is_file()
