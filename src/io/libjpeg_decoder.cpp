#include <camber/error.h>

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <new>

#include "io/decoders.h"
#include "io/jpeg.h"

// It needs the two before.
#include <jerror.h>
#include <jpeglib.h>

namespace camber {
namespace {

struct Errors {
    jpeg_error_mgr manager;  // first: libjpeg knows this alone
    std::jmp_buf back;
};

[[noreturn]] void leave(j_common_ptr jpeg) { std::longjmp(reinterpret_cast<Errors*>(jpeg->err)->back, 1); }

/// What libjpeg makes good with grey is an error here.
void judge_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
        case JWRN_BOGUS_PROGRESSION:
        case JWRN_HIT_MARKER:
        case JWRN_HUFF_BAD_CODE:
        case JWRN_JPEG_EOF:
        case JWRN_MUST_RESYNC:
            leave(jpeg);
        default:
            return;  // bytes too many, versions and marks that have no influence
    }
}

void say_nothing(j_common_ptr) {}

struct Wanted {
    std::span<const std::uint8_t> bytes;
    int shrink;
    Image& image;
    std::vector<std::uint8_t>& inks;  // a row of CMYK
};

/// Adobe's: what is stored is paper that is left.
void to_rgb(const std::uint8_t* inks, std::uint8_t* rgb, int width) {
    for (int x = 0; x < width; ++x, inks += 4, rgb += 3) {
        for (int c = 0; c < 3; ++c) {
            const int product = inks[c] * inks[3] + 128;
            rgb[c] = static_cast<std::uint8_t>((product + (product >> 8)) >> 8);
        }
    }
}

/// 0, or the code of libjpeg's error. Nothing in here has a destructor: longjmp would pass over it.
int decode(jpeg_decompress_struct& jpeg, Errors& errors, const Wanted& wanted) {
    jpeg.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = leave;
    errors.manager.emit_message = judge_message;
    errors.manager.output_message = say_nothing;
    if (setjmp(errors.back)) return errors.manager.msg_code;
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, wanted.bytes.data(), static_cast<unsigned long>(wanted.bytes.size()));
    jpeg_read_header(&jpeg, TRUE);
    const bool inks = jpeg.num_components == 4;
    jpeg.out_color_space = inks ? JCS_CMYK : JCS_RGB;
    jpeg.scale_num = 1;
    jpeg.scale_denom = static_cast<unsigned>(wanted.shrink);
    jpeg_start_decompress(&jpeg);
    Image& image = wanted.image;
    if (static_cast<int>(jpeg.output_height) != image.height || static_cast<int>(jpeg.output_width) != image.width)
        return JERR_IMAGE_TOO_BIG;
    for (int y = 0; y < image.height; ++y) {
        JSAMPROW row = inks ? wanted.inks.data() : image.at(y, 0);
        jpeg_read_scanlines(&jpeg, &row, 1);
        if (inks) to_rgb(row, image.at(y, 0), image.width);
    }
    jpeg_finish_decompress(&jpeg);
    return 0;
}

}  // namespace

bool jpeg_decoder_shrinks() { return true; }

/// Reading the codes takes as long as decoding does here, which notices what is wrong with them: see judge_message().
PictureHeader check_for_decoder(const std::string& name, std::span<const std::uint8_t> jpeg) {
    return check_jpeg_segments(name, jpeg);
}

Image decode_jpeg(const std::string& name, std::span<const std::uint8_t> bytes, const PictureHeader& header,
                  int shrink) {
    const auto shrunk = [&](std::int64_t size) { return static_cast<int>((size + shrink - 1) / shrink); };
    Image image(shrunk(header.height), shrunk(header.width), 3);
    std::vector<std::uint8_t> inks(static_cast<std::size_t>(image.width) * 4);
    jpeg_decompress_struct jpeg{};
    Errors errors{};
    const int error = decode(jpeg, errors, {bytes, shrink, image, inks});
    jpeg_destroy_decompress(&jpeg);
    switch (error) {
        case 0:
            return image;
        case JERR_OUT_OF_MEMORY:
            throw std::bad_alloc();
        case JERR_BAD_SAMPLING:
        case JERR_CCIR601_NOTIMPL:
        case JERR_FRACT_SAMPLE_NOTIMPL:
            fail_subsampling(name);
        default:
            check_jpeg(name, bytes);  // has better words for it
            fail_compressed(name);
    }
}

}  // namespace camber
