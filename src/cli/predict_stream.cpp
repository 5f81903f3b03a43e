#include "cli/predict_stream.h"

#include <camber/label_picture.h>

#include <cerrno>
#include <cstdio>
#include <future>

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

Image painted(const Image& frame, const Image& labels, const ClassTable& classes, Output output, float alpha) {
    if (output == Output::labels) return labels;
    return output == Output::colours ? colour_labels(labels, classes) : overlay_labels(frame, labels, classes, alpha);
}

}  // namespace

std::size_t predict_stream(Model& model, int height, int width, Output output, float alpha,
                           const std::atomic<bool>& stop) {
    const auto read = [=](std::size_t number) {
        return std::async(std::launch::async, [=] { return read_raw(height, width, number); });
    };
    std::size_t done = 0;
    std::future<void> writing;
    std::future<Image> next = read(0);
    while (!stop) {
        const Image frame = next.get();
        if (frame.empty()) break;
        next = read(done + 1);
        Image labels = predict(model, frame);
        if (writing.valid()) writing.get();
        writing = std::async(std::launch::async, [&model, output, alpha, frame, labels = std::move(labels)] {
            write_raw(painted(frame, labels, model.classes, output, alpha));
        });
        ++done;
    }
    if (writing.valid()) writing.get();
    return done;
}

}  // namespace camber::cli
