"""The peers' engines. Each module has a class `Engine`:

`Engine(args, inputs)` loads both networks; `inputs` maps the names of tensors to arrays.
`encode()` runs the encoder on `image`, `click()` the decoder on what the last `encode()` left.
`outputs()` gives the outputs of both by name. No copy is made where the engine can do without.
`version()` and `setting()` say what ran and how.
"""

FEATURES = ("image_embed", "high_res_feats_0", "high_res_feats_1")
PROMPT = ("point_coords", "point_labels", "mask_input", "has_mask_input")
RESULTS = ("masks", "iou_predictions", "object_score_logits")
