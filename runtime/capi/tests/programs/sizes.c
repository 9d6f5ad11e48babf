/* Sizes and offsets as a C compiler sees them, for the test to compare with Rust's. */
#include <uniultra.h>

#include <stdio.h>

#define SIZE(type) printf("%s %lu\n", #type, (unsigned long)sizeof(type))
#define PLACE(type, field) printf("%s.%s %lu\n", #type, #field, (unsigned long)offsetof(type, field))

int main(void) {
  SIZE(uniultra_error);
  SIZE(uniultra_segmenter);
  SIZE(uniultra_options);
  SIZE(uniultra_model_info);
  SIZE(uniultra_frame);
  SIZE(uniultra_encoded_info);
  SIZE(uniultra_prompts);
  SIZE(uniultra_prediction_info);
  SIZE(uniultra_measures);
  PLACE(uniultra_options, pins);
  PLACE(uniultra_frame, timestamp);
  PLACE(uniultra_frame, um_per_pixel);
  PLACE(uniultra_prompts, corners);
  PLACE(uniultra_prompts, mask_from);
  PLACE(uniultra_prediction_info, timestamp);
  PLACE(uniultra_prediction_info, decode_ms);
  PLACE(uniultra_measures, area_px);
  PLACE(uniultra_measures, perpendicular_mm);
  return 0;
}
