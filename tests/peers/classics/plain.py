"""Networks without shortcuts."""

from .graph import BYTES, FLOATS, Graph


def squeezenet(int8=False):
    """SqueezeNet 1.1 (Iandola and others, 2016), 227 px."""
    floats, bytes_ = (FLOATS, BYTES) if int8 else (0, 0)
    g = Graph(227)
    x = g.max_pool(g.conv(g.data(), 64, 3, 2, int8=floats))
    fires = [(16, 64), (16, 64), None, (32, 128), (32, 128), None]
    fires += [(48, 192), (48, 192), (64, 256), (64, 256)]
    for fire in fires:
        if fire is None:
            x = g.max_pool(x)
            continue
        squeeze, expand = fire
        x = g.conv(x, squeeze, 1, int8=bytes_)
        narrow = g.conv(x, expand, 1, int8=floats)
        x = g.concat(narrow, g.conv(x, expand, 3, pad=1, int8=floats))
    # As published in Caffe's form: a border of one around the last convolution.
    g.softmax(g.mean(g.conv(x, 1000, 1, pad=1, int8=floats)))
    return g


def alexnet():
    """AlexNet (Krizhevsky and others, 2012) as of Caffe, 227 px.

    Nine tenths of its weights are in layers that use each once: it reads 244 MB of floats.
    """
    g = Graph(227)
    x = g.conv(g.data(), 96, 11, 4)
    x = g.max_pool(g.add("LRN", [x], x.channels, x.side, _2=0.0001))
    x = g.conv(x, 256, 5, pad=2, groups=2)
    x = g.max_pool(g.add("LRN", [x], x.channels, x.side, _2=0.0001))
    x = g.conv(x, 384, 3, pad=1)
    x = g.conv(x, 384, 3, pad=1, groups=2)
    x = g.max_pool(g.conv(x, 256, 3, pad=1, groups=2))
    x = g.dense(g.dense(x, 4096, relu=True), 4096, relu=True)
    g.softmax(g.dense(x, 1000))
    return g
