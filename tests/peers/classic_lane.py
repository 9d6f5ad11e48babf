"""One well-known network in ncnn, one process: what `cargo xtask race --classics` counts.

    python classic_lane.py FILE SIDE THREADS

FILE is a network of `classics`, SIDE that of its square input in pixels. It speaks the protocol of
lane.py: `load`, `encode` for a run, `quit`. It imports little: under emulation, NumPy alone takes
more instructions than most of these networks.
"""

import json
import os
import sys
import time

# As in lane.py: the file descriptor at whose writes is counted.
ANSWERS = 100


class Classic:
    """A network with the options of ncnn's own benchmark, `benchncnn`."""

    def __init__(self, file, side, threads):
        import ncnn

        self.version = ncnn.__version__
        self.net = ncnn.Net()
        opt = self.net.opt
        opt.lightmode = True
        opt.num_threads = threads
        self.allocators = (ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator())
        opt.blob_allocator, opt.workspace_allocator = self.allocators
        opt.use_winograd_convolution = True
        opt.use_sgemm_convolution = True
        opt.use_int8_inference = True
        opt.use_vulkan_compute = False
        opt.use_fp16_packed = True
        opt.use_fp16_storage = True
        opt.use_fp16_arithmetic = True
        opt.use_int8_storage = True
        opt.use_int8_arithmetic = True
        opt.use_packing_layout = True
        # Weights are zeros, as in benchncnn: no time depends on them.
        self.weights = ncnn.DataReaderFromEmpty()
        if self.net.load_param(file) != 0 or self.net.load_model(self.weights) != 0:
            raise ValueError(f"ncnn {self.version} does not load {file}")
        self.names = self.net.input_names()[0], self.net.output_names()[0]
        self.image = ncnn.Mat(side, side, 3)
        self.image.fill(0.01)

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input(self.names[0], self.image)
        code, self.result = extractor.extract(self.names[1])
        classes = self.result.w * self.result.h * self.result.c
        if code != 0 or classes != 1000:
            raise ValueError(f"expected 1000 classes, found {classes} (ncnn's code {code})")


def serve(arguments, reply):
    file, side, threads = arguments[0], int(arguments[1]), int(arguments[2])
    classic = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "load":
                start = time.perf_counter()
                classic = Classic(file, side, threads)
                reply(
                    {
                        "load_ms": (time.perf_counter() - start) * 1e3,
                        "before_mib": None,
                        "engine": f"ncnn {classic.version}",
                        "setting": f"num_threads {threads}, options of benchncnn",
                    }
                )
            case "encode":
                reply({"ms": [timed(classic) for _ in range(request["runs"])]})
            case "quit":
                reply({"peak_mib": None})
                return
            case other:
                raise ValueError(f"expected a request of the protocol, found `{other}`")


def timed(classic):
    """Milliseconds of a run: the emulator's, where it is emulated."""
    start = time.perf_counter()
    classic.run()
    return (time.perf_counter() - start) * 1e3


def answers():
    """Where answers go, an answer one write; what ncnn prints is sent to stderr."""
    os.dup2(1, ANSWERS)
    os.dup2(2, 1)

    def reply(answer):
        os.write(ANSWERS, (json.dumps(answer) + "\n").encode())

    return reply


if __name__ == "__main__":
    reply = answers()
    try:
        serve(sys.argv[1:], reply)
    except Exception as error:
        reply({"error": " ".join(f"{type(error).__name__}: {error}".split())})
        sys.exit(1)
