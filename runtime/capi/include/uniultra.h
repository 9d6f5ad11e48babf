/* The C interface of UniUltra Edge: click a structure in an ultrasound frame, get its mask.
 *
 * Made by cbindgen from runtime/capi/src; do not edit it.
 * It is research software, not a medical device, and must not be used for diagnosis.
 *
 * Rules, the same for every function:
 *
 * - A function that can fail returns UNIULTRA_OK or a UNIULTRA_ERROR_ code. Its last argument, which may be
 *   NULL, gets the code and a message: what was expected and what was found.
 * - Set struct_size of every structure to its sizeof before you pass it, also of one that is only written.
 *   Set the rest of those that you fill in to zero first: a later version may add fields at the end.
 * - Handles are numbers, passed by value. One that was freed, is of another kind, or never was one is refused
 *   with UNIULTRA_ERROR_HANDLE, whatever was opened since. Whoever gets a handle frees it, once.
 * - Memory is the caller's: what is passed in is copied before the function returns, results go into
 *   buffers of the caller's, and nothing that the library allocates is to be freed but handles. A pointer
 *   must be valid for as many bytes as the structure or the arguments say, and where something is written
 *   nothing else may be that the same call reads.
 * - Every function may be called from any thread at any time, on the same handles, too. A handle may be
 *   freed while another thread's call uses it: that call completes. Calls on one segmenter that run
 *   at the same time share its threads.
 * - No exception and no panic leaves the library; signals and the process's locale are not touched.
 *   After fork, the child must not use handles of its parent if these have more than one thread.
 *
 * Predictions outlive their frame's handle, and frames their segmenter's.
 */


#ifndef UNIULTRA_H
#define UNIULTRA_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this interface. It grows when something is added; a library serves programs that were
 * built with a header of the same or of a lower version.
 */
#define UNIULTRA_ABI_VERSION 1

/**
 * Masks of a prediction; tokens go from 0 to one less.
 */
#define UNIULTRA_MASK_COUNT 4

/**
 * Done.
 */
#define UNIULTRA_OK 0

/**
 * An argument is null, of the wrong size, or out of range.
 */
#define UNIULTRA_ERROR_ARGUMENT 1

/**
 * A handle was freed, is of another kind, or never was one.
 */
#define UNIULTRA_ERROR_HANDLE 2

/**
 * The frame is of a size or form that is not taken.
 */
#define UNIULTRA_ERROR_FRAME 3

/**
 * The prompts are empty, too many, or do not fit the frame or the model.
 */
#define UNIULTRA_ERROR_PROMPT 4

/**
 * The model pack is absent, damaged or refused, or its networks gave NaN or infinity.
 */
#define UNIULTRA_ERROR_MODEL 5

/**
 * Threads or CPUs were asked for that this machine does not have.
 */
#define UNIULTRA_ERROR_OPTIONS 6

/**
 * A file could not be read.
 */
#define UNIULTRA_ERROR_FILE 7

/**
 * The engine failed while it ran a network; another frame may work.
 */
#define UNIULTRA_ERROR_ENGINE 8

/**
 * The caller's buffer is too small.
 */
#define UNIULTRA_ERROR_BUFFER 9

/**
 * A fault of the library's own. The handles stay valid.
 */
#define UNIULTRA_ERROR_INTERNAL 10

/**
 * Bytes of an error's message, its terminating zero included.
 */
#define UNIULTRA_MESSAGE_BYTES 512

/**
 * A byte a pixel, black 0 to white 255.
 */
#define UNIULTRA_GRAY8 1

/**
 * Three bytes a pixel: red, green, blue.
 */
#define UNIULTRA_RGB8 2

/**
 * The pixel under a point is not of the object.
 */
#define UNIULTRA_NEGATIVE 0

/**
 * The pixel under a point is of the object.
 */
#define UNIULTRA_POSITIVE 1

/**
 * Most points of an object.
 */
#define UNIULTRA_MAX_POINTS 32

/**
 * Most objects of uniultra_predict_all.
 */
#define UNIULTRA_MAX_OBJECTS 16

/**
 * Bytes of a text in a structure, its terminating zero included.
 */
#define UNIULTRA_TEXT_BYTES 64

/**
 * Handle of an opened model. All zero names none.
 */
typedef struct {
  /**
   * Not an address; means nothing outside this process.
   */
  uint64_t id;
} uniultra_segmenter;

/**
 * A frame in the caller's memory; it is copied. Set the structure to zero, then struct_size, then the rest.
 */
typedef struct {
  /**
   * sizeof(uniultra_frame).
   */
  uint32_t struct_size;
  /**
   * UNIULTRA_GRAY8 or UNIULTRA_RGB8.
   */
  uint32_t format;
  /**
   * Columns, 16 to 8192.
   */
  uint32_t width;
  /**
   * Rows, 16 to 8192.
   */
  uint32_t height;
  /**
   * The top left pixel; rows follow from top to bottom.
   */
  const uint8_t *pixels;
  /**
   * Bytes that may be read at pixels: at least (height - 1) * stride_bytes and the last row.
   */
  size_t pixels_bytes;
  /**
   * Bytes from a row to the next, at least those of a row.
   */
  size_t stride_bytes;
  /**
   * When the frame was taken, in a unit and from an epoch of the caller's. Not used: it comes back with
   * every prediction.
   */
  int64_t timestamp;
  /**
   * Side of a square pixel in micrometres, 1 to 10000; 0 if it is not known, and then nothing is in
   * millimetres.
   */
  float um_per_pixel;
  /**
   * 0.
   */
  uint32_t reserved;
} uniultra_frame;

/**
 * Handle of an encoded frame. All zero names none.
 */
typedef struct {
  /**
   * Not an address; means nothing outside this process.
   */
  uint64_t id;
} uniultra_encoded;

/**
 * What went wrong, for people. Every function takes a pointer to one, which may be null.
 */
typedef struct {
  /**
   * sizeof(uniultra_error).
   */
  uint32_t struct_size;
  /**
   * The code that the function returned.
   */
  int32_t code;
  /**
   * What was expected and what was found, UTF-8, ended by a zero; empty if nothing went wrong.
   */
  char message[UNIULTRA_MESSAGE_BYTES];
} uniultra_error;

/**
 * An encoded frame.
 */
typedef struct {
  /**
   * sizeof(uniultra_encoded_info).
   */
  uint32_t struct_size;
  /**
   * Columns of the source frame.
   */
  uint32_t width;
  /**
   * Rows of the source frame.
   */
  uint32_t height;
  /**
   * Side of a pixel in micrometres; 0 if it is not known.
   */
  float um_per_pixel;
  /**
   * The source frame's.
   */
  int64_t timestamp;
  /**
   * Time that resizing took, in milliseconds.
   */
  float preprocess_ms;
  /**
   * Time that the image encoder took, in milliseconds.
   */
  float encode_ms;
} uniultra_encoded_info;

/**
 * Handle of a prediction. All zero names none.
 */
typedef struct {
  /**
   * Not an address; means nothing outside this process.
   */
  uint64_t id;
} uniultra_prediction;

/**
 * A prediction.
 */
typedef struct {
  /**
   * sizeof(uniultra_prediction_info).
   */
  uint32_t struct_size;
  /**
   * Columns of the source frame and of every mask.
   */
  uint32_t width;
  /**
   * Rows of the source frame and of every mask.
   */
  uint32_t height;
  /**
   * Side of the square grid of logits.
   */
  uint32_t mask_side;
  /**
   * Token of the mask that is the answer where the prompt means one thing: the one to use by default.
   */
  uint32_t token;
  /**
   * Token of the best of the three alternatives, for a prompt that may mean a whole or a part.
   */
  uint32_t multimask_token;
  /**
   * The model's estimate of each mask's IoU with the object, 0 to 1, by token.
   */
  float predicted_iou[4];
  /**
   * The model's probability that the object is there; -1 for a model that does not say.
   */
  float object_score;
  /**
   * The source frame's; 0 if it is not known.
   */
  float um_per_pixel;
  /**
   * The source frame's.
   */
  int64_t timestamp;
  /**
   * Time that resizing the frame took, in milliseconds.
   */
  float preprocess_ms;
  /**
   * Time that the image encoder took, in milliseconds.
   */
  float encode_ms;
  /**
   * Time that the mask decoder took, in milliseconds; of uniultra_predict_all, for all objects together.
   */
  float decode_ms;
  /**
   * 0.
   */
  uint32_t reserved;
} uniultra_prediction_info;

/**
 * Measures of a mask. What is in millimetres is NaN where the frame had no um_per_pixel.
 */
typedef struct {
  /**
   * sizeof(uniultra_measures).
   */
  uint32_t struct_size;
  /**
   * 1 if the mask has no pixel: then the rest is 0 or NaN.
   */
  uint32_t is_empty;
  /**
   * Pixels of the object.
   */
  uint64_t area_px;
  /**
   * Area in square millimetres.
   */
  float area_mm2;
  /**
   * Leftmost column, topmost row, rightmost column, bottommost row.
   */
  uint32_t bounds[4];
  /**
   * Centre of mass, x and y in pixels.
   */
  float centroid[2];
  /**
   * The longest diameter: x0, y0, x1, y1 in pixels.
   */
  float longest[4];
  /**
   * The longest extent across it: x0, y0, x1, y1 in pixels.
   */
  float perpendicular[4];
  /**
   * Length of the longest diameter in pixels.
   */
  float longest_px;
  /**
   * Length of the extent across it in pixels.
   */
  float perpendicular_px;
  /**
   * Length of the longest diameter in millimetres.
   */
  float longest_mm;
  /**
   * Length of the extent across it in millimetres.
   */
  float perpendicular_mm;
  /**
   * 0.
   */
  uint32_t reserved;
} uniultra_measures;

/**
 * Which object is meant: points, a box, an earlier mask, in any combination. Set the structure to zero,
 * then struct_size, then what you have. Coordinates are pixels of the source frame, x to the right, y
 * down; the centre of the top left pixel is (0, 0).
 */
typedef struct {
  /**
   * sizeof(uniultra_prompts).
   */
  uint32_t struct_size;
  /**
   * Number of points, at most UNIULTRA_MAX_POINTS.
   */
  uint32_t point_count;
  /**
   * x, y, x, y and so on.
   */
  const float *points_xy;
  /**
   * UNIULTRA_POSITIVE or UNIULTRA_NEGATIVE for each point.
   */
  const uint32_t *point_labels;
  /**
   * Not 0 if there is a box.
   */
  uint32_t has_box;
  /**
   * x0, y0, x1, y1: its top left and its bottom right corner.
   */
  float corners[4];
  /**
   * Which of mask_from's masks is the prompt, 0 to 3.
   */
  uint32_t mask_token;
  /**
   * An earlier prediction of the same model; all zero if there is none.
   */
  uniultra_prediction mask_from;
} uniultra_prompts;

/**
 * How a model runs. Set the structure to zero, then struct_size, then what you choose.
 */
typedef struct {
  /**
   * sizeof(uniultra_options).
   */
  uint32_t struct_size;
  /**
   * Threads, 1 to 16; 0 means 1. The results' bits do not depend on it.
   */
  uint32_t threads;
  /**
   * Number of CPUs in pins; 0 binds no thread.
   */
  uint32_t pin_count;
  /**
   * Not used; 0.
   */
  uint32_t reserved;
  /**
   * CPUs that threads are bound to, as Linux numbers them. The thread that opens the model is bound
   * to them, too, and stays so.
   */
  const uint32_t *pins;
} uniultra_options;

/**
 * What a model's pack says of itself.
 */
typedef struct {
  /**
   * sizeof(uniultra_model_info).
   */
  uint32_t struct_size;
  /**
   * Side of the square input, in pixels. Frames of any size are resized to it.
   */
  uint32_t image_size;
  /**
   * Side of the square grid of logits.
   */
  uint32_t mask_side;
  /**
   * 1 if the model says how sure it is that the object is there, else 0.
   */
  uint32_t has_object_score;
  /**
   * Short name, ended by a zero.
   */
  char id[UNIULTRA_TEXT_BYTES];
  /**
   * Version of the weights, ended by a zero.
   */
  char version[UNIULTRA_TEXT_BYTES];
} uniultra_model_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the interface that the library has. A program compares it with
 * `UNIULTRA_ABI_VERSION`, which is that of its header, and goes on if it is not lower.
 */
uint32_t uniultra_abi_version(void);

/**
 * The library's release, e.g. "0.1.0". The text is never freed.
 */
const char *uniultra_version(void);

/**
 * Runs the image encoder on a frame: the long part, once a frame.
 */
int32_t uniultra_encode(uniultra_segmenter segmenter,
                        const uniultra_frame *frame,
                        uniultra_encoded *out,
                        uniultra_error *error);

/**
 * What is known of an encoded frame.
 */
int32_t uniultra_encoded_describe(uniultra_encoded encoded,
                                  uniultra_encoded_info *out,
                                  uniultra_error *error);

/**
 * Frees an encoded frame. Its predictions stay valid.
 */
int32_t uniultra_encoded_free(uniultra_encoded encoded, uniultra_error *error);

/**
 * What is known of a prediction, and which of its masks is the answer.
 */
int32_t uniultra_prediction_describe(uniultra_prediction prediction,
                                     uniultra_prediction_info *out,
                                     uniultra_error *error);

/**
 * Writes a mask of the source frame's size: a byte a pixel, 1 object, 0 background. `stride_bytes` go from
 * a row to the next, at least the frame's width; what lies between rows is left alone. `out_bytes` is the
 * size of the buffer, at least (height - 1) * stride_bytes + width.
 */
int32_t uniultra_prediction_mask(uniultra_prediction prediction,
                                 uint32_t token,
                                 uint8_t *out,
                                 size_t stride_bytes,
                                 size_t out_bytes,
                                 uniultra_error *error);

/**
 * Copies the logits of a mask, mask_side rows of mask_side, as the network gave them: above 0 is object.
 * `out_count` is the number of floats that the buffer has room for.
 */
int32_t uniultra_prediction_logits(uniultra_prediction prediction,
                                   uint32_t token,
                                   float *out,
                                   size_t out_count,
                                   uniultra_error *error);

/**
 * Measures a mask; diameters are those of its largest part.
 */
int32_t uniultra_prediction_measures(uniultra_prediction prediction,
                                     uint32_t token,
                                     uniultra_measures *out,
                                     uniultra_error *error);

/**
 * How many closed outlines a mask has, those of holes included.
 */
int32_t uniultra_prediction_outline_count(uniultra_prediction prediction,
                                          uint32_t token,
                                          size_t *out,
                                          uniultra_error *error);

/**
 * Copies an outline, the largest first: x, y, x, y and so on, in pixels of the source frame; the
 * last point joins the first. `out_points` is the number of points that the buffer has room for.
 * `point_count` is set also where the buffer is too small (UNIULTRA_ERROR_BUFFER), so that a first call with
 * a null buffer and 0 asks for the size. `is_hole`, which may be null, is set to 1 for the border of a hole.
 */
int32_t uniultra_prediction_outline(uniultra_prediction prediction,
                                    uint32_t token,
                                    size_t index,
                                    float *out_xy,
                                    size_t out_points,
                                    size_t *point_count,
                                    uint32_t *is_hole,
                                    uniultra_error *error);

/**
 * Frees a prediction.
 */
int32_t uniultra_prediction_free(uniultra_prediction prediction, uniultra_error *error);

/**
 * Runs the mask decoder: once a click.
 */
int32_t uniultra_predict(uniultra_encoded encoded,
                         const uniultra_prompts *prompts,
                         uniultra_prediction *out,
                         uniultra_error *error);

/**
 * Predicts several objects of a frame at once, at most UNIULTRA_MAX_OBJECTS, from an array of pointers to
 * their prompts. The segmenter's threads share them out; each answer has the bits that uniultra_predict
 * gives. `out` has room for `count` handles; if the call fails, all are zero.
 */
int32_t uniultra_predict_all(uniultra_encoded encoded,
                             const uniultra_prompts *const *prompts,
                             size_t count,
                             uniultra_prediction *out,
                             uniultra_error *error);

/**
 * Opens the model inside the library. `options` may be null.
 */
int32_t uniultra_open_embedded(const uniultra_options *options,
                               uniultra_segmenter *out,
                               uniultra_error *error);

/**
 * Opens the pack in a folder, whose path is UTF-8 ended by a zero. `options` may be null.
 */
int32_t uniultra_open_folder(const char *folder,
                             const uniultra_options *options,
                             uniultra_segmenter *out,
                             uniultra_error *error);

/**
 * Opens a pack whose three files are in memory; they are copied. `options` may be null.
 */
int32_t uniultra_open_memory(const uint8_t *model_toml,
                             size_t model_toml_bytes,
                             const uint8_t *image_encoder,
                             size_t image_encoder_bytes,
                             const uint8_t *mask_decoder,
                             size_t mask_decoder_bytes,
                             const uniultra_options *options,
                             uniultra_segmenter *out,
                             uniultra_error *error);

/**
 * What the model's pack says of itself.
 */
int32_t uniultra_segmenter_describe(uniultra_segmenter segmenter,
                                    uniultra_model_info *out,
                                    uniultra_error *error);

/**
 * Frees a segmenter. Frames that it encoded stay valid: the model's memory is freed with the last of
 * them.
 */
int32_t uniultra_segmenter_free(uniultra_segmenter segmenter,
                                uniultra_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* UNIULTRA_H */
