#pragma once
// FFmpeg's libraries as their headers have them, loaded when a video is first opened: most commands need none, and they
// bring some seventy others along.
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/mathematics.h>
#include <libswscale/swscale.h>
}

namespace camber {

#define CAMBER_AVUTIL(use)                                                                                            \
    use(av_display_rotation_get) use(av_frame_alloc) use(av_frame_free) use(av_frame_get_buffer)                      \
        use(av_frame_make_writable) use(av_freep) use(av_log_set_level) use(av_malloc) use(av_reduce) use(av_rescale) \
            use(av_rescale_q) use(av_strerror)
#define CAMBER_AVCODEC(use)                                                                                    \
    use(av_packet_alloc) use(av_packet_free) use(av_packet_rescale_ts) use(av_packet_unref)                    \
        use(avcodec_alloc_context3) use(avcodec_find_encoder) use(avcodec_free_context) use(avcodec_open2)     \
            use(avcodec_parameters_from_context) use(avcodec_parameters_to_context) use(avcodec_receive_frame) \
                use(avcodec_receive_packet) use(avcodec_send_frame) use(avcodec_send_packet)
#define CAMBER_AVFORMAT(use)                                                                                           \
    use(av_find_best_stream) use(av_guess_frame_rate) use(av_guess_sample_aspect_ratio)                                \
        use(av_interleaved_write_frame) use(av_read_frame) use(av_write_trailer) use(avformat_alloc_context)           \
            use(avformat_alloc_output_context2) use(avformat_close_input) use(avformat_find_stream_info)               \
                use(avformat_free_context) use(avformat_new_stream) use(avformat_open_input) use(avformat_query_codec) \
                    use(avformat_write_header) use(avio_alloc_context) use(avio_context_free) use(avio_flush)
#define CAMBER_SWSCALE(use) \
    use(sws_freeContext) use(sws_getCachedContext) use(sws_getCoefficients) use(sws_scale) use(sws_setColorspaceDetails)

/// Of the versions that Camber was built with; other ones lay their structures out otherwise.
struct FfmpegLibrary {
#define CAMBER_MEMBER(name) decltype(&::name) name;  // NOLINT(bugprone-macro-parentheses): declares it
    CAMBER_AVUTIL(CAMBER_MEMBER)
    CAMBER_AVCODEC(CAMBER_MEMBER)
    CAMBER_AVFORMAT(CAMBER_MEMBER)
    CAMBER_SWSCALE(CAMBER_MEMBER)
#undef CAMBER_MEMBER
};

/// Throws Error saying what is missing.
const FfmpegLibrary& ffmpeg();

}  // namespace camber
