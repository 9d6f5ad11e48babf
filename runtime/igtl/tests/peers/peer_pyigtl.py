"""Sends messages of pyigtl to the program `echo`, and checks what comes back with pyigtl.

Argument: the program. Needs pyigtl and NumPy. What pyigtl cannot read is compared as bytes.
"""

import socket
import struct
import subprocess
import sys
from importlib import metadata

import numpy as np
import pyigtl
from pyigtl.messages import CRC64, MessageBase

HEADER_BYTES = 58
TIME = 1700000000.25


class Peer:
    """A connection to the program."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        port = int(self.process.stdout.readline())
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def exchange(self, sent):
        """Sends bytes; gives the header's fields, the body and all bytes of the answer."""
        self.socket.sendall(sent)
        header = self.receive(HEADER_BYTES)
        fields = MessageBase.parse_header(header)
        body = self.receive(fields["body_size"])
        # pyigtl does not compare checksums when it reads.
        checksum = struct.unpack(">Q", header[50:])[0]
        assert checksum == CRC64(body), "wrong checksum"
        return fields, body, header + body

    def receive(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, "the program has closed the connection"
            data += piece
        return data

    def close(self):
        self.socket.close()
        assert self.process.wait(10) == 0


def round_trip(peer, message):
    """Sends a message in both forms. Gives the answers as pyigtl reads them."""
    for version in (1, 2):
        message.header_version = version
        message.message_id = 41 if version == 2 else 0
        message.metadata = {"depth": "60 mm", "mode": "B"} if version == 2 else {}
        sent = message.pack()
        fields, body, received = peer.exchange(sent)
        answer = MessageBase.create_message(message.message_type)
        assert answer is not None and fields["message_type"] == message.message_type, body
        answer.unpack(fields, body)
        assert answer.header_version == version
        assert answer.device_name == message.device_name
        assert abs(answer.timestamp - TIME) < 1e-6
        assert answer.metadata == message.metadata and answer.message_id == message.message_id
        yield answer, sent == received


def check_images(peer):
    generator = np.random.default_rng(1)
    count = 0
    # pyigtl cannot pack arrays in big-endian order.
    for dtype in (np.uint8, np.int8, np.uint16, np.int16):
        dtype = np.dtype(dtype)
        info = np.iinfo(dtype)
        shapes = [(1, 5, 7), (1, 480, 640)] + ([(1, 5, 7, 3)] if dtype == np.uint8 else [])
        for shape in shapes:
            values = generator.integers(info.min, info.max, shape, endpoint=True).astype(dtype)
            matrix = np.eye(4)
            matrix[:3, :3] = [[0, -0.25, 0], [0.5, 0, 0], [0, 0, 2]]
            matrix[:3, 3] = [10.5, -20, 30]
            for system in ("ras", "lps"):
                message = pyigtl.ImageMessage(values, matrix, system, TIME, "Image")
                for answer, same in round_trip(peer, message):
                    assert answer.image.shape == shape
                    assert np.array_equal(answer.image, values)
                    assert np.allclose(answer.ijk_to_world_matrix, matrix, atol=1e-5)
                    assert answer.world_coordinate_system == system
                    assert same
                    count += 1
    return count


def check_others(peer):
    count = 0
    for text in ("", "segment", "x" * 65535):
        for answer, same in round_trip(peer, pyigtl.StringMessage(text, TIME, "Text")):
            assert answer.string == text and same
            count += 1
    positions = [[1.5, -2.25, 0], [0.125, 100, -7]]
    points = pyigtl.PointMessage(
        positions, ["Cyst", "N\u00e4he"], [[255, 128, 0, 200], [0, 0, 0, 0]], [4.0, 0.0],
        ["Fiducial", "Landmark"], ["Image", ""], TIME, "Points",
    )
    for answer, same in round_trip(peer, points):
        assert np.allclose(answer.positions, positions) and same
        assert answer.names == points.names and answer.groups == points.groups
        assert answer.owners == points.owners and answer.diameters == points.diameters
        assert np.array_equal(answer.rgba_colors, points.rgba_colors)
        count += 1
    matrix = np.array([[0, -1, 0, 10], [1, 0, 0, -20.5], [0, 0, 1, 30.25], [0, 0, 0, 1]])
    for answer, same in round_trip(peer, pyigtl.TransformMessage(matrix, TIME, "Tool")):
        assert np.array_equal(answer.matrix, matrix) and same
        count += 1
    return count


def check_poly_data(peer):
    """pyigtl packs POLYDATA but cannot unpack it, so the bytes have to be the same."""
    points = np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0.5], [0, 3, 0.5]], dtype=np.float32)
    message = pyigtl.PolyDataMessage(
        points=points, lines=np.array([5, 0, 1, 2, 3, 0, 2, 1, 3]),
        polygons=np.array([4, 0, 1, 2, 3]), timestamp=TIME, device_name="Outline",
    )
    for version in (1, 2):
        message.header_version = version
        sent = message.pack()
        assert peer.exchange(sent)[2] == sent
    return 2


def check_refused(peer):
    """What the program refuses comes back as a STATUS that says why."""
    flat = np.zeros((5, 7), dtype=np.uint8)
    volume = np.zeros((3, 5, 7), dtype=np.uint8)
    position = pyigtl.PositionMessage([1, 2, 3], [0, 0, 0, 1], timestamp=TIME)
    cases = [
        # pyigtl takes the two axes of a flat array for j and k.
        (pyigtl.ImageMessage(flat, timestamp=TIME), b"slices: expected 1, found 5"),
        (pyigtl.ImageMessage(volume, timestamp=TIME), b"slices: expected 1, found 3"),
        (pyigtl.ImageMessage(volume[:1].astype(np.float32), timestamp=TIME), b"pixel format"),
        (position, b"POSITION"),
    ]
    for message, reason in cases:
        fields, body, _ = peer.exchange(message.pack())
        assert fields["message_type"] == "STATUS" and reason in body, body
    wrong = bytearray(pyigtl.StringMessage("segment", TIME).pack())
    wrong[-1] ^= 1
    fields, body, _ = peer.exchange(bytes(wrong))
    assert fields["message_type"] == "STATUS" and b"checksum" in body
    return len(cases) + 1


def check_client(program):
    """The client of pyigtl itself, with its own threads and timeouts."""
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    client = pyigtl.OpenIGTLinkClient("127.0.0.1", int(process.stdout.readline()))
    image = np.arange(640 * 480, dtype=np.uint32).astype(np.uint8).reshape(1, 480, 640)
    try:
        client.send_message(pyigtl.ImageMessage(image, device_name="Image"))
        answer = client.wait_for_message("Image", timeout=10)
        assert answer is not None and np.array_equal(answer.image, image)
        client.send_message(pyigtl.StringMessage("segment", device_name="Text"))
        answer = client.wait_for_message("Text", timeout=10)
        assert answer is not None and answer.string == "segment"
    finally:
        client.stop()
    assert process.wait(10) == 0
    return 2


def main():
    program = sys.argv[1]
    peer = Peer(program)
    counts = [check(peer) for check in (check_images, check_others, check_poly_data, check_refused)]
    peer.close()
    counts.append(check_client(program))
    version = metadata.version("pyigtl")
    print(f"{sum(counts)} messages exchanged with pyigtl {version}")


if __name__ == "__main__":
    main()
