#pragma once
#include <camber/image.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace camber {

struct Fraction {
    int numerator = 0, denominator = 1;
};

/// How a video is shown.
struct VideoFormat {
    int height = 0, width = 0;       ///< upright
    Fraction rate = {25, 1};         ///< frames a second
    Fraction pixel_aspect = {1, 1};  ///< width over height
};

struct VideoFrame {
    Image image;          ///< RGB, upright; empty past the last one
    std::int64_t at = 0;  ///< when it is shown, in frames of VideoFormat::rate from the first on
};

/// Whether a file's name ends as a video's does.
bool is_video(const std::filesystem::path& file);

/// The frames of a video one after the other, by FFmpeg's libraries.
class VideoReader {
  public:
    /// Throws Error where it holds no video that can be decoded, and in a build without those libraries.
    explicit VideoReader(const std::filesystem::path& file);
    ~VideoReader();
    VideoReader(const VideoReader&) = delete;
    VideoReader& operator=(const VideoReader&) = delete;

    const VideoFormat& format() const { return format_; }
    std::int64_t frame_count() const { return frame_count_; }  ///< as the file says, or reckoned; 0: it does not
    /// Throws Error where one is damaged.
    VideoFrame next();
    /// Past the last frame: by what the file seems to be cut short, for most kinds of videos play to where they are
    /// cut; empty where it seems whole.
    std::string cut_short() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
    VideoFormat format_;
    std::int64_t frame_count_ = 0;
};

/// Writes a video in the container that its file's name ends in, with the codec that is usual there: mp4 with H.264.
/// The file appears whole or not at all, as AtomicFile's.
class VideoWriter {
  public:
    /// Throws Error where the build cannot write such a video.
    VideoWriter(const std::filesystem::path& file, const VideoFormat& format);
    ~VideoWriter();
    VideoWriter(const VideoWriter&) = delete;
    VideoWriter& operator=(const VideoWriter&) = delete;

    /// `frame`, of the format's size, RGB, is later than those before.
    void write(const VideoFrame& frame);
    void commit();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace camber
