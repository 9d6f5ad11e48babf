"""Packs messages with known content to the standard output, with pyigtl."""

import sys

import numpy as np
import pyigtl


def main():
    image = np.arange(35, dtype=np.uint8).reshape(1, 5, 7)
    matrix = np.array([[0, -0.25, 0, 10.5], [0.5, 0, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1]])
    points = np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0.5]], dtype=np.float32)
    for version in (1, 2):
        for message in (
            pyigtl.ImageMessage(image, matrix, "lps"),
            pyigtl.StringMessage("segment"),
            pyigtl.PointMessage([1.5, -2.25, 0], ["Cyst"], [255, 128, 0, 200], 4.0, ["Fiducial"]),
            pyigtl.TransformMessage(matrix),
            pyigtl.PolyDataMessage(
                points=points, lines=np.array([4, 0, 1, 2, 0]), polygons=np.array([3, 0, 1, 2])
            ),
        ):
            message.device_name = "pyigtl"
            message.timestamp = 1700000000.25
            message.header_version = version
            message.message_id = 41
            message.metadata = {"depth": "60 mm"} if version == 2 else {}
            sys.stdout.buffer.write(message.pack())


if __name__ == "__main__":
    main()
