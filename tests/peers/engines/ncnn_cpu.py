"""ncnn, as far as it comes: its tensors have four axes at most, the networks' windows seven.

`prepare.py` converts with ncnn's own converter, pnnx. That leaves each reshape that ncnn cannot
express as a layer of a name with a dot, which ncnn does not have.
"""

from collections import Counter

import ncnn


class Engine:
    def __init__(self, args, inputs):
        del inputs
        net = ncnn.Net()
        net.opt.num_threads = args.threads
        if net.load_param(str(args.encoder)) == 0:
            raise NotImplementedError("ncnn loads the encoder now: write the rest of its lane")
        lines = args.encoder.read_text(encoding="ascii").splitlines()[2:]
        missing = Counter(line.split()[0] for line in lines if "." in line.split()[0])
        said = ", ".join(f"{name} ({count} times)" for name, count in missing.items())
        raise ValueError(
            f"ncnn {ncnn.__version__} has no layer for what its converter pnnx leaves of the image "
            f"encoder: {said}; its tensors have at most 4 axes"
        )
