#pragma once
#include <camber/element_type.h>
#include <camber/named_tensor.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The safetensors format (Hugging Face, "Safetensors: format"): 8 bytes little-endian header length, a JSON object
/// {"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, ..., "__metadata__": {text: text}}, then the elements,
/// little-endian, with neither holes nor overlaps. Dtypes F64, F32, BF16, I32 and U8 are Camber's; I64 is read into
/// i32 where every value fits, F16 into f32.
///
/// What Camber writes has checksums: `camber.crc32c` in the metadata is hexadecimal digits, eight for each CRC-32C
/// (RFC 3720): of the header as it is with zeros for all these digits, then of each tensor in the order of their bytes.
/// Whoever changes a file leaves them out.
namespace camber {

class InputFile;

/// The file's `__metadata__`.
using TextMetadata = std::map<std::string, std::string>;

/// An open file: the header is read and checked at once, elements when asked for. Holds the file open, so a file
/// renamed over it meanwhile changes nothing. Reads may come from several threads.
class SafetensorsFile {
  public:
    /// What the header says of a tensor.
    struct Entry {
        std::string name;
        std::vector<std::int64_t> shape;  ///< of any rank; a tensor's of at most 4: see shape_of()
        Dtype dtype = Dtype::f32;         ///< as read() gives it: I64 is i32 here, F16 f32
        ElementType stored = ElementType::f32;
        std::uint64_t begin = 0, end = 0;       ///< bytes from the end of the header
        std::optional<std::uint32_t> checksum;  ///< CRC-32C of its bytes, where the file has one
    };

    /// Throws Error, one line that starts with the file's name, when it is missing, unreadable, truncated, not a
    /// safetensors file, or inconsistent in any way: header longer than the file, invalid JSON, a duplicate
    /// name, offsets that overlap, leave holes, end outside the file or do not fit shape x dtype, or whose
    /// checksum is not the header's. Tensors of other dtypes than F64, F32, F16, BF16, I32, I64 and U8 are listed as
    /// unreadable; reading one is an Error.
    static SafetensorsFile open(const std::filesystem::path& file);

    ~SafetensorsFile();
    SafetensorsFile(SafetensorsFile&& other) noexcept;
    SafetensorsFile& operator=(SafetensorsFile&& other) noexcept;

    const std::filesystem::path& file() const { return file_; }
    /// Without the checksums.
    const TextMetadata& metadata() const { return metadata_; }
    /// In the order of their bytes in the file. Reading one whose bytes do not have their checksum is an Error.
    const std::vector<Entry>& entries() const { return entries_; }
    bool has_checksums() const { return checked_ != nullptr; }
    /// Null when the file has no such tensor.
    const Entry* find(const std::string& name) const;
    /// Throws Error for more than Shape::max_rank dimensions.
    Shape shape_of(const Entry& entry) const;
    /// A new tensor with the elements of `name`; throws Error when there is no such tensor.
    Tensor read(const std::string& name, Device device = Device::cpu) const;
    /// Reads the elements of `name` straight into `destination`, which has its shape, on any device. Among f64, f32
    /// and bf16 the elements are converted; other dtypes must match.
    void read_into(const std::string& name, const Tensor& destination) const;
    /// `count` elements of an entry of entries() from element `first` on, of whatever dtype, as f32.
    void read_floats(const Entry& entry, std::uint64_t first, float* to, std::size_t count) const;

  private:
    explicit SafetensorsFile(const std::filesystem::path& file);
    const Entry& entry(const std::string& name) const;
    void check_readable(const Entry& entry) const;
    void take_checksums(const std::string& header);
    void read_whole(const Entry& entry, void* to) const;
    void check(const Entry& entry, std::uint32_t found) const;
    void check_once(const Entry& entry) const;

    std::filesystem::path file_;
    std::unique_ptr<const InputFile> input_;
    std::uint64_t data_begin_ = 0;
    TextMetadata metadata_;
    std::vector<Entry> entries_;
    std::map<std::string, std::size_t> index_;
    std::unique_ptr<std::atomic<bool>[]> checked_;  ///< entries whose bytes had their checksum
};

/// Whether read_into() puts elements of dtype `from` into a tensor of `to`.
bool readable_as(Dtype from, Dtype to);

/// Writes a file that the safetensors packages read; atomically, see src/io/atomic_file.h. Elements go from where they
/// are to the file in small pieces, so device tensors need no second copy in memory. Within the file, wider dtypes come
/// first (so that all are aligned), otherwise the given order is kept. Throws Error naming the file: duplicate or
/// empty names, an undefined tensor, a failure to write (then an older file of that name is as it was).
void write_safetensors(const std::filesystem::path& file, std::span<const NamedTensor> tensors,
                       const TextMetadata& metadata = {});

}  // namespace camber
