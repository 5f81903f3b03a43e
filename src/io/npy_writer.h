#pragma once
#include <camber/shape.h>

#include <cstddef>
#include <filesystem>

#include "io/atomic_file.h"

namespace camber {

/// Writes an array of float32 in NumPy's format (version 1.0, C order), a part after the other.
class NpyWriter {
  public:
    NpyWriter(const std::filesystem::path& file, const Shape& shape);
    void write(const float* values, std::size_t count) { file_.write(values, count * sizeof(float)); }
    void commit() { file_.commit(); }

  private:
    AtomicFile file_;
};

}  // namespace camber
