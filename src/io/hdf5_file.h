#pragma once
#include <camber/element_type.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/input_file.h"

/// What reading weights needs of HDF5, through its C library. Paths are names joined by "/", "" is the root.
///
/// A file of HDF5 can point to other files, name plug-ins to load and inflate to any size. None of that is followed:
/// soft and external links count as absent; datasets with filters other than gzip's and its companions, external or
/// virtual storage, or more bytes than the file can hold are refused; no plug-in is loaded. The library itself crashes
/// on some damaged files and writes where it must not on others, so whatever calls it on a file that comes from
/// elsewhere does so in a child process (child_process.h), as keras_file.cpp does. It sees the file as memory
/// (MappedFile), so that a member of an archive is as good as a file.
namespace camber {

/// Whether the file has HDF5's signature.
bool looks_like_hdf5(const InputFile& file);

class Hdf5File {
  public:
    struct Dataset {
        std::vector<std::int64_t> shape;
        ElementType type = ElementType::f32;
        /// Where its bytes are, when they lie in one piece and need no conversion but ElementType's.
        std::optional<std::uint64_t> position;
    };

    /// `input` must live as long. Throws Error naming it when it cannot be opened, and where Camber was built without
    /// HDF5.
    explicit Hdf5File(const InputFile& input);
    ~Hdf5File();
    Hdf5File(const Hdf5File&) = delete;
    Hdf5File& operator=(const Hdf5File&) = delete;

    const std::string& name() const { return input_.name(); }
    bool has_group(const std::string& path) const;
    /// Names in a group, in alphabetical order; at most 100,000.
    std::vector<std::string> children(const std::string& group) const;
    /// A text attribute's strings, up to `longest` bytes of each: one for a scalar. Nothing when the object has no such
    /// attribute of text.
    std::optional<std::vector<std::string>> texts(const std::string& object, const std::string& attribute,
                                                  std::size_t longest = 4096) const;
    /// Throws Error when there is none of the name, or it is one of those that are refused.
    Dataset dataset(const std::string& path) const;
    /// Rows [first, first + rows) along the first axis as f32, through the library.
    void read_rows(const std::string& path, const Dataset& dataset, std::int64_t first, std::int64_t rows,
                   float* to) const;

  private:
    struct Library;
    const InputFile& input_;
    std::unique_ptr<Library> library_;
};

}  // namespace camber
