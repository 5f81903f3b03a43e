#include "io/npy_writer.h"

#include <fmt/format.h>

#include <string>

namespace camber {
namespace {

/// numpy/lib/format.py: a magic number, the header's length in two bytes, a Python dictionary padded to 64 bytes.
std::string header(const Shape& shape) {
    std::string sizes;
    for (int axis = 0; axis < shape.rank(); ++axis) sizes += fmt::format("{}, ", shape[axis]);
    std::string text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes);
    constexpr std::size_t before = 10, alignment = 64;
    text.resize((before + text.size() + 1 + alignment - 1) / alignment * alignment - before - 1, ' ');
    text += '\n';
    std::string all("\x93NUMPY\x01\x00", 8);
    all += static_cast<char>(text.size() & 0xff);
    all += static_cast<char>(text.size() >> 8);
    return all + text;
}

}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& file, const Shape& shape) : file_(file) {
    file_.write(header(shape));
}

}  // namespace camber
