// In a build without FFmpeg's libraries.
#include <camber/error.h>

#include "io/video.h"

namespace camber {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file) {
    fail(
        "{}: this build has no video: install libavformat-dev, libavcodec-dev and libswscale-dev (`tools/setup.sh "
        "video`) and build again, or pipe frames from and to the ffmpeg command with --stdin",
        file.string());
}

}  // namespace

struct VideoReader::State {};
struct VideoWriter::State {};

VideoReader::VideoReader(const std::filesystem::path& file) { refuse(file); }
VideoReader::~VideoReader() = default;
VideoFrame VideoReader::next() { return {}; }
std::string VideoReader::cut_short() const { return {}; }

VideoWriter::VideoWriter(const std::filesystem::path& file, const VideoFormat& /*format*/) { refuse(file); }
VideoWriter::~VideoWriter() = default;
void VideoWriter::write(const VideoFrame& /*frame*/) {}
void VideoWriter::commit() {}

}  // namespace camber
