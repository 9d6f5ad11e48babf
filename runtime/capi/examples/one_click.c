/* One click, one mask: one_click FRAME.pgm X Y MASK.pgm
 *
 * cc -std=c99 one_click.c $(pkg-config --cflags --libs uniultra_c) -o one_click
 *
 * Frames are binary PGM files of 8 bit, as ImageMagick and ffmpeg write them. A scanner's software
 * has the pixels in memory already and needs neither of the two functions at the top.
 */
#include <uniultra.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *read_pgm(const char *path, uint32_t *width, uint32_t *height) {
  unsigned most = 0;
  uint8_t *pixels = NULL;
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    return NULL;
  }
  if (fscanf(file, "P5 %u %u %u", width, height, &most) == 3 && most == 255 && fgetc(file) != EOF &&
      *width <= 8192 && *height <= 8192) {
    size_t bytes = (size_t)*width * *height;
    pixels = malloc(bytes + 1);
    if (pixels != NULL && fread(pixels, 1, bytes, file) != bytes) {
      free(pixels);
      pixels = NULL;
    }
  }
  fclose(file);
  return pixels;
}

static int write_pgm(const char *path, const uint8_t *mask, uint32_t width, uint32_t height) {
  size_t bytes = (size_t)width * height, at;
  FILE *file = fopen(path, "wb");
  if (file == NULL) {
    return -1;
  }
  fprintf(file, "P5\n%u %u\n255\n", width, height);
  for (at = 0; at < bytes; ++at) {
    fputc(mask[at] ? 255 : 0, file);
  }
  return fclose(file);
}

int main(int argc, char **argv) {
  uniultra_error error;
  uniultra_segmenter segmenter = {0};
  uniultra_encoded encoded = {0};
  uniultra_prediction prediction = {0};
  uniultra_frame frame;
  uniultra_prompts prompts;
  uniultra_prediction_info info;
  uniultra_measures measures;
  uint32_t width, height;
  uint8_t *pixels, *mask = NULL;
  float xy[2];
  const uint32_t label = UNIULTRA_POSITIVE;
  int result = EXIT_FAILURE;

  if (argc != 5) {
    fprintf(stderr, "expected FRAME.pgm X Y MASK.pgm\n");
    return EXIT_FAILURE;
  }
  if (uniultra_abi_version() < UNIULTRA_ABI_VERSION) {
    fprintf(stderr, "libuniultra_c %s is older than this program\n", uniultra_version());
    return EXIT_FAILURE;
  }
  pixels = read_pgm(argv[1], &width, &height);
  if (pixels == NULL) {
    fprintf(stderr, "%s: expected a binary PGM of 8 bit\n", argv[1]);
    return EXIT_FAILURE;
  }

  memset(&error, 0, sizeof error);
  error.struct_size = sizeof error;

  memset(&frame, 0, sizeof frame);
  frame.struct_size = sizeof frame;
  frame.format = UNIULTRA_GRAY8;
  frame.width = width;
  frame.height = height;
  frame.pixels = pixels;
  frame.stride_bytes = width;
  frame.pixels_bytes = (size_t)width * height;
  frame.um_per_pixel = 100.0f;

  xy[0] = strtof(argv[2], NULL);
  xy[1] = strtof(argv[3], NULL);
  memset(&prompts, 0, sizeof prompts);
  prompts.struct_size = sizeof prompts;
  prompts.point_count = 1;
  prompts.points_xy = xy;
  prompts.point_labels = &label;

  info.struct_size = sizeof info;
  measures.struct_size = sizeof measures;
  mask = malloc((size_t)width * height);
  if (mask == NULL) {
    fprintf(stderr, "no memory\n");
    goto done;
  }
  /* A program opens the segmenter once, and encodes a frame once for all clicks on it. */
  if (uniultra_open_embedded(NULL, &segmenter, &error) != UNIULTRA_OK ||
      uniultra_encode(segmenter, &frame, &encoded, &error) != UNIULTRA_OK ||
      uniultra_predict(encoded, &prompts, &prediction, &error) != UNIULTRA_OK ||
      uniultra_prediction_describe(prediction, &info, &error) != UNIULTRA_OK ||
      uniultra_prediction_measures(prediction, info.token, &measures, &error) != UNIULTRA_OK ||
      uniultra_prediction_mask(prediction, info.token, mask, width, (size_t)width * height, &error) !=
          UNIULTRA_OK) {
    fprintf(stderr, "error %d: %s\n", (int)error.code, error.message);
    goto done;
  }
  if (write_pgm(argv[4], mask, width, height) != 0) {
    fprintf(stderr, "%s: cannot be written\n", argv[4]);
    goto done;
  }
  printf("%lu px, %.1f mm2, longest %.1f mm, predicted IoU %.2f\n", (unsigned long)measures.area_px,
         measures.area_mm2, measures.longest_mm, info.predicted_iou[info.token]);
  result = EXIT_SUCCESS;

done:
  if (prediction.id != 0) {
    uniultra_prediction_free(prediction, NULL);
  }
  if (encoded.id != 0) {
    uniultra_encoded_free(encoded, NULL);
  }
  if (segmenter.id != 0) {
    uniultra_segmenter_free(segmenter, NULL);
  }
  free(mask);
  free(pixels);
  return result;
}
