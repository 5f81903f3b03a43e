#include "io/hdf5_file.h"

#include <camber/error.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "io/elements.h"
#include "io/printable.h"

#ifdef CAMBER_WITH_HDF5
#include "io/hdf5_library.h"
#endif

namespace camber {

bool looks_like_hdf5(const InputFile& file) {
    constexpr std::string_view signature("\x89HDF\r\n\x1a\n", 8);
    char start[signature.size()];
    if (file.size() < sizeof start) return false;
    file.read(0, start, sizeof start);
    return std::string_view(start, sizeof start) == signature;
}

#ifndef CAMBER_WITH_HDF5

struct Hdf5File::Library {};

Hdf5File::Hdf5File(const InputFile& input) : input_(input) {
    fail("{}: Keras's .h5 files need HDF5, which this build of Camber is without (install libhdf5-dev and build again)",
         name());
}
Hdf5File::~Hdf5File() = default;
bool Hdf5File::has_group(const std::string&) const { return false; }
std::vector<std::string> Hdf5File::children(const std::string&) const { return {}; }
std::optional<std::vector<std::string>> Hdf5File::texts(const std::string&, const std::string&, std::size_t) const {
    return {};
}
Hdf5File::Dataset Hdf5File::dataset(const std::string&) const { return {}; }
void Hdf5File::read_rows(const std::string&, const Dataset&, std::int64_t, std::int64_t, float*) const {}

#else

using hdf5::Handle;
using hdf5::library_lock;
using hdf5::prepare_library;

namespace {

constexpr hsize_t most_children = 100'000;
constexpr std::size_t longest_text = 4096;
constexpr std::uint64_t most_inflated = 1032;  // bytes that deflate makes of one

/// Opens a file that is in memory, where it is: the library's own copies of it are all the memory itself.
hid_t open_image(const MappedFile& image, const std::string& name) {
    H5FD_file_image_callbacks_t same{};
    same.image_malloc = [](std::size_t, H5FD_file_image_op_t, void* data) { return data; };
    same.image_memcpy = [](void* to, const void*, std::size_t, H5FD_file_image_op_t, void*) { return to; };
    same.image_free = [](void*, H5FD_file_image_op_t, void*) -> herr_t { return 0; };
    same.udata_copy = [](void* data) { return data; };
    same.udata_free = [](void*) -> herr_t { return 0; };
    void* const data = const_cast<void*>(image.data());  // that it reads
    same.udata = data;
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    constexpr std::size_t growth = 65536;  // of what is written, which is nothing
    if (H5Pset_fapl_core(access, growth, false) < 0 || H5Pset_file_image_callbacks(access, &same) < 0 ||
        H5Pset_file_image(access, data, image.size()) < 0) {
        return -1;
    }
    // There must be no file of the name that an image goes by.
    return H5Fopen((name + "/image").c_str(), H5F_ACC_RDONLY, access);
}

}  // namespace

struct Hdf5File::Library {
    explicit Library(const InputFile& input) : image(input), file(open_image(image, input.name()), H5Fclose) {}

    MappedFile image;
    Handle file;

    /// The object at the end of a path of hard links; not ok() when there is none.
    Handle open(const std::string& path) const {
        Handle here(H5Oopen(file, "/", H5P_DEFAULT), H5Oclose);
        for (std::size_t begin = 0; begin < path.size() && here.ok();) {
            const std::size_t end = std::min(path.find('/', begin), path.size());
            const std::string part = path.substr(begin, end - begin);
            begin = end + 1;
            if (part.empty() || part == ".") continue;
            H5L_info_t link;
            const bool hard = H5Iget_type(here) == H5I_GROUP && H5Lexists(here, part.c_str(), H5P_DEFAULT) > 0 &&
                              H5Lget_info(here, part.c_str(), &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
            if (!hard) return Handle(-1, H5Oclose);
            Handle next(H5Oopen(here, part.c_str(), H5P_DEFAULT), H5Oclose);
            if (!next.ok()) return next;
            here = std::move(next);
        }
        return here;
    }
};

namespace {

/// The strings of an attribute of fixed or variable length, up to `longest` bytes of each; nothing when it is of
/// another kind or too large for `most_bytes`.
std::optional<std::vector<std::string>> read_texts(hid_t object, const char* name, std::uint64_t most_bytes,
                                                   std::size_t longest = longest_text) {
    if (H5Aexists(object, name) <= 0) return std::nullopt;
    const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
    if (!attribute.ok()) return std::nullopt;
    const Handle type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
    if (!type.ok() || !space.ok() || H5Tget_class(type) != H5T_STRING) return std::nullopt;
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    if (count < 0 || static_cast<std::uint64_t>(count) > most_bytes) return std::nullopt;
    std::vector<std::string> result;
    if (count == 0) return result;
    if (H5Tis_variable_str(type) > 0) {
        const Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(memory, H5T_VARIABLE);
        H5Tset_cset(memory, H5Tget_cset(type));
        std::vector<char*> pointers(static_cast<std::size_t>(count), nullptr);
        if (H5Aread(attribute, memory, pointers.data()) < 0) return std::nullopt;
        for (const char* text : pointers) result.emplace_back(text ? text : "", text ? strnlen(text, longest) : 0);
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, pointers.data());
    } else {
        const std::size_t length = H5Tget_size(type);
        if (length == 0 || length > most_bytes / static_cast<std::uint64_t>(count)) return std::nullopt;
        std::vector<char> bytes(length * static_cast<std::size_t>(count));
        if (H5Aread(attribute, type, bytes.data()) < 0) return std::nullopt;
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            result.emplace_back(bytes.data() + i * length, strnlen(bytes.data() + i * length, length));
        }
    }
    return result;
}

/// Whether every filter is deflate or one that goes with it.
bool only_gzip(hid_t creation) {
    const int count = H5Pget_nfilters(creation);
    for (int i = 0; i < count; ++i) {
        unsigned flags = 0, config = 0;
        std::size_t values = 0;
        const H5Z_filter_t filter =
            H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return false;
    }
    return count >= 0;
}

/// The element type of numbers that can be read as f32; nothing for others.
std::optional<ElementType> element_type(hid_t object, hid_t type) {
    const std::size_t size = H5Tget_size(type);
    switch (H5Tget_class(type)) {
        case H5T_FLOAT:
            if (size == 8) return ElementType::f64;
            if (size == 4) return ElementType::f32;
            if (size == 2) return ElementType::f16;
            return std::nullopt;
        case H5T_INTEGER:
            if (size == 8) return ElementType::i64;
            if (size == 4) return ElementType::i32;
            if (size == 2) return ElementType::i16;
            if (size == 1) return ElementType::i8;
            return std::nullopt;
        case H5T_OPAQUE: {  // Keras 3 keeps bfloat16 so, and says so beside it
            const auto dtype = read_texts(object, "dtype", longest_text);
            if (size == 2 && dtype && dtype->size() == 1 && dtype->front() == "bfloat16") return ElementType::bf16;
            return std::nullopt;
        }
        default:
            return std::nullopt;
    }
}

}  // namespace

Hdf5File::Hdf5File(const InputFile& input) : input_(input) {
    const std::lock_guard guard(library_lock());
    prepare_library();
    library_ = std::make_unique<Library>(input);
    if (!library_->file.ok()) fail("{}: a damaged HDF5 file, or one cut short", name());
}

Hdf5File::~Hdf5File() {
    const std::lock_guard guard(library_lock());
    library_.reset();
}

bool Hdf5File::has_group(const std::string& path) const {
    const std::lock_guard guard(library_lock());
    const Handle object = library_->open(path);
    return object.ok() && H5Iget_type(object) == H5I_GROUP;
}

std::vector<std::string> Hdf5File::children(const std::string& path) const {
    const std::lock_guard guard(library_lock());
    const Handle group = library_->open(path);
    H5G_info_t info;
    if (!group.ok() || H5Gget_info(group, &info) < 0)
        fail("{}: a damaged HDF5 file (group '{}')", name(), printable(path));
    if (info.nlinks > most_children) fail("{}: a group of {} members", name(), info.nlinks);
    std::vector<std::string> names;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
        char text[longest_text];
        const ssize_t length =
            H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, text, sizeof text, H5P_DEFAULT);
        if (length < 0 || static_cast<std::size_t>(length) >= sizeof text) {
            fail("{}: a damaged HDF5 file (group '{}')", name(), printable(path));
        }
        names.emplace_back(text, static_cast<std::size_t>(length));
    }
    return names;
}

std::optional<std::vector<std::string>> Hdf5File::texts(const std::string& path, const std::string& attribute,
                                                        std::size_t longest) const {
    const std::lock_guard guard(library_lock());
    const Handle object = library_->open(path);
    if (!object.ok()) return std::nullopt;
    return read_texts(object, attribute.c_str(), input_.size(), longest);
}

Hdf5File::Dataset Hdf5File::dataset(const std::string& path) const {
    const std::lock_guard guard(library_lock());
    const auto wrong = [&](std::string_view what) { fail("{}: dataset '{}' {}", name(), printable(path), what); };
    const Handle object = library_->open(path);
    if (!object.ok() || H5Iget_type(object) != H5I_DATASET) wrong("is not there: a damaged file, or one of links");
    const Handle type(H5Dget_type(object), H5Tclose), space(H5Dget_space(object), H5Sclose),
        creation(H5Dget_create_plist(object), H5Pclose);
    const int rank = space.ok() ? H5Sget_simple_extent_ndims(space) : -1;
    if (!type.ok() || !creation.ok() || rank < 0 || rank > 8) wrong("is of a shape or type that cannot be read");
    const std::optional<ElementType> element = element_type(object, type);
    if (!element) wrong("does not hold numbers");

    Dataset result;
    result.type = *element;
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    if (H5Sget_simple_extent_dims(space, extents.data(), nullptr) != rank) wrong("has no shape");
    std::uint64_t bytes = size_of(*element);
    for (const hsize_t extent : extents) {
        if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) bytes = ~std::uint64_t{0};
        if (extent >> 62) bytes = ~std::uint64_t{0};
        result.shape.push_back(static_cast<std::int64_t>(extent));
    }
    const bool filtered = H5Pget_nfilters(creation) != 0;
    if (filtered && !only_gzip(creation)) wrong("is compressed, but not with gzip; write the file without compression");
    const std::uint64_t most =
        filtered ? most_inflated * std::min<std::uint64_t>(H5Dget_storage_size(object), input_.size()) : input_.size();
    if (bytes > most) {
        wrong(fmt::format("of {} bytes is larger than its file: a damaged one, or one that expands", bytes));
    }
    const H5D_layout_t layout = H5Pget_layout(creation);
    if (layout == H5D_VIRTUAL || H5Pget_external_count(creation) != 0) wrong("is kept in another file");
    if (layout == H5D_CONTIGUOUS && bytes > 0) {
        const haddr_t at = H5Dget_offset(object);
        if (at == HADDR_UNDEF) wrong("was never written");
        if (at > input_.size() || bytes > input_.size() - at) wrong("ends outside the file: it was cut short");
        const bool plain = *element == ElementType::bf16 || H5Tequal(type, H5T_IEEE_F32LE) > 0 ||
                           H5Tequal(type, H5T_IEEE_F64LE) > 0 || H5Tequal(type, H5T_STD_I64LE) > 0 ||
                           H5Tequal(type, H5T_STD_I32LE) > 0;
        if (plain) result.position = at;
    }
    if (!result.position && *element == ElementType::bf16) wrong("is kept in a way that cannot be read");
    return result;
}

void Hdf5File::read_rows(const std::string& path, const Dataset& dataset, std::int64_t first, std::int64_t rows,
                         float* to) const {
    std::int64_t row = 1;
    for (std::size_t axis = 1; axis < dataset.shape.size(); ++axis) row *= dataset.shape[axis];
    if (rows * row == 0) return;
    const std::lock_guard guard(library_lock());
    const Handle object = library_->open(path);
    const Handle from(object.ok() ? H5Dget_space(object) : -1, H5Sclose);
    bool good = from.ok();
    const hsize_t count = static_cast<hsize_t>(rows * row);
    const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
    if (good && !dataset.shape.empty()) {
        std::vector<hsize_t> start(dataset.shape.size(), 0), extent(dataset.shape.begin(), dataset.shape.end());
        start[0] = static_cast<hsize_t>(first);
        extent[0] = static_cast<hsize_t>(rows);
        good = H5Sselect_hyperslab(from, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr) >= 0;
    }
    if (!good || H5Dread(object, H5T_NATIVE_FLOAT, memory, from, H5P_DEFAULT, to) < 0) {
        fail("{}: dataset '{}' cannot be read: a damaged file", name(), printable(path));
    }
}

#endif

}  // namespace camber
