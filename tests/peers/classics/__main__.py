"""`python -m classics FOLDER` writes each network to FOLDER.

It prints a line of JSON: the side of each one's input.
"""

import json
import sys
from pathlib import Path

from . import NETWORKS

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    sides = {}
    for name, network in NETWORKS.items():
        graph = network()
        (folder / f"{name}.param").write_text(graph.text(), encoding="ascii")
        sides[name] = graph.side
    print(json.dumps(sides))
