#include "io/ffmpeg_library.h"

#include <camber/error.h>
#include <dlfcn.h>

#include <string>

namespace camber {
namespace {

void* open_library(const std::string& name, int version) {
    const std::string file = fmt::format("lib{}.so.{}", name, version);
    void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fail(
            "videos need FFmpeg's {}, which cannot be loaded ({}): install it, or pipe frames from and to the ffmpeg "
            "command with --stdin",
            file, ::dlerror());
    return library;
}

template <class F>
void find(void* library, const char* name, F& function) {
    function = reinterpret_cast<F>(::dlsym(library, name));
    if (!function) fail("FFmpeg's libraries have no {}: {}", name, ::dlerror());
}

FfmpegLibrary loaded() {
    FfmpegLibrary all{};
#define CAMBER_FIND(name) find(library, #name, all.name);
    void* library = open_library("avutil", LIBAVUTIL_VERSION_MAJOR);
    CAMBER_AVUTIL(CAMBER_FIND)
    library = open_library("swscale", LIBSWSCALE_VERSION_MAJOR);
    CAMBER_SWSCALE(CAMBER_FIND)
    library = open_library("avcodec", LIBAVCODEC_VERSION_MAJOR);
    CAMBER_AVCODEC(CAMBER_FIND)
    library = open_library("avformat", LIBAVFORMAT_VERSION_MAJOR);
    CAMBER_AVFORMAT(CAMBER_FIND)
#undef CAMBER_FIND
    all.av_log_set_level(AV_LOG_QUIET);  // what is wrong is thrown; its own lines would stand beside
    return all;
}

}  // namespace

const FfmpegLibrary& ffmpeg() {
    static const FfmpegLibrary library = loaded();
    return library;
}

}  // namespace camber
