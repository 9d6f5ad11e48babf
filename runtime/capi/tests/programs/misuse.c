/* What a careless program does: every call must be refused with a code and a message, and none may crash. */
#include <uniultra.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uniultra_error error;
static int failures;

static void expect(int line, const char *call, int32_t code, int32_t wanted, const char *words) {
  if (code != wanted || error.code != wanted || strstr(error.message, words) == NULL) {
    printf("line %d: %s: expected %d with `%s`, found %d (%d: %s)\n", line, call, (int)wanted, words, (int)code,
           (int)error.code, error.message);
    ++failures;
  }
}

#define REFUSED(call, wanted, words) expect(__LINE__, #call, call, wanted, words)
#define DONE(call) expect(__LINE__, #call, call, UNIULTRA_OK, "")

enum { WIDTH = 48, HEIGHT = 32, STRIDE = 64 };

int main(void) {
  uniultra_segmenter segmenter = {0}, again = {0}, none = {0};
  uniultra_encoded encoded = {0}, other = {0};
  uniultra_prediction prediction = {0}, many[17];
  uniultra_options options;
  uniultra_frame frame, changed;
  uniultra_prompts prompts, wrong;
  const uniultra_prompts *objects[17];
  uniultra_model_info model;
  uniultra_encoded_info encoded_info;
  uniultra_prediction_info info;
  uniultra_measures measures;
  uniultra_error small;
  float xy[] = {20.0f, 16.0f, 40.0f, 8.0f};
  float nan_xy[] = {0.0f, 0.0f};
  uint32_t labels[] = {UNIULTRA_POSITIVE, UNIULTRA_NEGATIVE};
  uint32_t bad_labels[] = {7, 7};
  uint32_t pins[] = {1000000};
  uint8_t *pixels, *mask;
  float *logits;
  size_t at, side;

  memset(&error, 0, sizeof error);
  error.struct_size = sizeof error;
  nan_xy[0] = (float)NAN;

  /* Exactly as large as said, so that the address sanitizer sees a byte too many. */
  pixels = malloc((HEIGHT - 1) * STRIDE + WIDTH);
  mask = malloc((HEIGHT - 1) * STRIDE + WIDTH);
  if (pixels == NULL || mask == NULL) {
    return 2;
  }
  memset(pixels, 90, (HEIGHT - 1) * STRIDE + WIDTH);

  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  memset(&frame, 0, sizeof frame);
  frame.struct_size = sizeof frame;
  frame.format = UNIULTRA_GRAY8;
  frame.width = WIDTH;
  frame.height = HEIGHT;
  frame.pixels = pixels;
  frame.stride_bytes = STRIDE;
  frame.pixels_bytes = (HEIGHT - 1) * STRIDE + WIDTH;
  frame.timestamp = -77;
  memset(&prompts, 0, sizeof prompts);
  prompts.struct_size = sizeof prompts;
  prompts.point_count = 2;
  prompts.points_xy = xy;
  prompts.point_labels = labels;
  model.struct_size = sizeof model;
  encoded_info.struct_size = sizeof encoded_info;
  info.struct_size = sizeof info;
  measures.struct_size = sizeof measures;

  /* Opening. */
  REFUSED(uniultra_open_embedded(NULL, NULL, &error), UNIULTRA_ERROR_ARGUMENT, "out");
  options.struct_size = 4;
  REFUSED(uniultra_open_embedded(&options, &segmenter, &error), UNIULTRA_ERROR_ARGUMENT, "uniultra_options");
  options.struct_size = sizeof options + 8;
  REFUSED(uniultra_open_embedded(&options, &segmenter, &error), UNIULTRA_ERROR_ARGUMENT, "struct_size");
  options.struct_size = sizeof options;
  options.threads = 99;
  REFUSED(uniultra_open_embedded(&options, &segmenter, &error), UNIULTRA_ERROR_OPTIONS, "99");
  options.threads = 1;
  options.pin_count = 1;
  REFUSED(uniultra_open_embedded(&options, &segmenter, &error), UNIULTRA_ERROR_ARGUMENT, "pins");
  options.pins = pins;
  REFUSED(uniultra_open_embedded(&options, &segmenter, &error), UNIULTRA_ERROR_OPTIONS, "pins");
  REFUSED(uniultra_open_folder(NULL, NULL, &segmenter, &error), UNIULTRA_ERROR_ARGUMENT, "folder");
  REFUSED(uniultra_open_folder("\xff\xfe", NULL, &segmenter, &error), UNIULTRA_ERROR_ARGUMENT, "UTF-8");
  REFUSED(uniultra_open_folder("no/such/folder", NULL, &segmenter, &error), UNIULTRA_ERROR_MODEL, "model.toml");
  REFUSED(uniultra_open_memory(NULL, 9, NULL, 0, NULL, 0, NULL, &segmenter, &error), UNIULTRA_ERROR_ARGUMENT,
          "model_toml");
  REFUSED(uniultra_open_memory((const uint8_t *)"x = 1", 5, NULL, 0, NULL, 0, NULL, &segmenter, &error),
          UNIULTRA_ERROR_MODEL, "model.toml");
  if (segmenter.id != 0) {
    printf("a refused call gave a handle\n");
    ++failures;
  }

  /* An error structure of another size is not written to. */
  memset(&small, 0x5a, sizeof small);
  small.struct_size = 8;
  if (uniultra_open_embedded(NULL, &segmenter, &small) != UNIULTRA_ERROR_ARGUMENT || small.code != 0x5a5a5a5a) {
    printf("a small error structure was written to\n");
    ++failures;
  }

  DONE(uniultra_open_embedded(NULL, &segmenter, &error));
  DONE(uniultra_segmenter_describe(segmenter, &model, &error));
  REFUSED(uniultra_segmenter_describe(segmenter, NULL, &error), UNIULTRA_ERROR_ARGUMENT, "uniultra_model_info");
  REFUSED(uniultra_segmenter_describe(none, &model, &error), UNIULTRA_ERROR_HANDLE, "none");
  if (strcmp(model.id, "uniultra-mini-int8") != 0) {
    printf("another model: %s\n", model.id);
    ++failures;
  }

  /* Frames. */
  REFUSED(uniultra_encode(segmenter, NULL, &encoded, &error), UNIULTRA_ERROR_ARGUMENT, "uniultra_frame");
  REFUSED(uniultra_encode(segmenter, &frame, NULL, &error), UNIULTRA_ERROR_ARGUMENT, "out");
  REFUSED(uniultra_encode(none, &frame, &encoded, &error), UNIULTRA_ERROR_HANDLE, "segmenter");
  changed = frame;
  changed.struct_size -= 4;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_ARGUMENT, "struct_size");
  changed = frame;
  changed.format = 0;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_ARGUMENT, "format");
  changed = frame;
  changed.pixels = NULL;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_ARGUMENT, "pixels");
  changed = frame;
  changed.pixels_bytes -= 1;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_BUFFER, "pixels_bytes");
  changed = frame;
  changed.stride_bytes = WIDTH - 1;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_ARGUMENT, "stride_bytes");
  changed = frame;
  changed.format = UNIULTRA_RGB8;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_ARGUMENT, "stride_bytes");
  changed = frame;
  changed.stride_bytes = (size_t)-1 / 4;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_BUFFER, "pixels_bytes");
  changed = frame;
  changed.width = changed.height = 0xffffffffu;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_FRAME, "4294967295");
  changed = frame;
  changed.width = changed.height = 0;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_FRAME, "0x0");
  changed = frame;
  changed.height = 15;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_FRAME, "16 to 8192");
  changed = frame;
  changed.um_per_pixel = -100.0f;
  REFUSED(uniultra_encode(segmenter, &changed, &encoded, &error), UNIULTRA_ERROR_ARGUMENT, "spacing");

  DONE(uniultra_encode(segmenter, &frame, &encoded, &error));
  DONE(uniultra_encoded_describe(encoded, &encoded_info, &error));
  if (encoded_info.width != WIDTH || encoded_info.height != HEIGHT || encoded_info.timestamp != -77) {
    printf("the frame is another one\n");
    ++failures;
  }

  /* Prompts. */
  REFUSED(uniultra_predict(encoded, NULL, &prediction, &error), UNIULTRA_ERROR_ARGUMENT, "uniultra_prompts");
  wrong = prompts;
  wrong.point_count = 0;
  REFUSED(uniultra_predict(encoded, &wrong, &prediction, &error), UNIULTRA_ERROR_PROMPT, "found none");
  wrong.point_count = 0xffffffffu;
  REFUSED(uniultra_predict(encoded, &wrong, &prediction, &error), UNIULTRA_ERROR_PROMPT, "32 points");
  wrong = prompts;
  wrong.points_xy = NULL;
  REFUSED(uniultra_predict(encoded, &wrong, &prediction, &error), UNIULTRA_ERROR_ARGUMENT, "points_xy");
  wrong = prompts;
  wrong.point_labels = bad_labels;
  REFUSED(uniultra_predict(encoded, &wrong, &prediction, &error), UNIULTRA_ERROR_ARGUMENT, "point_labels");
  wrong = prompts;
  wrong.points_xy = nan_xy;
  wrong.point_count = 1;
  REFUSED(uniultra_predict(encoded, &wrong, &prediction, &error), UNIULTRA_ERROR_PROMPT, "finite");
  wrong = prompts;
  wrong.has_box = 1;
  REFUSED(uniultra_predict(encoded, &wrong, &prediction, &error), UNIULTRA_ERROR_PROMPT, "box");
  wrong = prompts;
  wrong.mask_from.id = encoded.id;
  REFUSED(uniultra_predict(encoded, &wrong, &prediction, &error), UNIULTRA_ERROR_HANDLE, "prediction");
  other.id = segmenter.id;
  REFUSED(uniultra_predict(other, &prompts, &prediction, &error), UNIULTRA_ERROR_HANDLE, "encoded");

  DONE(uniultra_predict(encoded, &prompts, &prediction, &error));
  DONE(uniultra_prediction_describe(prediction, &info, &error));
  if (info.timestamp != -77 || info.um_per_pixel != 0.0f) {
    printf("the prediction is of another frame\n");
    ++failures;
  }
  wrong = prompts;
  wrong.mask_from = prediction;
  wrong.mask_token = 4;
  REFUSED(uniultra_predict(encoded, &wrong, &many[0], &error), UNIULTRA_ERROR_ARGUMENT, "token");
  wrong.mask_token = info.token;
  DONE(uniultra_predict(encoded, &wrong, &many[0], &error));
  DONE(uniultra_prediction_free(many[0], &error));

  /* Several objects. */
  for (at = 0; at < 17; ++at) {
    objects[at] = &prompts;
  }
  REFUSED(uniultra_predict_all(encoded, objects, 17, many, &error), UNIULTRA_ERROR_PROMPT, "16");
  REFUSED(uniultra_predict_all(encoded, NULL, 2, many, &error), UNIULTRA_ERROR_ARGUMENT, "prompts");
  objects[1] = NULL;
  REFUSED(uniultra_predict_all(encoded, objects, 2, many, &error), UNIULTRA_ERROR_ARGUMENT, "uniultra_prompts");
  if (many[0].id != 0 || many[1].id != 0) {
    printf("a refused call gave handles\n");
    ++failures;
  }
  DONE(uniultra_predict_all(encoded, NULL, 0, NULL, &error));

  /* Results. */
  REFUSED(uniultra_prediction_mask(prediction, 4, mask, STRIDE, 0, &error), UNIULTRA_ERROR_ARGUMENT, "token");
  REFUSED(uniultra_prediction_mask(prediction, 0, mask, WIDTH - 1, 4096, &error), UNIULTRA_ERROR_ARGUMENT,
          "stride_bytes");
  REFUSED(uniultra_prediction_mask(prediction, 0, mask, STRIDE, (HEIGHT - 1) * STRIDE + WIDTH - 1, &error),
          UNIULTRA_ERROR_BUFFER, "out_bytes");
  REFUSED(uniultra_prediction_mask(prediction, 0, mask, (size_t)-1, 4096, &error), UNIULTRA_ERROR_BUFFER,
          "out_bytes");
  REFUSED(uniultra_prediction_mask(prediction, 0, NULL, STRIDE, 4096, &error), UNIULTRA_ERROR_ARGUMENT, "out");
  memset(mask, 9, (HEIGHT - 1) * STRIDE + WIDTH);
  DONE(uniultra_prediction_mask(prediction, 0, mask, STRIDE, (HEIGHT - 1) * STRIDE + WIDTH, &error));
  for (at = 0; at < (HEIGHT - 1) * STRIDE + WIDTH; ++at) {
    int inside = at % STRIDE < WIDTH;
    if (inside ? mask[at] > 1 : mask[at] != 9) {
      printf("byte %lu of the mask is %d\n", (unsigned long)at, mask[at]);
      ++failures;
      break;
    }
  }
  side = info.mask_side;
  logits = malloc(side * side * sizeof *logits);
  if (logits == NULL) {
    return 2;
  }
  REFUSED(uniultra_prediction_logits(prediction, 0, logits, side * side - 1, &error), UNIULTRA_ERROR_BUFFER,
          "out_count");
  REFUSED(uniultra_prediction_logits(prediction, 0, (float *)(void *)((char *)logits + 1), side * side, &error),
          UNIULTRA_ERROR_ARGUMENT, "address");
  DONE(uniultra_prediction_logits(prediction, 3, logits, side * side, &error));
  measures.struct_size = 0;
  REFUSED(uniultra_prediction_measures(prediction, 0, &measures, &error), UNIULTRA_ERROR_ARGUMENT,
          "uniultra_measures");
  measures.struct_size = sizeof measures;
  DONE(uniultra_prediction_measures(prediction, 0, &measures, &error));
  if (!isnan(measures.area_mm2) || !isnan(measures.longest_mm)) {
    printf("millimetres without a pixel's side\n");
    ++failures;
  }
  DONE(uniultra_prediction_outline_count(prediction, 0, &at, &error));
  REFUSED(uniultra_prediction_outline(prediction, 0, at, NULL, 0, &side, NULL, &error), UNIULTRA_ERROR_ARGUMENT,
          "index");

  /* After free. */
  DONE(uniultra_segmenter_free(segmenter, &error));
  REFUSED(uniultra_segmenter_free(segmenter, &error), UNIULTRA_ERROR_HANDLE, "freed");
  REFUSED(uniultra_encode(segmenter, &frame, &other, &error), UNIULTRA_ERROR_HANDLE, "freed");
  DONE(uniultra_open_embedded(NULL, &again, &error));
  REFUSED(uniultra_encode(segmenter, &frame, &other, &error), UNIULTRA_ERROR_HANDLE, "freed");
  /* A frame outlives its segmenter, a prediction its frame. */
  DONE(uniultra_predict(encoded, &prompts, &many[0], &error));
  DONE(uniultra_encoded_free(encoded, &error));
  REFUSED(uniultra_predict(encoded, &prompts, &many[1], &error), UNIULTRA_ERROR_HANDLE, "freed");
  REFUSED(uniultra_encoded_describe(encoded, &encoded_info, &error), UNIULTRA_ERROR_HANDLE, "freed");
  DONE(uniultra_prediction_logits(prediction, 0, logits, (size_t)info.mask_side * info.mask_side, &error));
  DONE(uniultra_prediction_free(prediction, &error));
  REFUSED(uniultra_prediction_free(prediction, &error), UNIULTRA_ERROR_HANDLE, "freed");
  REFUSED(uniultra_prediction_describe(prediction, &info, &error), UNIULTRA_ERROR_HANDLE, "freed");
  DONE(uniultra_prediction_free(many[0], &error));
  /* Nobody has to listen. */
  if (uniultra_segmenter_free(again, NULL) != UNIULTRA_OK ||
      uniultra_segmenter_free(again, NULL) != UNIULTRA_ERROR_HANDLE) {
    printf("without an error structure the codes are others\n");
    ++failures;
  }

  free(pixels);
  free(mask);
  free(logits);
  printf("%d failures\n", failures);
  return failures != 0;
}
