// Videos by FFmpeg's libraries (libavformat, libavcodec, libswscale, libavutil).
#include <camber/error.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <new>
#include <string>

#include "io/atomic_file.h"
#include "io/exif.h"
#include "io/ffmpeg_library.h"
#include "io/input_file.h"
#include "io/video.h"

namespace camber {
namespace {

std::string reason(int error) {
    char text[AV_ERROR_MAX_STRING_SIZE] = {};
    ffmpeg().av_strerror(error, text, sizeof text);
    return text;
}

template <class T>
T* allocated(T* block) {
    if (!block) throw std::bad_alloc();
    return block;
}

struct Release {
    void operator()(AVIOContext* io) const {
        ffmpeg().av_freep(&io->buffer);
        ffmpeg().avio_context_free(&io);
    }
    void operator()(AVCodecContext* codec) const { ffmpeg().avcodec_free_context(&codec); }
    void operator()(AVFrame* frame) const { ffmpeg().av_frame_free(&frame); }
    void operator()(AVPacket* packet) const { ffmpeg().av_packet_free(&packet); }
    void operator()(SwsContext* scaler) const { ffmpeg().sws_freeContext(scaler); }
};
struct CloseInput {
    void operator()(AVFormatContext* input) const { ffmpeg().avformat_close_input(&input); }
};
struct FreeOutput {
    void operator()(AVFormatContext* output) const { ffmpeg().avformat_free_context(output); }
};
using Io = std::unique_ptr<AVIOContext, Release>;
using Codec = std::unique_ptr<AVCodecContext, Release>;
using Frame = std::unique_ptr<AVFrame, Release>;
using Packet = std::unique_ptr<AVPacket, Release>;
using Input = std::unique_ptr<AVFormatContext, CloseInput>;
using Output = std::unique_ptr<AVFormatContext, FreeOutput>;

constexpr int io_bytes = 1 << 16;

std::uint8_t* io_buffer() { return static_cast<std::uint8_t*>(allocated(ffmpeg().av_malloc(io_bytes))); }

/// Turns pixels into those of another kind or size. What goes through is padded, as libswscale has it.
class Scaler {
  public:
    void run(const AVFrame& from, AVFrame& to) {
        constexpr int flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;
        const auto format_of = [](const AVFrame& frame) { return static_cast<AVPixelFormat>(frame.format); };
        context_.reset(ffmpeg().sws_getCachedContext(context_.release(), from.width, from.height, format_of(from),
                                                     to.width, to.height, format_of(to), flags, nullptr, nullptr,
                                                     nullptr));
        if (!context_) throw std::bad_alloc();
        ffmpeg().sws_setColorspaceDetails(
            context_.get(), ffmpeg().sws_getCoefficients(matrix(from)), from.color_range == AVCOL_RANGE_JPEG,
            ffmpeg().sws_getCoefficients(matrix(to)), to.color_range == AVCOL_RANGE_JPEG, 0, 1 << 16, 1 << 16);
        ffmpeg().sws_scale(context_.get(), from.data, from.linesize, 0, from.height, to.data, to.linesize);
    }

    /// SWS_CS_.. of a frame; where it does not say, as players take it.
    static int matrix(const AVFrame& frame) {
        constexpr int hd = 720;
        switch (frame.colorspace) {
            case AVCOL_SPC_BT709:
            case AVCOL_SPC_FCC:
            case AVCOL_SPC_BT470BG:
            case AVCOL_SPC_SMPTE170M:
            case AVCOL_SPC_SMPTE240M:
            case AVCOL_SPC_BT2020_NCL:
            case AVCOL_SPC_BT2020_CL:
                return frame.colorspace;
            default:
                return frame.height >= hd ? SWS_CS_ITU709 : SWS_CS_ITU601;
        }
    }

  private:
    std::unique_ptr<SwsContext, Release> context_;
};

Frame new_frame(AVPixelFormat format, int height, int width) {
    Frame frame(allocated(ffmpeg().av_frame_alloc()));
    frame->format = format;
    frame->height = height;
    frame->width = width;
    if (ffmpeg().av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
    return frame;
}

/// Exif's orientation for what a stream says of how it is turned.
int orientation_of(const AVStream& stream) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 0)
    const AVPacketSideData* const data = stream.codecpar->coded_side_data;
    const int count = stream.codecpar->nb_coded_side_data;
#else
    const AVPacketSideData* const data = stream.side_data;
    const int count = stream.nb_side_data;
#endif
    const std::uint8_t* matrix = nullptr;
    for (int i = 0; i < count; ++i)
        if (data[i].type == AV_PKT_DATA_DISPLAYMATRIX) matrix = data[i].data;
    if (!matrix) return 1;
    const double degrees = -ffmpeg().av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix));
    if (!(std::abs(degrees) <= 360)) return 1;
    constexpr int upright = 1, half = 3, clockwise = 6, counterclockwise = 8;
    constexpr int by_quarters[] = {upright, clockwise, half, counterclockwise};
    return by_quarters[(static_cast<int>(std::lround(degrees / 90)) + 4) % 4];
}

Fraction fraction(AVRational ratio, Fraction otherwise) {
    if (ratio.num <= 0 || ratio.den <= 0) return otherwise;
    int numerator = 0, denominator = 1;
    ffmpeg().av_reduce(&numerator, &denominator, ratio.num, ratio.den, std::numeric_limits<std::uint16_t>::max());
    return numerator > 0 && denominator > 0 ? Fraction{numerator, denominator} : otherwise;
}

AVRational rational(Fraction fraction) { return {fraction.numerator, fraction.denominator}; }

}  // namespace

struct VideoReader::State {
    explicit State(const std::filesystem::path& path) : file(path) {
        io.reset(allocated(ffmpeg().avio_alloc_context(io_buffer(), io_bytes, 0, this, read, nullptr, seek)));
        AVFormatContext* context = allocated(ffmpeg().avformat_alloc_context());
        context->pb = io.get();
        context->io_open = refuse_other;
        const int error =
            ffmpeg().avformat_open_input(&context, nullptr, nullptr, nullptr);  // which frees it where it fails
        if (error < 0) fail_opening(error);
        input.reset(context);
        if (const int unknown = ffmpeg().avformat_find_stream_info(context, nullptr); unknown < 0)
            fail_opening(unknown);
        const AVCodec* codec = nullptr;
        const int index = ffmpeg().av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
        if (index == AVERROR_DECODER_NOT_FOUND)
            fail("{}: is a video of a codec that this system's FFmpeg cannot decode", file.name());
        if (index < 0) fail("{}: holds no video", file.name());
        stream = context->streams[index];
        decoder.reset(allocated(ffmpeg().avcodec_alloc_context3(codec)));
        ffmpeg().avcodec_parameters_to_context(decoder.get(), stream->codecpar);
        decoder->thread_count = 0;
        decoder->pkt_timebase = stream->time_base;
        if (const int unopened = ffmpeg().avcodec_open2(decoder.get(), codec, nullptr); unopened < 0)
            fail_opening(unopened);
        check_size();
    }

    [[noreturn]] void fail_opening(int error) {
        if (unread) std::rethrow_exception(unread);
        if (error == AVERROR(ENOMEM)) throw std::bad_alloc();
        fail("{}: is not a video that can be read: {}", file.name(), reason(error));
    }
    void check_size() const {
        if (decoder->height < 1 || decoder->width < 1) fail("{}: does not say how large its frames are", file.name());
    }

    static int read(void* self, std::uint8_t* to, int count) {
        State& state = *static_cast<State*>(self);
        const std::uint64_t left = state.file.size() - std::min(state.at, state.file.size());
        const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(left, static_cast<std::uint64_t>(count)));
        if (bytes == 0) return AVERROR_EOF;
        try {  // which may not leave through FFmpeg
            state.file.read(state.at, to, bytes);
        } catch (...) {
            state.unread = std::current_exception();
            return AVERROR(EIO);
        }
        state.at += bytes;
        return static_cast<int>(bytes);
    }
    static std::int64_t seek(void* self, std::int64_t offset, int whence) {
        State& state = *static_cast<State*>(self);
        const auto size = static_cast<std::int64_t>(state.file.size());
        if (whence & AVSEEK_SIZE) return size;
        const std::int64_t from = (whence & ~AVSEEK_FORCE) == SEEK_SET   ? 0
                                  : (whence & ~AVSEEK_FORCE) == SEEK_CUR ? static_cast<std::int64_t>(state.at)
                                                                         : size;
        if (from + offset < 0) return AVERROR(EINVAL);
        state.at = static_cast<std::uint64_t>(from + offset);
        return from + offset;
    }
    /// A playlist may name what else is to be opened, on other machines too.
    static int refuse_other(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
        return AVERROR(EPERM);
    }

    /// Whether there was one.
    bool decode() {
        for (;;) {
            const int got = ffmpeg().avcodec_receive_frame(decoder.get(), frame.get());
            if (got == 0) return true;
            if (got == AVERROR_EOF) return false;
            if (got != AVERROR(EAGAIN)) fail_damaged(got);
            feed();
        }
    }
    void feed() {
        for (;;) {
            const int got = ffmpeg().av_read_frame(input.get(), packet.get());
            if (unread) std::rethrow_exception(unread);
            if (got < 0 && got != AVERROR_EOF) fail_damaged(got);
            const bool ours = got == 0 && packet->stream_index == stream->index;
            if (ours) partial = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
            int sent = 0;
            if (got < 0 || ours) sent = ffmpeg().avcodec_send_packet(decoder.get(), got < 0 ? nullptr : packet.get());
            ffmpeg().av_packet_unref(packet.get());
            if (sent < 0 && sent != AVERROR_EOF) fail_damaged(sent);
            if (got < 0 || ours) return;
        }
    }
    [[noreturn]] void fail_damaged(int error) const {
        if (error == AVERROR(ENOMEM)) throw std::bad_alloc();
        fail("{}: frame {} is damaged: {}", file.name(), count + 1, reason(error));
    }

    InputFile file;
    std::uint64_t at = 0;
    std::exception_ptr unread;
    Io io;
    Input input;
    AVStream* stream = nullptr;
    Codec decoder;
    Packet packet{allocated(ffmpeg().av_packet_alloc())};
    Frame frame{allocated(ffmpeg().av_frame_alloc())};
    Frame rgb;
    Scaler scaler;
    int orientation = 1;
    std::int64_t count = 0, first = AV_NOPTS_VALUE, last = -1;
    std::int64_t time = AV_NOPTS_VALUE;  ///< of the last frame, in the stream's
    bool partial = false;                ///< the last frame was
};

VideoReader::VideoReader(const std::filesystem::path& file) {
    state_ = std::make_unique<State>(file);
    const AVStream& stream = *state_->stream;
    format_.height = state_->decoder->height;
    format_.width = state_->decoder->width;
    state_->rgb = new_frame(AV_PIX_FMT_RGB24, format_.height, format_.width);
    state_->rgb->color_range = AVCOL_RANGE_JPEG;
    const AVRational rate = ffmpeg().av_guess_frame_rate(state_->input.get(), state_->stream, nullptr);
    format_.rate = fraction(rate, format_.rate);
    format_.pixel_aspect = fraction(ffmpeg().av_guess_sample_aspect_ratio(state_->input.get(), state_->stream, nullptr),
                                    format_.pixel_aspect);
    state_->orientation = orientation_of(stream);
    if (state_->orientation >= 5) {
        std::swap(format_.height, format_.width);
        std::swap(format_.pixel_aspect.numerator, format_.pixel_aspect.denominator);
    }
    frame_count_ = stream.nb_frames;
    if (frame_count_ <= 0 && state_->input->duration > 0)
        frame_count_ = ffmpeg().av_rescale(state_->input->duration, rate.num, std::int64_t{rate.den} * AV_TIME_BASE);
}

VideoReader::~VideoReader() = default;

VideoFrame VideoReader::next() {
    State& state = *state_;
    if (!state.decode()) {
        if (state.count == 0) fail("{}: holds no frame", state.file.name());
        return {};
    }
    state.scaler.run(*state.frame, *state.rgb);
    VideoFrame next;
    next.image = Image(state.rgb->height, state.rgb->width, 3);
    for (int y = 0; y < next.image.height; ++y)
        std::copy_n(state.rgb->data[0] + std::ptrdiff_t{y} * state.rgb->linesize[0], next.image.width * 3,
                    next.image.at(y, 0));
    next.image = turned_upright(std::move(next.image), state.orientation);
    const std::int64_t time = state.time = state.frame->best_effort_timestamp;
    if (state.first == AV_NOPTS_VALUE) state.first = time;
    const bool timed = time != AV_NOPTS_VALUE && state.first != AV_NOPTS_VALUE;
    next.at = timed
                  ? ffmpeg().av_rescale_q(time - state.first, state.stream->time_base, av_inv_q(rational(format_.rate)))
                  : 0;
    next.at = state.last = std::max(next.at, state.last + 1);
    ++state.count;
    return next;
}

std::string VideoReader::cut_short() const {
    if (state_->partial) return "its last frame is not whole";
    const AVFormatContext& input = *state_->input;
    const AVStream& stream = *state_->stream;
    if (state_->time == AV_NOPTS_VALUE || input.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE) return {};
    const auto end = [](std::int64_t start, std::int64_t duration, AVRational base) {
        if (duration == AV_NOPTS_VALUE) return 0.0;
        return static_cast<double>((start == AV_NOPTS_VALUE ? 0 : start) + duration) * base.num / base.den;
    };
    double named = end(stream.start_time, stream.duration, stream.time_base);
    if (named == 0) named = end(input.start_time, input.duration, {1, AV_TIME_BASE});
    const double left = named - end(0, state_->time, stream.time_base);
    constexpr double most = 1;  // sound may be as much longer
    return left > most ? fmt::format("its frames end {:.1f} seconds before the end that it names", left)
                       : std::string();
}

struct VideoWriter::State {
    State(const std::filesystem::path& path, const VideoFormat& format) : name(path.string()), file(path) {
        AVFormatContext* context = nullptr;
        if (ffmpeg().avformat_alloc_output_context2(&context, nullptr, nullptr, name.c_str()) < 0 || !context)
            fail("{}: this system's FFmpeg writes no video of that name", name);
        output.reset(context);
        io.reset(allocated(ffmpeg().avio_alloc_context(io_buffer(), io_bytes, 1, this, nullptr, write, seek)));
        context->pb = io.get();
        context->flags |= AVFMT_FLAG_CUSTOM_IO;
        const AVCodec* const codec = usual_encoder(*context->oformat);
        stream = allocated(ffmpeg().avformat_new_stream(context, nullptr));
        encoder.reset(allocated(ffmpeg().avcodec_alloc_context3(codec)));
        set_up(*codec, format);
        if (context->oformat->flags & AVFMT_GLOBALHEADER) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
        check(ffmpeg().avcodec_open2(encoder.get(), codec, nullptr));
        check(ffmpeg().avcodec_parameters_from_context(stream->codecpar, encoder.get()));
        stream->time_base = encoder->time_base;
        stream->avg_frame_rate = encoder->framerate;
        stream->sample_aspect_ratio = encoder->sample_aspect_ratio;
        check(ffmpeg().avformat_write_header(context, nullptr));
        rgb = new_frame(AV_PIX_FMT_RGB24, format.height, format.width);
        rgb->color_range = AVCOL_RANGE_JPEG;
        pixels = new_frame(encoder->pix_fmt, format.height, format.width);
        pixels->colorspace = encoder->colorspace;
        pixels->color_range = encoder->color_range;
    }

    const AVCodec* usual_encoder(const AVOutputFormat& format) const {
        const AVCodec* codec =
            format.video_codec == AV_CODEC_ID_NONE ? nullptr : ffmpeg().avcodec_find_encoder(format.video_codec);
        if (!codec && ffmpeg().avformat_query_codec(&format, AV_CODEC_ID_MPEG4, FF_COMPLIANCE_NORMAL) == 1)
            codec = ffmpeg().avcodec_find_encoder(AV_CODEC_ID_MPEG4);
        if (!codec) fail("{}: this system's FFmpeg has no encoder for it", name);
        return codec;
    }
    void set_up(const AVCodec& codec, const VideoFormat& format) {
        encoder->height = format.height;
        encoder->width = format.width;
        encoder->framerate = rational(format.rate);
        encoder->time_base = av_inv_q(encoder->framerate);
        encoder->sample_aspect_ratio = rational(format.pixel_aspect);
        encoder->pix_fmt = pixel_format(codec, format);
        encoder->colorspace = AVCOL_SPC_BT709;
        encoder->color_range = AVCOL_RANGE_MPEG;
        encoder->thread_count = 0;
        if (codec.id == AV_CODEC_ID_H264) return;  // has a constant quality of its own
        constexpr double bits_a_pixel = 0.2;
        encoder->bit_rate = static_cast<std::int64_t>(bits_a_pixel * format.height * format.width *
                                                      format.rate.numerator / format.rate.denominator);
    }
    /// What every player takes, but for odd sizes, where some encoders refuse it.
    static AVPixelFormat pixel_format(const AVCodec& codec, const VideoFormat& format) {
        const AVPixelFormat wanted =
            format.height % 2 == 0 && format.width % 2 == 0 ? AV_PIX_FMT_YUV420P : AV_PIX_FMT_YUV444P;
        if (!codec.pix_fmts) return wanted;
        for (const AVPixelFormat* one = codec.pix_fmts; *one != AV_PIX_FMT_NONE; ++one)
            if (*one == wanted) return wanted;
        return codec.pix_fmts[0];
    }

#if LIBAVFORMAT_VERSION_MAJOR >= 61
    using Bytes = const std::uint8_t*;
#else
    using Bytes = std::uint8_t*;
#endif
    static int write(void* self, Bytes bytes, int count) {
        State& state = *static_cast<State*>(self);
        const auto all = static_cast<std::uint64_t>(count);
        const std::uint64_t over = std::min(all, state.size - state.at);
        try {  // which may not leave through FFmpeg
            state.file.overwrite(state.at, {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(over)});
            state.file.write(bytes + over, static_cast<std::size_t>(all - over));
        } catch (...) {
            state.unwritten = std::current_exception();
            return AVERROR(EIO);
        }
        state.at += all;
        state.size = std::max(state.size, state.at);
        return count;
    }
    static std::int64_t seek(void* self, std::int64_t offset, int whence) {
        State& state = *static_cast<State*>(self);
        if (whence & AVSEEK_SIZE) return static_cast<std::int64_t>(state.size);
        if (whence != SEEK_SET || offset < 0 || static_cast<std::uint64_t>(offset) > state.size) return AVERROR(EINVAL);
        state.at = static_cast<std::uint64_t>(offset);
        return offset;
    }

    void check(int result) const {
        if (result >= 0) return;
        if (unwritten) std::rethrow_exception(unwritten);
        if (result == AVERROR(ENOMEM)) throw std::bad_alloc();
        fail("{}: the video cannot be written: {}", name, reason(result));
    }
    /// `frame`: null at the end.
    void encode(const AVFrame* frame) {
        check(ffmpeg().avcodec_send_frame(encoder.get(), frame));
        for (;;) {
            const int got = ffmpeg().avcodec_receive_packet(encoder.get(), packet.get());
            if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return;
            check(got);
            packet->stream_index = stream->index;
            ffmpeg().av_packet_rescale_ts(packet.get(), encoder->time_base, stream->time_base);
            check(ffmpeg().av_interleaved_write_frame(output.get(), packet.get()));
        }
    }

    std::string name;
    AtomicFile file;
    std::uint64_t at = 0, size = 0;
    std::exception_ptr unwritten;
    Io io;
    Output output;
    AVStream* stream = nullptr;
    Codec encoder;
    Packet packet{allocated(ffmpeg().av_packet_alloc())};
    Frame rgb, pixels;
    Scaler scaler;
};

VideoWriter::VideoWriter(const std::filesystem::path& file, const VideoFormat& format) {
    state_ = std::make_unique<State>(file, format);
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::write(const VideoFrame& frame) {
    State& state = *state_;
    for (int y = 0; y < frame.image.height; ++y)
        std::copy_n(frame.image.at(y, 0), frame.image.width * 3,
                    state.rgb->data[0] + std::ptrdiff_t{y} * state.rgb->linesize[0]);
    if (ffmpeg().av_frame_make_writable(state.pixels.get()) < 0) throw std::bad_alloc();
    state.scaler.run(*state.rgb, *state.pixels);
    state.pixels->pts = frame.at;
    state.encode(state.pixels.get());
}

void VideoWriter::commit() {
    State& state = *state_;
    state.encode(nullptr);
    state.check(ffmpeg().av_write_trailer(state.output.get()));
    ffmpeg().avio_flush(state.io.get());
    state.check(state.io->error);
    state.file.commit();
}

}  // namespace camber
