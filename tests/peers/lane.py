"""One peer in the race of `cargo xtask race`: one engine, one pair of networks, one process.

    python lane.py --engine NAME --encoder FILE --encoder-precision P
                   --decoder FILE --decoder-precision P --inputs DIR --threads N

Requests come on stdin and answers go to stdout, one JSON object a line; README.md has the
protocol. An answer with `error` is the last.
"""

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

ENGINES = {
    "onnxruntime": "engines.onnx_runtime",
    "openvino": "engines.open_vino",
    "mnn": "engines.mnn_cpu",
    "ncnn": "engines.ncnn_cpu",
}

# The file descriptor of answers: one that nothing else has, for `cargo xtask race --arm` counts at writes
# to it.
ANSWERS = 100


def timed(runs, work):
    """Milliseconds of each of `runs` runs."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1e3)
    return taken


def memory_mib(field):
    """A line of this process's status, in MiB; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = [int(line.split()[1]) for line in lines if line.startswith(field + ":")]
    return kib[0] / 1024 if kib else None


def write_outputs(outputs, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in outputs.items():
        value = np.ascontiguousarray(value, dtype=np.float32)
        np.save(folder / f"{name}.npy", value.reshape(-1))


def load(args, inputs):
    before_mib = memory_mib("VmRSS")
    # The time is the engine's, not that of importing its bindings.
    module = importlib.import_module(ENGINES[args.engine])
    start = time.perf_counter()
    engine = module.Engine(args, inputs)
    load_ms = (time.perf_counter() - start) * 1e3
    return engine, {
        "load_ms": load_ms,
        "before_mib": before_mib,
        "engine": engine.version(),
        "setting": engine.setting(),
    }


def serve(args, reply):
    inputs = {file.stem: np.load(file) for file in sorted(args.inputs.glob("*.npy"))}
    engine = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "load":
                engine, answer = load(args, inputs)
            case "encode":
                answer = {"ms": timed(request["runs"], engine.encode)}
            case "click":
                answer = {"ms": timed(request["runs"], engine.click)}
            case "outputs":
                write_outputs(engine.outputs(), Path(request["folder"]))
                answer = {}
            case "quit":
                reply({"peak_mib": memory_mib("VmHWM")})
                return
            case other:
                raise ValueError(f"expected a request of the protocol, found `{other}`")
        reply(answer)


def arguments():
    parser = argparse.ArgumentParser(description="One peer in the race of `cargo xtask race`.")
    parser.add_argument("--engine", required=True, choices=ENGINES)
    for network in ("encoder", "decoder"):
        parser.add_argument(f"--{network}", required=True, type=Path)
        parser.add_argument(f"--{network}-precision", required=True)
    parser.add_argument("--inputs", required=True, type=Path)
    parser.add_argument("--threads", required=True, type=int)
    return parser.parse_args()


def answers():
    """Where answers go. Engines print to stdout, too: what they say is sent to stderr."""
    os.dup2(1, ANSWERS)
    pipe = os.fdopen(ANSWERS, "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(answer):
        print(json.dumps(answer), file=pipe, flush=True)

    return reply


if __name__ == "__main__":
    reply = answers()
    try:
        serve(arguments(), reply)
    except Exception as error:  # any engine's own
        message = f"{type(error).__name__}: {error}"
        reply({"error": " ".join(message.split())})
        sys.exit(1)
