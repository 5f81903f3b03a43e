#include <camber/safetensors.h>

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cstring>
#include <future>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "io/atomic_file.h"
#include "io/crc.h"
#include "io/elements.h"
#include "io/input_file.h"
#include "io/printable.h"
#include "io/text_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Elements pass between file and device in pieces of this size.
constexpr std::size_t piece = std::size_t{4} << 20;
/// As the safetensors packages have it: a guard against headers made to exhaust memory.
constexpr std::uint64_t longest_header = 100'000'000;
/// What is read is checked in pieces that a processor's cache holds meanwhile.
constexpr std::size_t checked_piece = std::size_t{256} << 10;

constexpr const char* checksums_key = "camber.crc32c";
constexpr std::size_t checksum_digits = 8;
/// How the checksums begin in a header that Camber wrote. In a text of JSON, the quotes would be escaped.
constexpr std::string_view checksums_begin = "\"camber.crc32c\":\"";

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
                                 std::move(extents),
                                 readable ? known->dtype : Dtype::u8,
                                 readable ? known->stored : ElementType::unreadable,
                                 offsets[0].get<std::uint64_t>(),
                                 offsets[1].get<std::uint64_t>(),
                                 std::nullopt};
    if (entry.begin > entry.end) wrong("ends before it begins");
    if (entry.end > data_bytes) {
        wrong(fmt::format("ends at byte {} of {} bytes of data: the file was cut short or is damaged", entry.end,
                          data_bytes));
    }
    if (readable && entry.end - entry.begin != bytes) {
        wrong(fmt::format("takes {} bytes, but {} [{}] needs {}", entry.end - entry.begin, known->name,
                          fmt::join(entry.shape, ", "), bytes));
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

SafetensorsFile SafetensorsFile::open(const fs::path& path) { return SafetensorsFile(path); }

SafetensorsFile::SafetensorsFile(const fs::path& path) : file_(path), input_(std::make_unique<InputFile>(path)) {
    const std::string file = path.string();
    const std::uint64_t size = input_->size();
    if (size < 8) fail("{}: not a safetensors file, or cut short ({} bytes)", file, size);
    const auto header_bytes = input_->number<std::uint64_t>(0);
    if (header_bytes > size - 8) {
        fail("{}: not a safetensors file, or cut short (a header of {} bytes in a file of {})", file, header_bytes,
             size);
    }
    if (header_bytes > longest_header) {
        fail("{}: not a safetensors file (a header of {} bytes; the format allows {})", file, header_bytes,
             longest_header);
    }
    std::string text(header_bytes, '\0');
    input_->read(8, text.data(), text.size());
    if (!text.starts_with('{')) fail("{}: not a safetensors file (its header is not a JSON object)", file);
    data_begin_ = 8 + header_bytes;
    const std::uint64_t data_bytes = size - data_begin_;

    // No deeper than the format has it, and no list longer than a tensor's that can be refused in words.
    const json header = parse_json(text, file, "a safetensors file, or a damaged one", {.depth = 3, .list = 1000});
    if (!header.is_object()) fail("{}: not a safetensors file (its header is not a JSON object)", file);
    for (const auto& item : header.items()) {
        if (item.key() != "__metadata__") {
            entries_.push_back(parse_entry(item.key(), item.value(), data_bytes, file));
            continue;
        }
        if (!item.value().is_object()) fail("{}: its __metadata__ is not a JSON object", file);
        for (const auto& pair : item.value().items()) {
            if (!pair.value().is_string()) fail("{}: its __metadata__ '{}' is not text", file, printable(pair.key()));
            metadata_[pair.key()] = pair.value().get<std::string>();
        }
    }

    // Empty tensors may share an offset with their neighbour: they come first.
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
    std::uint64_t reached = 0;
    for (const Entry& entry : entries_) {
        if (entry.begin != reached) {
            fail("{}: tensor '{}' {}: a damaged file", file, printable(entry.name),
                 entry.begin < reached ? "overlaps the one before it" : "comes after bytes that belong to none");
        }
        reached = entry.end;
        index_[entry.name] = static_cast<std::size_t>(&entry - entries_.data());
    }
    if (reached != data_bytes) {
        fail("{}: {} bytes of data belong to no tensor: not a safetensors file, or a damaged one", file,
             data_bytes - reached);
    }
    take_checksums(text);
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&& other) noexcept = default;

/// Gives the entries their checksums, where the file has them, and checks the header with its own.
void SafetensorsFile::take_checksums(const std::string& header) {
    const auto found = metadata_.extract(checksums_key);
    if (!found) return;
    const std::string& digits = found.mapped();
    const auto damaged = [&] { fail("{}: damaged: its header does not have its checksum", file_.string()); };
    if (digits.size() != checksum_digits * (1 + entries_.size())) damaged();
    const auto number = [&](std::size_t i) {
        std::uint32_t value = 0;
        const std::string text = digits.substr(i * checksum_digits, checksum_digits);
        std::from_chars(text.data(), text.data() + text.size(), value, 16);
        if (fmt::format("{:08x}", value) != text) damaged();
        return value;
    };
    const std::size_t at = header.find(checksums_begin);
    if (at == std::string::npos) damaged();
    std::string blank = header;
    blank.replace(at + checksums_begin.size(), digits.size(), digits.size(), '0');
    if (crc32c(blank.data(), blank.size()) != number(0)) damaged();
    for (std::size_t i = 0; i < entries_.size(); ++i) entries_[i].checksum = number(i + 1);
    checked_ = std::make_unique<std::atomic<bool>[]>(entries_.size());
}

const SafetensorsFile::Entry* SafetensorsFile::find(const std::string& name) const {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : &entries_[it->second];
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
    if (const Entry* found = find(name)) return *found;
    fail("{}: there is no tensor '{}' in it", file_.string(), name);
}

void SafetensorsFile::check(const Entry& entry, std::uint32_t found) const {
    if (!entry.checksum) return;
    if (found != *entry.checksum) {
        fail("{}: damaged: the bytes of tensor '{}' do not have the checksum that was written with them",
             file_.string(), printable(entry.name));
    }
    checked_[static_cast<std::size_t>(&entry - entries_.data())] = true;
}

/// All bytes of an entry, checked as they come.
void SafetensorsFile::read_whole(const Entry& entry, void* to) const {
    const std::size_t bytes = entry.end - entry.begin;
    std::uint32_t found = 0;
    for (std::size_t done = 0; done < bytes;) {
        const std::size_t n = entry.checksum ? std::min(checked_piece, bytes - done) : bytes;
        char* there = static_cast<char*>(to) + done;
        input_->read(data_begin_ + entry.begin + done, there, n);
        if (entry.checksum) found = crc32c(there, n, found);
        done += n;
    }
    check(entry, found);
}

/// For what reads parts of an entry, in any order and from several threads: the first to come checks all of it.
void SafetensorsFile::check_once(const Entry& entry) const {
    if (!entry.checksum || checked_[static_cast<std::size_t>(&entry - entries_.data())]) return;
    const std::size_t bytes = entry.end - entry.begin;
    std::vector<char> staged(std::min(checked_piece, bytes));
    std::uint32_t found = 0;
    for (std::size_t done = 0; done < bytes;) {
        const std::size_t n = std::min(staged.size(), bytes - done);
        input_->read(data_begin_ + entry.begin + done, staged.data(), n);
        found = crc32c(staged.data(), n, found);
        done += n;
    }
    check(entry, found);
}

Shape SafetensorsFile::shape_of(const Entry& entry) const {
    const std::vector<std::int64_t>& s = entry.shape;
    switch (s.size()) {
        case 0:
            return {};
        case 1:
            return {s[0]};
        case 2:
            return {s[0], s[1]};
        case 3:
            return {s[0], s[1], s[2]};
        case 4:
            return {s[0], s[1], s[2], s[3]};
    }
    fail("{}: tensor '{}' has {} dimensions; at most {} can be read", file_.string(), printable(entry.name), s.size(),
         Shape::max_rank);
}

void SafetensorsFile::check_readable(const Entry& entry) const {
    if (entry.stored != ElementType::unreadable) return;
    fail("{}: tensor '{}' is of a dtype that cannot be read; F64, F32, F16, BF16, I32, I64 and U8 can", file_.string(),
         printable(entry.name));
}

Tensor SafetensorsFile::read(const std::string& name, Device device) const {
    const Entry& source = entry(name);
    check_readable(source);
    Tensor tensor = Tensor::empty(shape_of(source), source.dtype, device);
    read_into(name, tensor);
    return tensor;
}

void SafetensorsFile::read_into(const std::string& name, const Tensor& destination) const {
    const Entry& source = entry(name);
    const Dtype to = destination.dtype();
    check_readable(source);
    if (const Shape shape = shape_of(source); destination.shape() != shape) {
        fail("{}: tensor '{}' is {}, not {}", file_.string(), name, shape.str(), destination.shape().str());
    }
    if (!readable_as(source.dtype, to)) {
        fail("{}: tensor '{}' is {}, not {}", file_.string(), name, camber::name(source.dtype), camber::name(to));
    }
    destination.storage().bump_version();
    const Device device = destination.device();
    if (device == Device::meta) return;
    const bool is_i64 = source.stored == ElementType::i64, is_f16 = source.stored == ElementType::f16;
    const bool as_it_is = to == source.dtype && !is_i64 && !is_f16;
    if (as_it_is && is_host(device)) return read_whole(source, destination.raw());
    const std::uint64_t begin = data_begin_ + source.begin;

    const std::size_t count = static_cast<std::size_t>(destination.numel());
    const std::size_t file_size = size_of(source.stored);
    const std::size_t most = std::min(count, piece / 8);
    std::vector<char> read(most * file_size), converted(as_it_is ? 0 : most * size_of(to));
    std::vector<float> floats(is_f16 ? most : 0);
    std::uint32_t found = 0;
    for (std::size_t done = 0; done < count;) {
        const std::size_t n = std::min(most, count - done);
        input_->read(begin + done * file_size, read.data(), n * file_size);
        if (source.checksum) found = crc32c(read.data(), n * file_size, found);
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
    check(source, found);
}

void SafetensorsFile::read_floats(const Entry& entry, std::uint64_t first, float* to, std::size_t count) const {
    check_readable(entry);
    check_once(entry);
    const std::size_t size = size_of(entry.stored), most = piece / size / 8;
    const std::uint64_t begin = data_begin_ + entry.begin + first * size;
    if (entry.stored == ElementType::f32) return input_->read(begin, to, count * size);
    std::vector<char> staged(std::min(count, most) * size);
    for (std::size_t done = 0; done < count;) {
        const std::size_t n = std::min(most, count - done);
        input_->read(begin + done * size, staged.data(), n * size);
        elements_to_float(entry.stored, staged.data(), to + done, n);
        done += n;
    }
}

void write_safetensors(const fs::path& path, std::span<const NamedTensor> tensors, const TextMetadata& metadata) {
    const std::string file = path.string();
    std::vector<const NamedTensor*> order;
    for (const NamedTensor& named : tensors) order.push_back(&named);
    json header = json::object();
    header["__metadata__"] = metadata;
    header["__metadata__"][checksums_key] = std::string(checksum_digits * (1 + order.size()), '0');
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

    // Beside the writing, which takes longer.
    std::vector<std::uint32_t> checksums(order.size());
    std::future<void> checked = std::async(std::launch::async | std::launch::deferred, [&] {
        for (std::size_t i = 0; i < order.size(); ++i) {
            const Tensor& tensor = order[i]->tensor;
            if (is_host(tensor.device())) checksums[i] = crc32c(tensor.raw(), tensor.bytes());
        }
    });
    AtomicFile out(path);
    out.write(&header_bytes, sizeof header_bytes);
    out.write(text);
    std::vector<char> staged;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const Tensor& tensor = order[i]->tensor;
        if (is_host(tensor.device())) {
            out.write(tensor.raw(), tensor.bytes());
            continue;
        }
        for (std::size_t done = 0; done < tensor.bytes();) {
            const std::size_t n = std::min(piece, tensor.bytes() - done);
            staged.resize(std::max(staged.size(), n));
            device_memory(tensor.device()).copy_to_host(staged.data(), static_cast<char*>(tensor.raw()) + done, n);
            checksums[i] = crc32c(staged.data(), n, checksums[i]);
            out.write(staged.data(), n);
            done += n;
        }
    }
    checked.get();
    std::string digits = fmt::format("{:08x}", crc32c(text.data(), text.size()));
    for (const std::uint32_t checksum : checksums) digits += fmt::format("{:08x}", checksum);
    out.overwrite(sizeof header_bytes + text.find(checksums_begin) + checksums_begin.size(), digits);
    out.commit();
}

}  // namespace camber
