#include "cli/predict_stream.h"

#include <cerrno>
#include <cstdio>

namespace camber::cli {
namespace {

/// The next frame; an empty one at the end.
Image read_raw(int height, int width, std::size_t number) {
    Image frame(height, width, 3);
    const std::size_t bytes = std::fread(frame.data.data(), 1, frame.data.size(), stdin);
    if (bytes == frame.data.size()) return frame;
    if (std::ferror(stdin)) fail("standard input cannot be read: {}", error_text(errno));
    if (bytes > 0)
        fail("standard input ends within frame {}: {} of the {} bytes that rgb24 of {}x{} has", number + 1, bytes,
             frame.data.size(), height, width);
    return {};
}

void write_raw(const Image& image) {
    const std::size_t written = std::fwrite(image.data.data(), 1, image.data.size(), stdout);
    if (written != image.data.size() || std::fflush(stdout) != 0)
        fail("the output cannot be written: {}", error_text(errno));
}

}  // namespace

std::size_t predict_stream(Model& model, int height, int width, const Painting& painting,
                           const std::atomic<bool>& stop) {
    std::size_t number = 0;
    const auto read = [&] { return VideoFrame{read_raw(height, width, number++)}; };
    return predict_frames(
        model, read, [](const VideoFrame& frame) { write_raw(frame.image); }, painting, stop);
}

}  // namespace camber::cli
