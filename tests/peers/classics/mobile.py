"""Networks for telephones, 224 px: convolutions of one channel each, or of one pixel."""

from .graph import BYTES, FLOATS, Graph


def depthwise(g, x, kernel, stride, relu=True, int8=0):
    pad = kernel // 2
    return g.conv(x, x.channels, kernel, stride, pad, relu=relu, groups=x.channels, int8=int8)


def mobilenet(int8=False):
    """MobileNet (Howard and others, 2017), full width."""
    floats, bytes_ = (FLOATS, BYTES) if int8 else (0, 0)
    g = Graph(224)
    x = g.conv(g.data(), 32, 3, 2, 1, int8=bytes_)
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    blocks += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for i, (channels, stride) in enumerate(blocks):
        x = depthwise(g, x, 3, stride, int8=bytes_)
        last = i == len(blocks) - 1
        x = g.conv(x, channels, 1, int8=floats if last else bytes_)
    g.softmax(g.dense(g.mean(x), 1000, int8=floats))
    return g


def inverted(g, x, expand, channels, kernel, stride, add):
    """An inverted residual: wide, depthwise, narrow."""
    y = g.conv(x, expand, 1) if expand else x
    y = depthwise(g, y, kernel, stride)
    y = g.conv(y, channels, 1, relu=False)
    if stride != 1 or channels != x.channels:
        return y
    return add(g, x, y)


def eltwise(g, x, y):
    return g.sum(x, y)


def binary(g, x, y):
    return g.add("BinaryOp", [x, y], x.channels, x.side)


def mobilenet_v2():
    """MobileNetV2 (Sandler and others, 2018)."""
    g = Graph(224)
    x = g.conv(g.data(), 32, 3, 2, 1)
    x = inverted(g, x, 32, 16, 3, 1, eltwise)
    stages = [(24, (2, 1)), (32, (2, 1, 1)), (64, (2, 1, 1, 1)), (96, (1, 1, 1))]
    stages += [(160, (2, 1, 1)), (320, (1,))]
    for channels, strides in stages:
        for stride in strides:
            x = inverted(g, x, 6 * x.channels, channels, 3, stride, eltwise)
    x = g.conv(x, 1280, 1)
    g.softmax(g.dense(g.mean(x), 1000))
    return g


def mnasnet():
    """MnasNet-A (Tan and others, 2018) without squeeze and excitation."""
    g = Graph(224)
    x = g.conv(g.data(), 32, 3, 2, 1)
    x = inverted(g, x, 0, 16, 3, 1, binary)
    stages = [(3, 24, 3, 2, 3), (3, 40, 5, 2, 3), (6, 80, 5, 2, 3)]
    stages += [(6, 96, 3, 1, 2), (6, 192, 5, 2, 4), (6, 320, 3, 1, 1)]
    for factor, channels, kernel, stride, blocks in stages:
        for block in range(blocks):
            step = stride if block == 0 else 1
            x = inverted(g, x, factor * x.channels, channels, kernel, step, binary)
    x = g.conv(x, 1280, 1)
    g.softmax(g.dense(g.mean(x), 1000))
    return g


def shufflenet_v2():
    """ShuffleNet V2 (Ma and others, 2018), full width."""
    g = Graph(224)
    x = g.max_pool(g.conv(g.data(), 24, 3, 2, 1))
    for half, blocks in ((58, 4), (116, 8), (232, 4)):
        for block in range(blocks):
            if block == 0:
                left = g.conv(depthwise(g, x, 3, 2, relu=False), half, 1)
                right, stride = x, 2
            else:
                cut = f"2,{half},-233"
                left, right = g.add("Slice", [x], half, x.side, outputs=2, **{"_-23300": cut})
                stride = 1
            right = g.conv(right, half, 1)
            right = g.conv(depthwise(g, right, 3, stride, relu=False), half, 1)
            x = g.concat(left, right)
            x = g.add("ShuffleChannel", [x], x.channels, x.side, _0=2)
    x = g.conv(x, 1024, 1)
    g.softmax(g.dense(g.mean(x), 1000))
    return g
