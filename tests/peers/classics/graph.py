"""A network as the text that ncnn reads: a line for each layer, its inputs and outputs by name."""

# The first line of every such file.
MAGIC = 7767517

# How int8 layers hand on what they computed: in floats, or as the bytes that the next one reads.
# That of a depthwise convolution is one less, for it has one scale for all its channels.
FLOATS, BYTES = 2, 102


class Tensor:
    """An output of a layer: its name and shape."""

    def __init__(self, name, channels, side):
        self.name = name
        self.channels = channels
        self.side = side


class Graph:
    """Layers in order. Every method adds one and gives its output."""

    def __init__(self, side):
        self.side = side
        self.layers = []

    def add(self, kind, inputs, channels, side, outputs=1, **keys):
        """A layer; `keys` are ncnn's numbers with an underscore before them."""
        name = f"{kind.lower()}{len(self.layers)}"
        made = [Tensor(f"{name}_{i}", channels, side) for i in range(outputs)]
        self.layers.append((kind, name, list(inputs), made, keys))
        return made[0] if outputs == 1 else made

    def data(self):
        return self.add("Input", [], 3, self.side, _0=self.side, _1=self.side, _2=3)

    def conv(self, x, channels, kernel, stride=1, pad=0, relu=True, groups=1, int8=0):
        """A convolution with its bias and, if asked for, ReLU in the same layer."""
        side = (x.side + 2 * pad - kernel) // stride + 1
        weights = channels * (x.channels // groups) * kernel * kernel
        keys = {"_0": channels, "_1": kernel, "_3": stride, "_4": pad, "_5": 1, "_6": weights}
        if groups > 1:
            keys["_7"] = groups
        if int8:
            keys["_8"] = int8 - (1 if groups > 1 else 0)
        if relu:
            keys["_9"] = 1
        kind = "ConvolutionDepthWise" if groups > 1 else "Convolution"
        return self.add(kind, [x], channels, side, **keys)

    def max_pool(self, x, kernel=3, stride=2):
        """Whose last window may hang over the edge."""
        side = -(-(x.side - kernel) // stride) + 1
        return self.add("Pooling", [x], x.channels, side, _1=kernel, _2=stride)

    def mean(self, x):
        return self.add("Pooling", [x], x.channels, 1, _0=1, _4=1)

    def dense(self, x, features, relu=False, int8=0):
        keys = {"_0": features, "_1": 1, "_2": features * x.channels * x.side * x.side}
        if int8:
            keys["_8"] = int8
        if relu:
            keys["_9"] = 1
        return self.add("InnerProduct", [x], features, 1, **keys)

    def sum(self, a, b):
        return self.add("Eltwise", [a, b], a.channels, a.side, _0=1)

    def concat(self, a, b):
        return self.add("Concat", [a, b], a.channels + b.channels, a.side)

    def relu(self, x):
        return self.add("ReLU", [x], x.channels, x.side)

    def softmax(self, x):
        return self.add("Softmax", [x], x.channels, x.side)

    def text(self):
        """With a layer `Split` wherever several read the same tensor, which ncnn asks for."""
        readers = {}
        for _, _, inputs, _, _ in self.layers:
            for tensor in inputs:
                readers[tensor.name] = readers.get(tensor.name, 0) + 1
        lines, blobs, taken = [], 0, {}
        for kind, name, inputs, outputs, keys in self.layers:
            names = []
            for tensor in inputs:
                if readers[tensor.name] > 1:
                    copy = taken.get(tensor.name, 0)
                    taken[tensor.name] = copy + 1
                    names.append(f"{tensor.name}_copy{copy}")
                else:
                    names.append(tensor.name)
            made = [tensor.name for tensor in outputs]
            lines.append(line(kind, name, names, made, keys))
            blobs += len(made)
            for tensor in outputs:
                count = readers.get(tensor.name, 0)
                if count > 1:
                    copies = [f"{tensor.name}_copy{i}" for i in range(count)]
                    lines.append(line("Split", f"split_{tensor.name}", [tensor.name], copies, {}))
                    blobs += count
        return "\n".join([str(MAGIC), f"{len(lines)} {blobs}", *lines]) + "\n"


def line(kind, name, inputs, outputs, keys):
    words = [kind, name, str(len(inputs)), str(len(outputs)), *inputs, *outputs]
    words += [f"{key.removeprefix('_')}={value}" for key, value in keys.items()]
    return " ".join(words)
