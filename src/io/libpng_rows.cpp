#include <camber/error.h>
#include <png.h>

#include <csetjmp>
#include <exception>
#include <new>
#include <string_view>

#include "io/decoders.h"
#include "io/input_file.h"

namespace camber {
namespace {

/// What libpng reads from, and why it stopped.
struct Source {
    explicit Source(const std::filesystem::path& path) : file(path) {}
    InputFile file;
    std::uint64_t at = 0;
    std::exception_ptr unread;
    bool out_of_memory = false;
};

void take(png_structp png, png_bytep to, std::size_t count) {
    auto& source = *static_cast<Source*>(png_get_io_ptr(png));
    try {  // which may not leave through libpng
        source.file.read(source.at, to, count);
    } catch (...) {
        source.unread = std::current_exception();
    }
    if (source.unread) png_error(png, "unread");
    source.at += count;
}

[[noreturn]] void leave(png_structp png, png_const_charp reason) {
    auto& source = *static_cast<Source*>(png_get_error_ptr(png));
    source.out_of_memory = std::string_view(reason) == "Out of memory";
    png_longjmp(png, 1);
}

void say_nothing(png_structp, png_const_charp) {}

// Nothing in these has a destructor: longjmp would pass over it. False where they failed.

bool begin(png_structp png, png_infop info, Source& source, int channels) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_pixels has its own
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_read_fn(png, &source, take);
    png_read_info(png, info);
    if (png_get_interlace_type(png, info) != PNG_INTERLACE_NONE) return true;
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    if (channels == 3)
        png_set_strip_alpha(png);
    else
        png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    png_read_update_info(png, info);
    return true;
}

bool read_rows(png_structp png, png_bytep to, std::size_t row_bytes, int count, bool last) {
    if (setjmp(png_jmpbuf(png))) return false;
    for (int i = 0; i < count; ++i) png_read_row(png, to + static_cast<std::size_t>(i) * row_bytes, nullptr);
    if (last) png_read_end(png, nullptr);
    return true;
}

struct Reader {
    explicit Reader(const std::filesystem::path& path)
        : source(path), png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, leave, say_nothing)) {
        if (png) info = png_create_info_struct(png);
        if (!info) fail_for_reason(true);
    }
    ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    [[noreturn]] void fail_for_reason(bool out_of_memory) {
        if (source.unread) std::rethrow_exception(source.unread);
        if (out_of_memory) throw std::bad_alloc();
        fail_compressed(source.file.name());
    }

    Source source;
    png_structp png;
    png_infop info = nullptr;
};

class PngRows : public PictureRows {
  public:
    PngRows(std::unique_ptr<Reader> reader, int height, int width, int channels)
        : PictureRows(height, width, channels), reader_(std::move(reader)) {}

    void read(int count, std::uint8_t* rows) override {
        next_ += count;
        const auto row_bytes = static_cast<std::size_t>(width()) * static_cast<std::size_t>(channels());
        if (!read_rows(reader_->png, rows, row_bytes, count, next_ == height()))
            reader_->fail_for_reason(reader_->source.out_of_memory);
    }

  private:
    std::unique_ptr<Reader> reader_;
    int next_ = 0;
};

}  // namespace

std::unique_ptr<PictureRows> png_rows(const std::filesystem::path& file, int channels) {
    auto reader = std::make_unique<Reader>(file);
    if (!begin(reader->png, reader->info, reader->source, channels))
        reader->fail_for_reason(reader->source.out_of_memory);
    if (png_get_interlace_type(reader->png, reader->info) != PNG_INTERLACE_NONE) return nullptr;
    const std::int64_t height = png_get_image_height(reader->png, reader->info),
                       width = png_get_image_width(reader->png, reader->info);
    check_pixels(reader->source.file.name(), height, width);
    if (png_get_rowbytes(reader->png, reader->info) != static_cast<std::size_t>(width * channels))
        fail_compressed(reader->source.file.name());
    return std::make_unique<PngRows>(std::move(reader), static_cast<int>(height), static_cast<int>(width), channels);
}

}  // namespace camber
