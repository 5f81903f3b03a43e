#include "io/hdf5_writer.h"

#include <camber/error.h>

#include <algorithm>
#include <cstring>

#ifdef CAMBER_WITH_HDF5
#include "io/hdf5_library.h"
#endif

namespace camber {

#ifndef CAMBER_WITH_HDF5

struct Hdf5Writer::Library {};

Hdf5Writer::Hdf5Writer(std::filesystem::path file) : file_(std::move(file)) {
    fail(
        "cannot write {}: .h5 needs HDF5, which this build of Camber is without (install libhdf5-dev and build again, "
        "or write .safetensors)",
        file_.string());
}
Hdf5Writer::~Hdf5Writer() = default;
void Hdf5Writer::group(const std::string&) {}
void Hdf5Writer::floats(const std::string&, const std::vector<std::int64_t>&, const float*) {}
void Hdf5Writer::text(const std::string&, const std::string&, const std::string&) {}
void Hdf5Writer::texts(const std::string&, const std::string&, const std::vector<std::string>&) {}
std::string Hdf5Writer::finish() { return {}; }

#else

using hdf5::Handle;
using hdf5::library_lock;

struct Hdf5Writer::Library {
    std::string name;
    Handle file{-1, H5Fclose}, with_groups{-1, H5Pclose};

    [[noreturn]] void failed(const std::string& what) const { fail("cannot write {}: HDF5 refuses {}", name, what); }
    Handle checked(hid_t id, Handle::Close close, const std::string& what) const {
        if (id < 0) failed(what);
        return {id, close};
    }
    void attribute(const std::string& group, const std::string& attribute, hid_t space,
                   const std::vector<std::string>& values) const {
        std::size_t longest = 1;
        for (const std::string& value : values) longest = std::max(longest, value.size());
        std::vector<char> bytes(longest * values.size(), '\0');
        for (std::size_t i = 0; i < values.size(); ++i) {
            std::copy(values[i].begin(), values[i].end(), bytes.begin() + static_cast<std::ptrdiff_t>(i * longest));
        }
        const Handle type = checked(H5Tcopy(H5T_C_S1), H5Tclose, attribute);
        const bool typed = H5Tset_size(type, longest) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0;
        const Handle object = checked(H5Oopen(file, ("/" + group).c_str(), H5P_DEFAULT), H5Oclose, group);
        const Handle made =
            checked(H5Acreate2(object, attribute.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, attribute);
        if (!typed || H5Awrite(made, type, bytes.data()) < 0) failed(attribute);
    }
};

Hdf5Writer::Hdf5Writer(std::filesystem::path file) : file_(std::move(file)) {
    const std::lock_guard guard(library_lock());
    hdf5::prepare_library();
    library_ = std::make_unique<Library>(Library{file_.string()});
    constexpr std::size_t growth = std::size_t{16} << 20;
    const Handle in_memory = library_->checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "its settings");
    if (H5Pset_fapl_core(in_memory, growth, false) < 0) library_->failed("a file in memory");
    // The library looks for a file of the name first; there can be none of this one.
    library_->file =
        library_->checked(H5Fcreate("/dev/null/none", H5F_ACC_TRUNC, H5P_DEFAULT, in_memory), H5Fclose, "a new file");
    library_->with_groups = library_->checked(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "its settings");
    H5Pset_create_intermediate_group(library_->with_groups, 1);
}

Hdf5Writer::~Hdf5Writer() {
    const std::lock_guard guard(library_lock());
    library_.reset();
}

void Hdf5Writer::group(const std::string& path) {
    const std::lock_guard guard(library_lock());
    library_->checked(H5Gcreate2(library_->file, path.c_str(), library_->with_groups, H5P_DEFAULT, H5P_DEFAULT),
                      H5Gclose, path);
}

void Hdf5Writer::floats(const std::string& path, const std::vector<std::int64_t>& shape, const float* values) {
    const std::lock_guard guard(library_lock());
    const std::vector<hsize_t> extents(shape.begin(), shape.end());
    const Handle space =
        library_->checked(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, path);
    const Handle made = library_->checked(H5Dcreate2(library_->file, path.c_str(), H5T_IEEE_F32LE, space,
                                                     library_->with_groups, H5P_DEFAULT, H5P_DEFAULT),
                                          H5Dclose, path);
    if (H5Dwrite(made, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) library_->failed(path);
}

void Hdf5Writer::text(const std::string& group, const std::string& attribute, const std::string& value) {
    const std::lock_guard guard(library_lock());
    const Handle space = library_->checked(H5Screate(H5S_SCALAR), H5Sclose, attribute);
    library_->attribute(group, attribute, space, {value});
}

void Hdf5Writer::texts(const std::string& group, const std::string& attribute, const std::vector<std::string>& values) {
    const std::lock_guard guard(library_lock());
    const hsize_t count = values.size();
    const Handle space = library_->checked(H5Screate_simple(1, &count, nullptr), H5Sclose, attribute);
    library_->attribute(group, attribute, space, values);
}

std::string Hdf5Writer::finish() {
    const std::lock_guard guard(library_lock());
    const bool flushed = H5Fflush(library_->file, H5F_SCOPE_GLOBAL) >= 0;
    const ssize_t bytes = H5Fget_file_image(library_->file, nullptr, 0);
    if (!flushed || bytes <= 0) library_->failed("the file's bytes");
    std::string image(static_cast<std::size_t>(bytes), '\0');
    if (H5Fget_file_image(library_->file, image.data(), image.size()) != bytes) library_->failed("the file's bytes");
    library_.reset();
    return image;
}

#endif

}  // namespace camber
