#include "cli/predict_frames.h"

#include <camber/label_picture.h>

#include <future>

#include "core/thread.h"

namespace camber::cli {
namespace {

Image painted(const Image& frame, const Image& labels, const ClassTable& classes, const Painting& painting) {
    if (painting.kind == OutputKind::labels) return labels;
    return painting.kind == OutputKind::colours ? colour_labels(labels, classes)
                                                : overlay_labels(frame, labels, classes, painting.alpha);
}

}  // namespace

std::size_t predict_frames(Model& model, const std::function<VideoFrame()>& read,
                           const std::function<void(const VideoFrame&)>& write, const Painting& painting,
                           const std::atomic<bool>& stop) {
    std::size_t done = 0;
    std::future<void> writing;
    std::future<VideoFrame> next = in_thread(read);
    while (!stop) {
        const VideoFrame frame = next.get();
        if (frame.image.empty()) break;
        next = in_thread(read);
        Image labels = predict(model, frame.image);
        if (writing.valid()) writing.get();
        writing = in_thread([&model, &write, painting, frame, labels = std::move(labels)] {
            write({painted(frame.image, labels, model.classes, painting), frame.at});
        });
        ++done;
    }
    if (writing.valid()) writing.get();
    return done;
}

}  // namespace camber::cli
