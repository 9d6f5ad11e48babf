// The C++17 face of uniultra.h: handles that free themselves, and exceptions for error codes.
//
// Handles can be moved and not copied. All may be used from any thread; see the rules in uniultra.h.
#ifndef UNIULTRA_HPP
#define UNIULTRA_HPP

#include "uniultra.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace uniultra {

// What a function threw instead of returning an error code.
class Error : public std::runtime_error {
 public:
  explicit Error(const uniultra_error& error) : std::runtime_error(error.message), code_(error.code) {}
  Error(std::int32_t code, const std::string& message) : std::runtime_error(message), code_(code) {}

  // A UNIULTRA_ERROR_ code.
  [[nodiscard]] std::int32_t code() const noexcept { return code_; }

 private:
  std::int32_t code_;
};

namespace detail {

// A structure with its size in it and the rest zero.
template <typename T>
[[nodiscard]] T sized() noexcept {
  T value{};
  value.struct_size = static_cast<std::uint32_t>(sizeof(T));
  return value;
}

// Calls a function of the C interface; throws where it fails.
template <typename F, typename... Args>
void call(F function, Args... args) {
  uniultra_error error = sized<uniultra_error>();
  if (function(args..., &error) != UNIULTRA_OK) {
    throw Error(error);
  }
}

// Owns a handle.
template <typename Raw, std::int32_t (*Free)(Raw, uniultra_error*)>
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(Raw raw) noexcept : raw_(raw) {}
  Handle(Handle&& other) noexcept : raw_(std::exchange(other.raw_, Raw{})) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      raw_ = std::exchange(other.raw_, Raw{});
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { reset(); }

  // The C interface's handle, which stays this object's.
  [[nodiscard]] Raw get() const noexcept { return raw_; }

  // Whether there is one: not after it was moved from.
  explicit operator bool() const noexcept { return raw_.id != 0; }

  // Frees it now.
  void reset() noexcept {
    if (raw_.id != 0) {
      Free(std::exchange(raw_, Raw{}), nullptr);
    }
  }

 private:
  Raw raw_{};
};

}  // namespace detail

// How a model runs.
struct Options {
  std::uint32_t threads = 1;
  std::vector<std::uint32_t> pins;
};

// A mask of the frame's size: 1 object, 0 background, row by row.
struct Mask {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> pixels;
};

struct Point {
  float x = 0;
  float y = 0;
};

// A closed outline in pixels of the frame; the last point joins the first.
struct Outline {
  std::vector<Point> points;
  bool is_hole = false;
};

class Prediction {
 public:
  explicit Prediction(uniultra_prediction raw) noexcept : handle_(raw) {}

  [[nodiscard]] uniultra_prediction get() const noexcept { return handle_.get(); }

  [[nodiscard]] uniultra_prediction_info info() const {
    auto info = detail::sized<uniultra_prediction_info>();
    detail::call(uniultra_prediction_describe, handle_.get(), &info);
    return info;
  }

  // The mask of a token; without one, the answer.
  [[nodiscard]] Mask mask(std::optional<std::uint32_t> token = std::nullopt) const {
    const uniultra_prediction_info found = info();
    Mask mask{found.width, found.height, {}};
    mask.pixels.resize(std::size_t{mask.width} * mask.height);
    detail::call(uniultra_prediction_mask, handle_.get(), token.value_or(found.token),
                 mask.pixels.data(), std::size_t{mask.width}, mask.pixels.size());
    return mask;
  }

  // Logits [side, side] of a token; above 0 is object.
  [[nodiscard]] std::vector<float> logits(std::uint32_t token) const {
    const std::size_t side = info().mask_side;
    std::vector<float> logits(side * side);
    detail::call(uniultra_prediction_logits, handle_.get(), token, logits.data(), logits.size());
    return logits;
  }

  [[nodiscard]] uniultra_measures measures(std::uint32_t token) const {
    auto measures = detail::sized<uniultra_measures>();
    detail::call(uniultra_prediction_measures, handle_.get(), token, &measures);
    return measures;
  }

  // The outlines of a token, the largest first.
  [[nodiscard]] std::vector<Outline> outlines(std::uint32_t token) const {
    std::size_t count = 0;
    detail::call(uniultra_prediction_outline_count, handle_.get(), token, &count);
    std::vector<Outline> outlines(count);
    for (std::size_t index = 0; index < count; ++index) {
      std::size_t points = 0;
      std::uint32_t hole = 0;
      auto error = detail::sized<uniultra_error>();
      const std::int32_t code = uniultra_prediction_outline(handle_.get(), token, index, nullptr, 0,
                                                            &points, &hole, &error);
      if (code != UNIULTRA_ERROR_BUFFER) {
        throw Error(error);
      }
      std::vector<float> xy(2 * points);
      detail::call(uniultra_prediction_outline, handle_.get(), token, index, xy.data(), points,
                   &points, &hole);
      outlines[index].is_hole = hole != 0;
      for (std::size_t at = 0; at < points; ++at) {
        outlines[index].points.push_back(Point{xy[2 * at], xy[2 * at + 1]});
      }
    }
    return outlines;
  }

 private:
  detail::Handle<uniultra_prediction, uniultra_prediction_free> handle_;
};

// Which object is meant. The methods can be chained.
class Prompts {
 public:
  Prompts& positive(float x, float y) { return point(x, y, UNIULTRA_POSITIVE); }
  Prompts& negative(float x, float y) { return point(x, y, UNIULTRA_NEGATIVE); }

  Prompts& box(float x0, float y0, float x1, float y1) {
    corners_ = {x0, y0, x1, y1};
    return *this;
  }

  // An earlier answer as a prompt; the prediction has to be there when this object is used.
  Prompts& mask(const Prediction& earlier, std::uint32_t token) {
    mask_from_ = earlier.get();
    mask_token_ = token;
    return *this;
  }

  // The C interface's form, which points into this object.
  [[nodiscard]] uniultra_prompts raw() const noexcept {
    auto raw = detail::sized<uniultra_prompts>();
    raw.point_count = static_cast<std::uint32_t>(labels_.size());
    raw.points_xy = xy_.data();
    raw.point_labels = labels_.data();
    if (corners_) {
      raw.has_box = 1;
      for (std::size_t at = 0; at < corners_->size(); ++at) {
        raw.corners[at] = (*corners_)[at];
      }
    }
    raw.mask_from = mask_from_;
    raw.mask_token = mask_token_;
    return raw;
  }

 private:
  Prompts& point(float x, float y, std::uint32_t label) {
    xy_.push_back(x);
    xy_.push_back(y);
    labels_.push_back(label);
    return *this;
  }

  std::vector<float> xy_;
  std::vector<std::uint32_t> labels_;
  std::optional<std::array<float, 4>> corners_;
  uniultra_prediction mask_from_{};
  std::uint32_t mask_token_ = 0;
};

// A frame after the image encoder.
class Encoded {
 public:
  explicit Encoded(uniultra_encoded raw) noexcept : handle_(raw) {}

  [[nodiscard]] uniultra_encoded get() const noexcept { return handle_.get(); }

  [[nodiscard]] uniultra_encoded_info info() const {
    auto info = detail::sized<uniultra_encoded_info>();
    detail::call(uniultra_encoded_describe, handle_.get(), &info);
    return info;
  }

  [[nodiscard]] Prediction predict(const Prompts& prompts) const {
    const uniultra_prompts raw = prompts.raw();
    uniultra_prediction out{};
    detail::call(uniultra_predict, handle_.get(), &raw, &out);
    return Prediction(out);
  }

  // Several objects at once, at most UNIULTRA_MAX_OBJECTS.
  [[nodiscard]] std::vector<Prediction> predict_all(const std::vector<Prompts>& objects) const {
    std::vector<uniultra_prompts> raw;
    std::vector<const uniultra_prompts*> places;
    raw.reserve(objects.size());
    for (const Prompts& prompts : objects) {
      raw.push_back(prompts.raw());
      places.push_back(&raw.back());
    }
    std::vector<uniultra_prediction> out(objects.size());
    std::vector<Prediction> predictions;
    // Before the call, so that nothing can throw between the handles and their owners.
    predictions.reserve(objects.size());
    detail::call(uniultra_predict_all, handle_.get(), places.data(), places.size(), out.data());
    for (const uniultra_prediction handle : out) {
      predictions.emplace_back(handle);
    }
    return predictions;
  }

 private:
  detail::Handle<uniultra_encoded, uniultra_encoded_free> handle_;
};

// An opened model.
class Segmenter {
 public:
  // The model inside the library.
  [[nodiscard]] static Segmenter embedded(const Options& options = {}) {
    return open(options, [](const uniultra_options* raw, uniultra_segmenter* out, uniultra_error* error) {
      return uniultra_open_embedded(raw, out, error);
    });
  }

  // The pack in a folder, whose path is UTF-8.
  [[nodiscard]] static Segmenter folder(const std::string& path, const Options& options = {}) {
    return open(options, [&path](const uniultra_options* raw, uniultra_segmenter* out, uniultra_error* error) {
      return uniultra_open_folder(path.c_str(), raw, out, error);
    });
  }

  [[nodiscard]] uniultra_segmenter get() const noexcept { return handle_.get(); }

  [[nodiscard]] uniultra_model_info info() const {
    auto info = detail::sized<uniultra_model_info>();
    detail::call(uniultra_segmenter_describe, handle_.get(), &info);
    return info;
  }

  // A frame from `frame_of`, or one that was filled in by hand.
  [[nodiscard]] Encoded encode(const uniultra_frame& frame) const {
    uniultra_encoded out{};
    detail::call(uniultra_encode, handle_.get(), &frame, &out);
    return Encoded(out);
  }

 private:
  explicit Segmenter(uniultra_segmenter raw) noexcept : handle_(raw) {}

  template <typename F>
  static Segmenter open(const Options& options, F function) {
    auto raw = detail::sized<uniultra_options>();
    raw.threads = options.threads;
    raw.pins = options.pins.data();
    raw.pin_count = static_cast<std::uint32_t>(options.pins.size());
    uniultra_segmenter out{};
    detail::call(function, static_cast<const uniultra_options*>(&raw), &out);
    return Segmenter(out);
  }

  detail::Handle<uniultra_segmenter, uniultra_segmenter_free> handle_;
};

// A frame in memory, with rows side by side; change the fields for another stride, a pixel's side or a time.
[[nodiscard]] inline uniultra_frame frame_of(std::uint32_t format, std::uint32_t width, std::uint32_t height,
                                             const std::uint8_t* pixels) noexcept {
  auto frame = detail::sized<uniultra_frame>();
  frame.format = format;
  frame.width = width;
  frame.height = height;
  frame.pixels = pixels;
  frame.stride_bytes = std::size_t{width} * (format == UNIULTRA_RGB8 ? 3 : 1);
  frame.pixels_bytes = frame.stride_bytes * height;
  return frame;
}

}  // namespace uniultra

#endif  // UNIULTRA_HPP
