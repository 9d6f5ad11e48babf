"""A scanner and a viewer for `uniultra live --source igtl`, by pyigtl.

Arguments: port, frame.npy (gray, 0 to 255), mask.npy (the exact one), column and row of a click.
Sends the frame as a moving picture would come, clicks in space, and checks the label map and the state that come
back. Fails by an assertion.
"""

import json
import sys
import time

import numpy as np
import pyigtl

SECONDS = 60.0


def main():
    port, frame, truth, column, row = sys.argv[1:]
    frame, truth = np.load(frame).astype(np.uint8), np.load(truth) > 0
    # Pixels of 0.2 x 0.3 mm in a plane that is turned and away from the origin.
    matrix = np.array([[0, 0, 1, 5], [0.2, 0, 0, -40], [0, -0.3, 0, 90], [0, 0, 0, 1]], dtype=float)
    click = matrix @ np.array([float(column), float(row), 0, 1])

    client = pyigtl.OpenIGTLinkClient("127.0.0.1", int(port))
    image = pyigtl.ImageMessage(frame[np.newaxis], matrix, device_name="Probe")

    def exchange(name, fits=lambda message: True):
        """Sends the frame until a message with this name comes that fits."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            assert client.send_message(image, wait=True)
            message = client.wait_for_message(name, timeout=0.2)
            if message is not None and fits(message):
                return message
        raise AssertionError(f"no {name}")

    assert client.wait_for_message("none", timeout=0.1) is None
    for _ in range(3):
        client.send_message(image, wait=True)
        time.sleep(0.1)
    client.send_message(pyigtl.PointMessage([click[:3].tolist()], device_name="cyst"), wait=True)

    # Until the frame after the click is answered, the map is empty.
    mask = exchange("Probe.mask", lambda message: message.image.any())
    assert np.allclose(mask.ijk_to_world_matrix, matrix, atol=1e-4), mask.ijk_to_world_matrix
    labels = mask.image[0]
    assert labels.shape == frame.shape and labels.dtype == np.uint8
    found = labels == 1
    dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    assert dice > 0.9, dice

    tracking = lambda message: "tracking" in message.string
    state = json.loads(exchange("Probe.state", tracking).string)
    assert state["pixel_spacing_mm"] == [0.2, 0.3], state
    (cyst,) = state["objects"]
    exact_mm2 = truth.sum() * 0.06
    assert abs(cyst["area_mm2"] / exact_mm2 - 1) < 0.1, (cyst["area_mm2"], exact_mm2)

    # A second click from the same device belongs to the same object; one that is far off is refused.
    outside = pyigtl.PointMessage([matrix[:3, 3].tolist()], names=["outside"], device_name="cyst")
    client.send_message(outside, wait=True)
    exchange("Probe.mask")
    undo = {"command": "undo", "object": cyst["id"]}
    client.send_message(pyigtl.StringMessage(json.dumps(undo), device_name="viewer"), wait=True)
    answer = json.loads(exchange("Probe.answer").string)
    assert answer == {"type": "done", "object": cyst["id"]}, answer
    # One message with two points is still one object, and a removed one leaves an empty map.
    two = [click[:3].tolist(), matrix[:3, 3].tolist()]
    client.send_message(pyigtl.PointMessage(two, names=["a", "outside"], device_name="two"), wait=True)

    def both(message):
        # A frame may come between the two points.
        objects = json.loads(message.string)["objects"]
        return len(objects) == 2 and [prompt["inside"] for prompt in objects[1]["prompts"]] == [True, False]

    objects = json.loads(exchange("Probe.state", both).string)["objects"]
    for object in objects:
        remove = {"command": "remove", "object": object["id"]}
        client.send_message(pyigtl.StringMessage(json.dumps(remove), device_name="viewer"), wait=True)
    exchange("Probe.mask", lambda message: not message.image.any())
    client.stop()


main()
