"""Well-known networks, written for ncnn from their published architectures.

Others have timed them on boards (`tools/estimate/data/measured.toml`), and `cargo xtask race
--classics` counts them. Only shapes matter to either: ncnn's own benchmark runs them with weights
of 0.
"""

from .mobile import mnasnet, mobilenet, mobilenet_v2, shufflenet_v2
from .plain import alexnet, squeezenet
from .residual import resnet18, resnet50

# In the order of the table; by the names of ncnn's benchmark.
NETWORKS = {
    "squeezenet": squeezenet,
    "squeezenet_int8": lambda: squeezenet(int8=True),
    "mobilenet": mobilenet,
    "mobilenet_int8": lambda: mobilenet(int8=True),
    "mobilenet_v2": mobilenet_v2,
    "shufflenet_v2": shufflenet_v2,
    "mnasnet": mnasnet,
    "resnet18": resnet18,
    "resnet18_int8": lambda: resnet18(int8=True),
    "alexnet": alexnet,
    "resnet50": resnet50,
    "resnet50_int8": lambda: resnet50(int8=True),
}
