"""ResNets (He and others, 2015) as of Caffe, 224 px: a block strides in its first convolution."""

from .graph import BYTES, FLOATS, Graph

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))


def stem(int8):
    g = Graph(224)
    return g, g.max_pool(g.conv(g.data(), 64, 7, 2, 3, int8=int8))


def head(g, x, int8):
    g.softmax(g.dense(g.mean(x), 1000, int8=int8))
    return g


def resnet18(int8=False):
    floats, bytes_ = (FLOATS, BYTES) if int8 else (0, 0)
    g, x = stem(floats)
    for width, stride in STAGES:
        for block in range(2):
            step = stride if block == 0 else 1
            # The first block has a convolution in its shortcut even where the widths agree.
            short = g.conv(x, width, 1, step, relu=False, int8=floats) if block == 0 else x
            y = g.conv(x, width, 3, step, 1, int8=bytes_)
            x = g.relu(g.sum(short, g.conv(y, width, 3, pad=1, relu=False, int8=floats)))
    return head(g, x, floats)


def resnet50(int8=False):
    floats, bytes_ = (FLOATS, BYTES) if int8 else (0, 0)
    g, x = stem(floats)
    for (width, stride), blocks in zip(STAGES, (3, 4, 6, 3), strict=True):
        for block in range(blocks):
            step = stride if block == 0 else 1
            short = g.conv(x, 4 * width, 1, step, relu=False, int8=floats) if block == 0 else x
            y = g.conv(x, width, 1, step, int8=bytes_)
            y = g.conv(y, width, 3, pad=1, int8=bytes_)
            x = g.relu(g.sum(short, g.conv(y, 4 * width, 1, relu=False, int8=floats)))
    return head(g, x, floats)
