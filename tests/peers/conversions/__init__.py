"""The peers' own tools. Each module has `convert(graphs, calibration, out)`, which reads the two
ONNX files of `graphs` and the folders of inputs in `calibration`, and writes files to `out`.
"""

NETWORKS = ("image_encoder", "mask_decoder")
