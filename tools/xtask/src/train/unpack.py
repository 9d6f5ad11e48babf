"""Unpacks from a wheel of torch what a trainer on the CPU needs: headers and a few libraries.

Usage: unpack.py WHEEL FOLDER
"""

import sys
import zipfile
from fnmatch import fnmatchcase

WANTED = [
    "torch/include/*",
    "torch/lib/libc10.so",
    "torch/lib/libtorch_cpu.so",
    "torch/lib/libgomp*",
    # What libtorch_cpu.so needs on aarch64; other wheels have none of them.
    "torch/lib/libarm_compute*",
    "torch/lib/libnvpl_*",
]

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    names = [n for n in archive.namelist() if any(fnmatchcase(n, want) for want in WANTED)]
    # Reading a member to its end compares its CRC.
    archive.extractall(folder, names)
