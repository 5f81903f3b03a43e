#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/atomic_file.h"

namespace camber {

/// Writes an HDF5 file that appears whole or not at all (AtomicFile); until then it is in memory. Paths are names
/// joined by "/", "" is the root. Every failure throws Error naming the file, as does a build without HDF5.
class Hdf5Writer {
  public:
    explicit Hdf5Writer(std::filesystem::path file);
    ~Hdf5Writer();
    Hdf5Writer(const Hdf5Writer&) = delete;
    Hdf5Writer& operator=(const Hdf5Writer&) = delete;

    /// A new group; those above it are made where they are missing.
    void group(const std::string& path);
    /// A new dataset of f32 with shape.size() dimensions, and the groups above it.
    void floats(const std::string& path, const std::vector<std::int64_t>& shape, const float* values);
    /// An attribute of text, or of a list of at least one text.
    void text(const std::string& group, const std::string& attribute, const std::string& value);
    void texts(const std::string& group, const std::string& attribute, const std::vector<std::string>& values);
    /// The file's bytes, for one within another. Call once, last.
    std::string finish();
    /// Writes the file. Call once, last.
    void commit() { write_file_atomically(file_, finish()); }

  private:
    struct Library;
    std::filesystem::path file_;
    std::unique_ptr<Library> library_;
};

}  // namespace camber
