#include "cli/predict_video.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "cli/output_file.h"
#include "core/thread.h"
#include "data/sample_files.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

/// The video appears where all frames are in it.
std::size_t paint(Model& model, const std::function<VideoFrame()>& read, VideoWriter& writer, std::size_t expected,
                  const fs::path& to, const Painting& painting, ProgressLine& line, const std::atomic<bool>& stop) {
    std::size_t written = 0;
    const auto write = [&](const VideoFrame& frame) {
        writer.write(frame);
        if (++written <= expected)
            line.update(static_cast<double>(written), static_cast<double>(expected), to.filename().string());
    };
    const std::size_t frames = predict_frames(model, read, write, painting, stop);
    if (!stop) writer.commit();
    return frames;
}

void say_if_cut(const VideoReader& reader, const fs::path& file, ProgressLine& line) {
    if (const std::string how = reader.cut_short(); !how.empty())
        line.print(fmt::format("{}: {}: it may be cut short", file.string(), how));
}

}  // namespace

std::size_t video_to_video(Model& model, const fs::path& from, const fs::path& to, const Painting& painting,
                           ProgressLine& line, const std::atomic<bool>& stop) {
    refuse_to_replace(from.string(), to.string());
    VideoReader reader(from);
    VideoWriter writer(to, reader.format());
    const std::size_t frames = paint(
        model, [&] { return reader.next(); }, writer, static_cast<std::size_t>(reader.frame_count()), to, painting,
        line, stop);
    if (!stop) say_if_cut(reader, from, line);
    return frames;
}

std::size_t pictures_to_video(Model& model, const std::vector<const Picture*>& from, const fs::path& to, Fraction rate,
                              const Painting& painting, ProgressLine& line, const std::atomic<bool>& stop) {
    const int channels = std::max(3, picture_channels(*model.net));
    VideoFormat format;
    format.rate = rate;
    const FrameSize first = frame_size(from.front()->file, from.front()->label);
    format.height = first.extent.height;
    format.width = first.extent.width;
    VideoWriter writer(to, format);
    std::size_t next = 0;
    const auto read = [&] {
        VideoFrame frame;
        if (next == from.size()) return frame;
        const Picture& picture = *from[next];
        frame.image = read_frame(picture.file, picture.label, channels);
        frame.at = static_cast<std::int64_t>(next++);
        if (frame.image.height != format.height || frame.image.width != format.width)
            fail("{}: is {}x{} (width x height) where the video's first frame is {}x{}", picture.file.string(),
                 frame.image.width, frame.image.height, format.width, format.height);
        return frame;
    };
    return paint(model, read, writer, from.size(), to, painting, line, stop);
}

void video_to_pictures(Predicting& predicting, const fs::path& from, const std::atomic<bool>& stop) {
    VideoReader reader(from);
    const auto read = [&] { return in_thread([&] { return reader.next().image; }); };
    std::future<Image> next = read();
    for (int number = 1; !stop; ++number) {
        Image frame = next.get();
        if (frame.empty()) break;
        next = read();
        const fs::path name = from.stem() / fmt::format("frame_{:05}", number);
        if (!predicting.passes(name))
            predicting.add(
                name, [&] { return std::make_unique<ImageRows>(std::move(frame)); }, stop);
        if (number <= reader.frame_count())
            predicting.line().update(number, static_cast<double>(reader.frame_count()), from.filename().string());
    }
    predicting.finish();
    if (!stop) say_if_cut(reader, from, predicting.line());
}

}  // namespace camber::cli
