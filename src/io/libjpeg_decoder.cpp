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

/// Adobe's: what is stored is paper that is left.
void to_rgb(const std::uint8_t* inks, std::uint8_t* rgb, int width) {
    for (int x = 0; x < width; ++x, inks += 4, rgb += 3) {
        for (int c = 0; c < 3; ++c) {
            const int product = inks[c] * inks[3] + 128;
            rgb[c] = static_cast<std::uint8_t>((product + (product >> 8)) >> 8);
        }
    }
}

struct Reader {
    Reader() {
        jpeg.err = jpeg_std_error(&errors.manager);
        errors.manager.error_exit = leave;
        errors.manager.emit_message = judge_message;
        errors.manager.output_message = say_nothing;
    }
    ~Reader() { jpeg_destroy_decompress(&jpeg); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    [[noreturn]] void fail(const std::string& name, std::span<const std::uint8_t> bytes) const {
        switch (errors.manager.msg_code) {
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

    jpeg_decompress_struct jpeg{};
    Errors errors{};
    std::vector<std::uint8_t> inks;  // a row of CMYK
};

// False where they failed. Nothing in here has a destructor: longjmp would pass over it.

bool start(Reader& reader, std::span<const std::uint8_t> bytes, int shrink) {
    jpeg_decompress_struct& jpeg = reader.jpeg;
    if (setjmp(reader.errors.back)) return false;
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg.scale_num = 1;
    jpeg.scale_denom = static_cast<unsigned>(shrink);
    jpeg_start_decompress(&jpeg);
    return true;
}

bool read_rows(Reader& reader, std::uint8_t* rows, int count) {
    jpeg_decompress_struct& jpeg = reader.jpeg;
    const int width = static_cast<int>(jpeg.output_width);
    const std::ptrdiff_t row_bytes = std::ptrdiff_t{width} * 3;
    if (setjmp(reader.errors.back)) return false;
    for (int y = 0; y < count; ++y) {
        std::uint8_t* const rgb = rows + y * row_bytes;
        JSAMPROW row = jpeg.out_color_space == JCS_CMYK ? reader.inks.data() : rgb;
        jpeg_read_scanlines(&jpeg, &row, 1);
        if (row != rgb) to_rgb(row, rgb, width);
    }
    if (jpeg.output_scanline == jpeg.output_height) jpeg_finish_decompress(&jpeg);
    return true;
}

class JpegRows : public PictureRows {
  public:
    JpegRows(const std::string& name, std::vector<std::uint8_t> bytes, const PictureHeader& header, int shrink)
        : PictureRows(shrunk(header.height, shrink), shrunk(header.width, shrink), 3),
          name_(name),
          bytes_(std::move(bytes)) {
        reader_.inks.resize(static_cast<std::size_t>(width()) * 4);
        if (!start(reader_, bytes_, shrink)) reader_.fail(name_, bytes_);
        if (static_cast<int>(reader_.jpeg.output_height) != height() ||
            static_cast<int>(reader_.jpeg.output_width) != width())
            fail_compressed(name_);
    }

    void read(int count, std::uint8_t* rows) override {
        if (!read_rows(reader_, rows, count)) reader_.fail(name_, bytes_);
    }

  private:
    static int shrunk(std::int64_t size, int shrink) { return static_cast<int>((size + shrink - 1) / shrink); }

    std::string name_;
    std::vector<std::uint8_t> bytes_;
    Reader reader_;
};

}  // namespace

bool jpeg_decoder_shrinks() { return true; }

/// Reading the codes takes as long as decoding does here, which notices what is wrong with them: see judge_message().
PictureHeader check_for_decoder(const std::string& name, std::span<const std::uint8_t> jpeg) {
    return check_jpeg_segments(name, jpeg);
}

std::unique_ptr<PictureRows> jpeg_rows(const std::string& name, std::vector<std::uint8_t> bytes,
                                       const PictureHeader& header, int shrink) {
    return std::make_unique<JpegRows>(name, std::move(bytes), header, shrink);
}

}  // namespace camber
