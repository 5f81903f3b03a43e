#include <camber/safetensors.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "io/atomic_file.h"
#include "io/elements.h"
#include "io/printable.h"

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian; so is Camber");

namespace camber {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Elements pass between file and device in pieces of this size.
constexpr std::size_t piece = std::size_t{4} << 20;
/// As the safetensors packages have it: a guard against headers made to exhaust memory.
constexpr std::uint64_t longest_header = 100'000'000;

struct FormatDtype {
    const char* name;
    Dtype dtype;
    ElementType stored;
};
/// The first of a Dtype is what write_safetensors() writes it as. Elements of other dtypes are not read.
constexpr FormatDtype format_dtypes[] = {
    {"F64", Dtype::f64, ElementType::f64}, {"F32", Dtype::f32, ElementType::f32},
    {"F16", Dtype::f32, ElementType::f16}, {"BF16", Dtype::bf16, ElementType::bf16},
    {"I32", Dtype::i32, ElementType::i32}, {"I64", Dtype::i32, ElementType::i64},
    {"U8", Dtype::u8, ElementType::u8},
};

const char* format_name(Dtype dtype) {
    for (const FormatDtype& known : format_dtypes) {
        if (known.dtype == dtype) return known.name;
    }
    return "?";
}

Shape shape_of(const std::vector<std::int64_t>& extents) {
    switch (extents.size()) {
        case 0:
            return {};
        case 1:
            return {extents[0]};
        case 2:
            return {extents[0], extents[1]};
        case 3:
            return {extents[0], extents[1], extents[2]};
        default:
            return {extents[0], extents[1], extents[2], extents[3]};
    }
}

/// Parses the header. JSON leaves the meaning of a repeated key open, and a file on which readers disagree is damaged
/// or meant to deceive, so repeated keys are refused; so is deeper nesting than the format has.
json parse_header(const std::string& text, const std::string& file) {
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, json::parse_event_t event, json& value) {
        if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
            if (depth >= 3) fail("{}: the safetensors header is nested too deeply", file);
            keys.emplace_back();
        } else if (event == json::parse_event_t::object_end || event == json::parse_event_t::array_end) {
            keys.pop_back();
        } else if (event == json::parse_event_t::key) {
            const auto& key = value.get_ref<const std::string&>();
            if (!keys.back().insert(key).second) {
                fail("{}: the safetensors header has '{}' twice", file, printable(key));
            }
        }
        return true;
    };
    const auto not_json = [&] {
        fail("{}: not a safetensors file, or a damaged one (its header is not valid JSON)", file);
    };
    // nlohmann's reader takes a zero for the end of the text, whatever follows.
    if (text.find('\0') != std::string::npos) not_json();
    json header;
    try {
        header = json::parse(text, watch);
    } catch (const json::exception&) {
        not_json();
    }
    if (!header.is_object()) fail("{}: not a safetensors file (its header is not a JSON object)", file);
    return header;
}

/// One tensor's part of the header, checked against itself and the size of the data.
SafetensorsFile::Entry parse_entry(const std::string& name, const json& value, std::uint64_t data_bytes,
                                   const std::string& file) {
    const auto wrong = [&](const std::string& what) { fail("{}: tensor '{}' {}", file, printable(name), what); };
    if (!value.is_object()) wrong("is described by something other than a JSON object");
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
        if (!value.contains(key)) wrong(fmt::format("has no '{}' in the header", key));
    }
    for (const auto& item : value.items()) {
        if (item.key() != "dtype" && item.key() != "shape" && item.key() != "data_offsets") {
            wrong(fmt::format("has the unknown key '{}' in the header", printable(item.key())));
        }
    }
    const json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
    if (!dtype.is_string()) wrong("has a dtype that is not text");
    const auto known = std::find_if(std::begin(format_dtypes), std::end(format_dtypes), [&](const FormatDtype& f) {
        return dtype.get_ref<const std::string&>() == f.name;
    });
    const bool readable = known != std::end(format_dtypes);

    if (!shape.is_array()) wrong("has a shape that is not a list");
    if (shape.size() > Shape::max_rank) {
        wrong(fmt::format("has {} dimensions; at most {} can be read", shape.size(), Shape::max_rank));
    }
    std::vector<std::int64_t> extents;
    std::uint64_t bytes = readable ? size_of(known->stored) : 1;
    bool overflow = false;
    for (const json& extent : shape) {
        if (!extent.is_number_unsigned()) wrong("has an extent that is not a whole number");
        const auto n = extent.get<std::uint64_t>();
        overflow = overflow || n > std::numeric_limits<std::int64_t>::max() ||
                   (n != 0 && bytes > std::numeric_limits<std::int64_t>::max() / n);
        bytes = overflow ? bytes : bytes * n;
        extents.push_back(static_cast<std::int64_t>(n));
    }
    if (overflow) wrong("has a shape larger than any file");

    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned()) {
        wrong("has data_offsets that are not two whole numbers");
    }
    SafetensorsFile::Entry entry{name,
                                 shape_of(extents),
                                 readable ? known->dtype : Dtype::u8,
                                 readable ? known->stored : ElementType::unreadable,
                                 offsets[0].get<std::uint64_t>(),
                                 offsets[1].get<std::uint64_t>()};
    if (entry.begin > entry.end) wrong("ends before it begins");
    if (entry.end > data_bytes) {
        wrong(fmt::format("ends at byte {} of {} bytes of data: the file was cut short or is damaged", entry.end,
                          data_bytes));
    }
    if (readable && entry.end - entry.begin != bytes) {
        wrong(fmt::format("takes {} bytes, but {} {} needs {}", entry.end - entry.begin, known->name, entry.shape.str(),
                          bytes));
    }
    return entry;
}

template <class To, class From>
void convert(const void* from, void* to, std::size_t count) {
    const From* source = static_cast<const From*>(from);
    std::transform(source, source + count, static_cast<To*>(to), [](From x) { return static_cast<To>(x); });
}

template <class To>
bool convert_to(Dtype from, const void* source, void* to, std::size_t count) {
    switch (from) {
        case Dtype::f64:
            convert<To, double>(source, to, count);
            return true;
        case Dtype::f32:
            convert<To, float>(source, to, count);
            return true;
        case Dtype::bf16:
            convert<To, bf16>(source, to, count);
            return true;
        default:
            return false;
    }
}

/// Converts between floating dtypes; false when either is not one.
bool convert_floats(Dtype from, const void* source, Dtype to, void* destination, std::size_t count) {
    switch (to) {
        case Dtype::f64:
            return convert_to<double>(from, source, destination, count);
        case Dtype::f32:
            return convert_to<float>(from, source, destination, count);
        case Dtype::bf16:
            return convert_to<bf16>(from, source, destination, count);
        default:
            return false;
    }
}

bool is_floating(Dtype dtype) { return dtype == Dtype::f64 || dtype == Dtype::f32 || dtype == Dtype::bf16; }

}  // namespace

bool readable_as(Dtype from, Dtype to) { return from == to || (is_floating(from) && is_floating(to)); }

SafetensorsFile SafetensorsFile::open(const fs::path& path) {
    SafetensorsFile result;
    const std::string file = path.string();
    result.file_ = path;
    result.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (result.descriptor_ < 0) fail("cannot read {}: {}", file, std::generic_category().message(errno));
    struct stat status {};
    if (::fstat(result.descriptor_, &status) != 0)
        fail("cannot read {}: {}", file, std::generic_category().message(errno));
    if (!S_ISREG(status.st_mode)) fail("cannot read {}: it is not a regular file", file);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size < 8) fail("{}: not a safetensors file, or cut short ({} bytes)", file, size);

    const Entry whole{};
    std::uint64_t header_bytes = 0;
    result.read_bytes(whole, 0, &header_bytes, 8);
    if (header_bytes > size - 8) {
        fail("{}: not a safetensors file, or cut short (a header of {} bytes in a file of {})", file, header_bytes,
             size);
    }
    if (header_bytes > longest_header) {
        fail("{}: not a safetensors file (a header of {} bytes; the format allows {})", file, header_bytes,
             longest_header);
    }
    std::string text(header_bytes, '\0');
    result.read_bytes(whole, 8, text.data(), text.size());
    if (!text.starts_with('{')) fail("{}: not a safetensors file (its header is not a JSON object)", file);
    result.data_begin_ = 8 + header_bytes;
    const std::uint64_t data_bytes = size - result.data_begin_;

    const json header = parse_header(text, file);
    for (const auto& item : header.items()) {
        if (item.key() != "__metadata__") {
            result.entries_.push_back(parse_entry(item.key(), item.value(), data_bytes, file));
            continue;
        }
        if (!item.value().is_object()) fail("{}: its __metadata__ is not a JSON object", file);
        for (const auto& pair : item.value().items()) {
            if (!pair.value().is_string()) fail("{}: its __metadata__ '{}' is not text", file, printable(pair.key()));
            result.metadata_[pair.key()] = pair.value().get<std::string>();
        }
    }

    // Empty tensors may share an offset with their neighbour: they come first.
    std::sort(result.entries_.begin(), result.entries_.end(),
              [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
    std::uint64_t reached = 0;
    for (const Entry& entry : result.entries_) {
        if (entry.begin != reached) {
            fail("{}: tensor '{}' {}: a damaged file", file, printable(entry.name),
                 entry.begin < reached ? "overlaps the one before it" : "comes after bytes that belong to none");
        }
        reached = entry.end;
        result.index_[entry.name] = static_cast<std::size_t>(&entry - result.entries_.data());
    }
    if (reached != data_bytes) {
        fail("{}: {} bytes of data belong to no tensor: not a safetensors file, or a damaged one", file,
             data_bytes - reached);
    }
    return result;
}

SafetensorsFile::~SafetensorsFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept { *this = std::move(other); }

SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(data_begin_, other.data_begin_);
    std::swap(metadata_, other.metadata_);
    std::swap(entries_, other.entries_);
    std::swap(index_, other.index_);
    return *this;
}

const SafetensorsFile::Entry* SafetensorsFile::find(const std::string& name) const {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : &entries_[it->second];
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
    if (const Entry* found = find(name)) return *found;
    fail("{}: there is no tensor '{}' in it", file_.string(), name);
}

/// `entry` names the tensor in messages; `from` is a position in the file. pread, not a mapping: a file that shrinks
/// meanwhile is an Error, not a SIGBUS.
void SafetensorsFile::read_bytes(const Entry& entry, std::uint64_t from, void* to, std::size_t bytes) const {
    char* destination = static_cast<char*>(to);
    while (bytes > 0) {
        const ssize_t got =
            ::pread(descriptor_, destination, std::min(bytes, std::size_t{1} << 30), static_cast<off_t>(from));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("cannot read {}: {}", file_.string(), std::generic_category().message(errno));
        if (got == 0) {
            fail("cannot read {}: it became shorter while being read{}", file_.string(),
                 entry.name.empty() ? "" : fmt::format(" (tensor '{}')", entry.name));
        }
        destination += got;
        from += static_cast<std::uint64_t>(got);
        bytes -= static_cast<std::size_t>(got);
    }
}

void SafetensorsFile::check_readable(const Entry& entry) const {
    if (entry.stored != ElementType::unreadable) return;
    fail("{}: tensor '{}' is of a dtype that cannot be read; F64, F32, F16, BF16, I32, I64 and U8 can", file_.string(),
         printable(entry.name));
}

Tensor SafetensorsFile::read(const std::string& name, Device device) const {
    const Entry& source = entry(name);
    check_readable(source);
    Tensor tensor = Tensor::empty(source.shape, source.dtype, device);
    read_into(name, tensor);
    return tensor;
}

void SafetensorsFile::read_into(const std::string& name, const Tensor& destination) const {
    const Entry& source = entry(name);
    const Dtype to = destination.dtype();
    check_readable(source);
    if (destination.shape() != source.shape) {
        fail("{}: tensor '{}' is {}, not {}", file_.string(), name, source.shape.str(), destination.shape().str());
    }
    if (!readable_as(source.dtype, to)) {
        fail("{}: tensor '{}' is {}, not {}", file_.string(), name, camber::name(source.dtype), camber::name(to));
    }
    destination.storage().bump_version();
    const Device device = destination.device();
    if (device == Device::meta) return;
    const bool is_i64 = source.stored == ElementType::i64, is_f16 = source.stored == ElementType::f16;
    const bool as_it_is = to == source.dtype && !is_i64 && !is_f16;
    const std::uint64_t begin = data_begin_ + source.begin;
    if (as_it_is && is_host(device)) return read_bytes(source, begin, destination.raw(), destination.bytes());

    const std::size_t count = static_cast<std::size_t>(source.shape.numel());
    const std::size_t file_size = size_of(source.stored);
    const std::size_t most = std::min(count, piece / 8);
    std::vector<char> read(most * file_size), converted(as_it_is ? 0 : most * size_of(to));
    std::vector<float> floats(is_f16 ? most : 0);
    for (std::size_t done = 0; done < count;) {
        const std::size_t n = std::min(most, count - done);
        read_bytes(source, begin + done * file_size, read.data(), n * file_size);
        if (is_f16) {
            elements_to_float(source.stored, read.data(), floats.data(), n);
            convert_floats(Dtype::f32, floats.data(), to, converted.data(), n);
        } else if (is_i64) {
            for (std::size_t i = 0; i < n; ++i) {
                std::int64_t wide = 0;
                std::memcpy(&wide, read.data() + i * 8, 8);
                const auto narrow = static_cast<std::int32_t>(wide);
                if (narrow != wide) {
                    fail("{}: tensor '{}' holds {}, which does not fit 32 bits", file_.string(), name, wide);
                }
                std::memcpy(converted.data() + i * 4, &narrow, 4);
            }
        } else if (!as_it_is) {
            convert_floats(source.dtype, read.data(), to, converted.data(), n);
        }
        char* target = static_cast<char*>(destination.raw()) + done * size_of(to);
        device_memory(device).copy_from_host(target, as_it_is ? read.data() : converted.data(), n * size_of(to));
        done += n;
    }
}

void SafetensorsFile::read_floats(const Entry& entry, std::uint64_t first, float* to, std::size_t count) const {
    check_readable(entry);
    const std::size_t size = size_of(entry.stored), most = piece / size / 8;
    const std::uint64_t begin = data_begin_ + entry.begin + first * size;
    if (entry.stored == ElementType::f32) return read_bytes(entry, begin, to, count * size);
    std::vector<char> staged(std::min(count, most) * size);
    for (std::size_t done = 0; done < count;) {
        const std::size_t n = std::min(most, count - done);
        read_bytes(entry, begin + done * size, staged.data(), n * size);
        elements_to_float(entry.stored, staged.data(), to + done, n);
        done += n;
    }
}

void write_safetensors(const fs::path& path, std::span<const NamedTensor> tensors, const TextMetadata& metadata) {
    const std::string file = path.string();
    std::vector<const NamedTensor*> order;
    for (const NamedTensor& named : tensors) order.push_back(&named);
    json header = json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    for (const NamedTensor* named : order) {
        if (named->name.empty() || named->name == "__metadata__") {
            fail("cannot write {}: '{}' cannot be the name of a tensor", file, named->name);
        }
        if (!named->tensor || named->tensor.device() == Device::meta) {
            fail("cannot write {}: tensor '{}' has no elements", file, named->name);
        }
    }
    std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
        return size_of(a->tensor.dtype()) > size_of(b->tensor.dtype());
    });
    std::uint64_t offset = 0;
    for (const NamedTensor* named : order) {
        const Tensor& tensor = named->tensor;
        if (header.contains(named->name)) fail("cannot write {}: two tensors are called '{}'", file, named->name);
        json shape = json::array();
        for (int axis = 0; axis < tensor.shape().rank(); ++axis) shape.push_back(tensor.dim(axis));
        header[named->name] = {{"dtype", format_name(tensor.dtype())},
                               {"shape", std::move(shape)},
                               {"data_offsets", {offset, offset + tensor.bytes()}}};
        offset += tensor.bytes();
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const json::exception&) {
        fail("cannot write {}: a tensor's name or the metadata is not UTF-8", file);
    }
    text.append((8 - text.size() % 8) % 8, ' ');
    const std::uint64_t header_bytes = text.size();
    if (header_bytes > longest_header) fail("cannot write {}: a header of {} bytes is too long", file, header_bytes);

    AtomicFile out(path);
    out.write(&header_bytes, sizeof header_bytes);
    out.write(text);
    std::vector<char> staged;
    for (const NamedTensor* named : order) {
        const Tensor& tensor = named->tensor;
        if (is_host(tensor.device())) {
            out.write(tensor.raw(), tensor.bytes());
            continue;
        }
        for (std::size_t done = 0; done < tensor.bytes();) {
            const std::size_t n = std::min(piece, tensor.bytes() - done);
            staged.resize(std::max(staged.size(), n));
            device_memory(tensor.device()).copy_to_host(staged.data(), static_cast<char*>(tensor.raw()) + done, n);
            out.write(staged.data(), n);
            done += n;
        }
    }
    out.commit();
}

}  // namespace camber
