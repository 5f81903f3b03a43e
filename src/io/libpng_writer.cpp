#include <camber/error.h>
#include <png.h>

#include <bit>
#include <csetjmp>
#include <exception>
#include <new>
#include <vector>

#include "io/atomic_file.h"
#include "io/png_writer.h"

namespace camber {

struct PngWriter::State {
    explicit State(const std::filesystem::path& target) : file(target) {}
    ~State() { png_destroy_write_struct(&png, &info); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void flush() {
        file.write(waiting.data(), waiting.size());
        waiting.clear();
    }

    AtomicFile file;
    std::vector<std::uint8_t> waiting;  // of the file, for blocks of a useful size
    std::exception_ptr unwritten;
    png_structp png = nullptr;
    png_infop info = nullptr;
    std::size_t row_bytes = 0;
};

namespace {

constexpr std::size_t block = std::size_t{1} << 18;

/// libpng's; `State` is private where this stands.
template <class State>
void give(png_structp png, png_bytep bytes, std::size_t count) {
    auto& state = *static_cast<State*>(png_get_io_ptr(png));
    try {  // which may not leave through libpng
        state.waiting.insert(state.waiting.end(), bytes, bytes + count);
        if (state.waiting.size() >= block) state.flush();
    } catch (...) {
        state.unwritten = std::current_exception();
    }
    if (state.unwritten) png_error(png, "unwritten");
}

[[noreturn]] void leave(png_structp png, png_const_charp) { png_longjmp(png, 1); }

void say_nothing(png_structp, png_const_charp) {}

// False where they failed. Nothing in these has a destructor: longjmp would pass over it.

bool begin(png_structp png, png_infop info, void* state, png_rw_ptr give_to, int height, int width, int channels,
           int bits) {
    const int type = channels == 1   ? PNG_COLOR_TYPE_GRAY
                     : channels == 3 ? PNG_COLOR_TYPE_RGB
                                     : PNG_COLOR_TYPE_RGB_ALPHA;
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_write_fn(png, state, give_to, nullptr);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), bits, type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    if (bits == 16 && std::endian::native == std::endian::little) png_set_swap(png);
    return true;
}

bool put(png_structp png, const std::uint8_t* rows, std::size_t row_bytes, int count) {
    if (setjmp(png_jmpbuf(png))) return false;
    for (int i = 0; i < count; ++i) png_write_row(png, rows + static_cast<std::size_t>(i) * row_bytes);
    return true;
}

bool end(png_structp png) {
    if (setjmp(png_jmpbuf(png))) return false;
    png_write_end(png, nullptr);
    return true;
}

template <class State>
void check(bool done, const State& state) {
    if (done) return;
    if (state.unwritten) std::rethrow_exception(state.unwritten);
    throw std::bad_alloc();  // what is left that can be
}

}  // namespace

PngWriter::PngWriter(const std::filesystem::path& file, int height, int width, int channels, int bits)
    : state_(std::make_unique<State>(file)) {
    state_->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, leave, say_nothing);
    if (state_->png) state_->info = png_create_info_struct(state_->png);
    if (!state_->info) throw std::bad_alloc();
    state_->row_bytes = static_cast<std::size_t>(width * bits / 8) * static_cast<std::size_t>(channels);
    check(begin(state_->png, state_->info, state_.get(), give<State>, height, width, channels, bits), *state_);
}

PngWriter::~PngWriter() = default;

void PngWriter::write_rows(int count, const void* rows) {
    check(put(state_->png, static_cast<const std::uint8_t*>(rows), state_->row_bytes, count), *state_);
}

void PngWriter::commit() {
    check(end(state_->png), *state_);
    state_->flush();
    state_->file.commit();
}

}  // namespace camber
