// The C++17 wrapper on the sample frame: wrapper FRAME.pgm MASK.pgm
#include <uniultra.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <type_traits>

static_assert(!std::is_copy_constructible_v<uniultra::Segmenter>, "a handle has one owner");
static_assert(std::is_nothrow_move_constructible_v<uniultra::Encoded>, "and can be given away");

namespace {

void require(bool held, const char* what) {
  if (!held) {
    std::printf("not so: %s\n", what);
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  std::string magic;
  unsigned width = 0, height = 0, most = 0;
  file >> magic >> width >> height >> most;
  file.get();
  std::vector<std::uint8_t> gray{std::istreambuf_iterator<char>(file), {}};
  require(magic == "P5" && gray.size() == std::size_t{width} * height, "the frame is a PGM");

  uniultra::Options options;
  options.threads = 2;
  uniultra::Segmenter segmenter = uniultra::Segmenter::embedded(options);
  require(std::string(segmenter.info().id) == "uniultra-mini-int8", "the model is the one inside");

  uniultra_frame frame = uniultra::frame_of(UNIULTRA_GRAY8, width, height, gray.data());
  frame.um_per_pixel = 100.0F;
  frame.timestamp = 123456789012;
  uniultra::Encoded encoded = segmenter.encode(frame);
  require(encoded.info().timestamp == frame.timestamp, "the time comes back");

  uniultra::Prompts click;
  click.positive(269, 279);
  const uniultra::Prediction first = encoded.predict(click);
  const uniultra_prediction_info info = first.info();
  require(info.predicted_iou[info.token] > 0.8F, "the model is sure");

  // Gray as RGB, with bytes between the rows, is the same frame.
  std::vector<std::uint8_t> rgb(height * (std::size_t{3} * width + 5), 255);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        rgb[y * (3 * width + 5) + 3 * x + channel] = gray[y * width + x];
      }
    }
  }
  uniultra_frame coloured = uniultra::frame_of(UNIULTRA_RGB8, width, height, rgb.data());
  coloured.stride_bytes = std::size_t{3} * width + 5;
  coloured.pixels_bytes = rgb.size();
  require(segmenter.encode(coloured).predict(click).logits(0) == first.logits(0), "RGB is as gray");

  // Millimetres, and outlines that enclose about what the mask has.
  const uniultra_measures measures = first.measures(info.token);
  const double area_px = static_cast<double>(measures.area_px);
  require(std::fabs(measures.area_mm2 - area_px * 0.01) < 1e-3 * area_px, "100 um are 0.1 mm");
  require(std::fabs(measures.longest_mm - 0.1F * measures.longest_px) < 1e-3F, "lengths, too");
  double enclosed = 0;
  for (const uniultra::Outline& outline : first.outlines(info.token)) {
    double twice = 0;
    for (std::size_t at = 0; at < outline.points.size(); ++at) {
      const uniultra::Point a = outline.points[at];
      const uniultra::Point b = outline.points[(at + 1) % outline.points.size()];
      twice += double{a.x} * b.y - double{b.x} * a.y;
    }
    enclosed += std::fabs(twice) / (outline.is_hole ? -2 : 2);
  }
  require(std::fabs(enclosed - area_px) < 0.02 * area_px, "outlines enclose the mask");

  // Refinement, and several objects on the segmenter's threads.
  uniultra::Prompts refined = click;
  refined.negative(420, 120).mask(first, info.token);
  const uniultra::Prediction second = encoded.predict(refined);
  require(second.measures(second.info().token).area_px > 0, "a refined mask is not empty");
  uniultra::Prompts box;
  box.box(190, 208, 342, 347);
  const std::vector<uniultra::Prediction> together = encoded.predict_all({click, box});
  require(together.size() == 2, "one answer an object");
  require(together[0].logits(0) == first.logits(0), "together as alone");

  // Errors are exceptions with a code.
  try {
    uniultra::Prompts outside;
    outside.positive(5000, 5);
    static_cast<void>(encoded.predict(outside));
    require(false, "a click outside is refused");
  } catch (const uniultra::Error& error) {
    require(error.code() == UNIULTRA_ERROR_PROMPT, "as a prompt's error");
    require(std::string(error.what()).find("5000") != std::string::npos, "with what was found");
  }

  // A frame goes to another thread and outlives its segmenter.
  { const uniultra::Segmenter gone = std::move(segmenter); }
  uniultra::Mask mask;
  std::thread([moved = std::move(encoded), &click, &mask] { mask = moved.predict(click).mask(); }).join();
  require(!encoded.get().id, "a moved handle is empty");

  std::ofstream out(argv[2], std::ios::binary);
  out << "P5\n" << mask.width << ' ' << mask.height << "\n255\n";
  for (const std::uint8_t pixel : mask.pixels) {
    out.put(static_cast<char>(pixel ? 255 : 0));
  }
  return out.good() ? 0 : 1;
}
