/* Sizes and offsets as a C compiler sees them: the test compares them with Rust's, and with what earlier
 * versions promised. */
#include <uniultra.h>

#include <stdio.h>

#define SIZE(type) printf("%s %lu\n", #type, (unsigned long)sizeof(type))
#define PLACE(type, field) printf("%s.%s %lu\n", #type, #field, (unsigned long)offsetof(type, field))

int main(void) {
  SIZE(uniultra_options);
  PLACE(uniultra_options, struct_size);
  PLACE(uniultra_options, threads);
  PLACE(uniultra_options, pin_count);
  PLACE(uniultra_options, reserved);
  PLACE(uniultra_options, pins);
  SIZE(uniultra_segmenter);
  PLACE(uniultra_segmenter, id);
  SIZE(uniultra_error);
  PLACE(uniultra_error, struct_size);
  PLACE(uniultra_error, code);
  PLACE(uniultra_error, message);
  SIZE(uniultra_model_info);
  PLACE(uniultra_model_info, struct_size);
  PLACE(uniultra_model_info, image_size);
  PLACE(uniultra_model_info, mask_side);
  PLACE(uniultra_model_info, has_object_score);
  PLACE(uniultra_model_info, id);
  PLACE(uniultra_model_info, version);
  SIZE(uniultra_frame);
  PLACE(uniultra_frame, struct_size);
  PLACE(uniultra_frame, format);
  PLACE(uniultra_frame, width);
  PLACE(uniultra_frame, height);
  PLACE(uniultra_frame, pixels);
  PLACE(uniultra_frame, pixels_bytes);
  PLACE(uniultra_frame, stride_bytes);
  PLACE(uniultra_frame, timestamp);
  PLACE(uniultra_frame, um_per_pixel);
  PLACE(uniultra_frame, reserved);
  SIZE(uniultra_encoded);
  PLACE(uniultra_encoded, id);
  SIZE(uniultra_encoded_info);
  PLACE(uniultra_encoded_info, struct_size);
  PLACE(uniultra_encoded_info, width);
  PLACE(uniultra_encoded_info, height);
  PLACE(uniultra_encoded_info, um_per_pixel);
  PLACE(uniultra_encoded_info, timestamp);
  PLACE(uniultra_encoded_info, preprocess_ms);
  PLACE(uniultra_encoded_info, encode_ms);
  SIZE(uniultra_prediction);
  PLACE(uniultra_prediction, id);
  SIZE(uniultra_prediction_info);
  PLACE(uniultra_prediction_info, struct_size);
  PLACE(uniultra_prediction_info, width);
  PLACE(uniultra_prediction_info, height);
  PLACE(uniultra_prediction_info, mask_side);
  PLACE(uniultra_prediction_info, token);
  PLACE(uniultra_prediction_info, multimask_token);
  PLACE(uniultra_prediction_info, predicted_iou);
  PLACE(uniultra_prediction_info, object_score);
  PLACE(uniultra_prediction_info, um_per_pixel);
  PLACE(uniultra_prediction_info, timestamp);
  PLACE(uniultra_prediction_info, preprocess_ms);
  PLACE(uniultra_prediction_info, encode_ms);
  PLACE(uniultra_prediction_info, decode_ms);
  PLACE(uniultra_prediction_info, reserved);
  SIZE(uniultra_measures);
  PLACE(uniultra_measures, struct_size);
  PLACE(uniultra_measures, is_empty);
  PLACE(uniultra_measures, area_px);
  PLACE(uniultra_measures, area_mm2);
  PLACE(uniultra_measures, bounds);
  PLACE(uniultra_measures, centroid);
  PLACE(uniultra_measures, longest);
  PLACE(uniultra_measures, perpendicular);
  PLACE(uniultra_measures, longest_px);
  PLACE(uniultra_measures, perpendicular_px);
  PLACE(uniultra_measures, longest_mm);
  PLACE(uniultra_measures, perpendicular_mm);
  PLACE(uniultra_measures, reserved);
  SIZE(uniultra_prompts);
  PLACE(uniultra_prompts, struct_size);
  PLACE(uniultra_prompts, point_count);
  PLACE(uniultra_prompts, points_xy);
  PLACE(uniultra_prompts, point_labels);
  PLACE(uniultra_prompts, has_box);
  PLACE(uniultra_prompts, corners);
  PLACE(uniultra_prompts, mask_token);
  PLACE(uniultra_prompts, mask_from);
  return 0;
}
