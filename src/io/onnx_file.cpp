#include "io/onnx_file.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <utility>

#include "io/printable.h"

namespace camber {
namespace {

// Of onnx.proto: ModelProto, GraphProto, TensorProto, StringStringEntryProto.
enum : std::uint32_t { model_graph = 7, model_metadata = 14, graph_initializer = 5 };
enum : std::uint32_t {
    tensor_dims = 1,
    tensor_type = 2,
    tensor_floats = 4,
    tensor_doubles = 10,
    tensor_name = 8,
    tensor_raw = 9,
    tensor_location = 14
};
enum : std::uint32_t { entry_key = 1, entry_value = 2 };
enum : std::uint32_t { as_varint = 0, as_8_bytes = 1, with_length = 2, as_4_bytes = 5 };

constexpr std::size_t most_tensors = 1'000'000, most_dimensions = 64;
constexpr std::uint64_t longest_name = 4096, longest_text = std::uint64_t{16} << 20;

/// TensorProto.DataType.
struct KindOfElement {
    std::uint64_t number;
    ElementType type;
};
constexpr KindOfElement kinds[] = {
    {1, ElementType::f32}, {10, ElementType::f16}, {11, ElementType::f64}, {16, ElementType::bf16}};
/// Complex numbers and those of 8 bits and less: weights that cannot be read.
constexpr std::array<std::uint64_t, 6> unreadable = {14, 15, 17, 18, 19, 20};

/// A piece of the file: the fields of a message.
struct Span {
    std::uint64_t begin = 0, end = 0;
    std::uint64_t size() const { return end - begin; }
};

struct Field {
    std::uint32_t number = 0, type = 0;
    std::uint64_t value = 0;  ///< of a varint
    Span bytes;               ///< of all others
};

/// The fields of a message, one after the other.
class Fields {
  public:
    Fields(const InputFile& file, const Span& message) : file_(file), at_(message.begin), end_(message.end) {}

    bool next(Field& field) {
        if (at_ == end_) return false;
        const std::uint64_t key = varint();
        field.number = static_cast<std::uint32_t>(key >> 3);
        field.type = static_cast<std::uint32_t>(key & 7);
        std::uint64_t size = 0;
        switch (field.type) {
            case as_varint:
                field.value = varint();
                return true;
            case as_8_bytes:
                size = 8;
                break;
            case as_4_bytes:
                size = 4;
                break;
            case with_length:
                size = varint();
                break;
            default:
                damaged("a field of no known kind");
        }
        if (size > end_ - at_) damaged("a field that reaches beyond its message");
        field.bytes = {at_, at_ + size};
        at_ += size;
        return true;
    }

    [[noreturn]] void damaged(const char* what) const {
        fail("{}: a damaged ONNX file, or one cut short ({})", file_.name(), what);
    }

    std::uint64_t varint() {
        constexpr std::uint64_t longest = 10;
        std::uint64_t value = 0;
        unsigned char bytes[longest];
        const std::uint64_t count = std::min(longest, end_ - at_);
        file_.read(at_, bytes, count);
        for (std::uint64_t i = 0; i < count; ++i) {
            value |= static_cast<std::uint64_t>(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] & 0x80) continue;
            at_ += i + 1;
            return value;
        }
        damaged("a number without an end");
    }
    bool done() const { return at_ == end_; }

  private:
    const InputFile& file_;
    std::uint64_t at_, end_;
};

std::string text(const InputFile& file, const Field& field, std::uint64_t longest) {
    if (field.bytes.size() > longest) fail("{}: a name or text of {} bytes", file.name(), field.bytes.size());
    std::string value(field.bytes.size(), '\0');
    file.read(field.bytes.begin, value.data(), value.size());
    return value;
}

class OnnxFile : public WeightFile {
  public:
    OnnxFile(const std::filesystem::path& path, InputFile input)
        : WeightFile(path, WeightFormat::onnx), input_(std::move(input)) {
        std::vector<WeightEntry> list;
        Field field;
        bool any = false;
        for (Fields model(input_, {0, input_.size()}); model.next(field);) {
            if (field.number == model_graph && field.type == with_length) {
                any = true;
                read_graph(field.bytes, list);
            } else if (field.number == model_metadata && field.type == with_length) {
                read_metadata(field.bytes);
            }
        }
        if (!any) fail("{}: an ONNX file without a graph", input_.name());
        set_entries(std::move(list));
    }

    void read_rows(const WeightEntry& entry, std::int64_t first, std::int64_t rows, float* to) const override {
        if (entry.numel() == 0) return;
        const std::int64_t row = entry.numel() / entry.rows();
        const std::uint64_t skipped = static_cast<std::uint64_t>(first * row) * size_of(entry.type);
        input_.read_floats(entry.type, positions_[index_of(entry)] + skipped, to, static_cast<std::size_t>(rows * row));
    }

  private:
    void read_graph(const Span& graph, std::vector<WeightEntry>& list) {
        Field field;
        for (Fields fields(input_, graph); fields.next(field);) {
            if (field.number != graph_initializer || field.type != with_length) continue;
            if (list.size() == most_tensors) fail("{}: more tensors than any network has", input_.name());
            read_tensor(field.bytes, list);
        }
    }

    void read_metadata(const Span& entry) {
        std::string key, value;
        Field field;
        for (Fields fields(input_, entry); fields.next(field);) {
            if (field.type != with_length) continue;
            if (field.number == entry_key) key = text(input_, field, longest_text);
            if (field.number == entry_value) value = text(input_, field, longest_text);
        }
        if (key == "camber") note_ = value;
        if (key == "camber.folded") {
            fail(
                "{}: its batch norms are folded into its convolutions, so the network's weights are not in it; export "
                "without --fold-batch-norms",
                input_.name());
        }
    }

    void read_tensor(const Span& tensor, std::vector<WeightEntry>& list) {
        WeightEntry entry;
        std::uint64_t kind = 0;
        Span elements;
        bool elsewhere = false;
        Field field;
        for (Fields fields(input_, tensor); fields.next(field);) {
            if (field.number == tensor_dims) {
                read_extents(field, entry.shape);
            } else if (field.number == tensor_type && field.type == as_varint) {
                kind = field.value;
            } else if (field.number == tensor_name && field.type == with_length) {
                entry.name = text(input_, field, longest_name);
            } else if ((field.number == tensor_raw || field.number == tensor_floats ||
                        field.number == tensor_doubles) &&
                       field.type == with_length) {
                elements = field.bytes;
            } else if (field.number == tensor_location && field.type == as_varint) {
                elsewhere = field.value == 1;
            }
        }
        const auto* found =
            std::find_if(std::begin(kinds), std::end(kinds), [&](const KindOfElement& k) { return k.number == kind; });
        if (found == std::end(kinds)) {
            if (std::find(unreadable.begin(), unreadable.end(), kind) == unreadable.end()) return;
            entry.type = ElementType::unreadable;
            entry.problem = "is of complex numbers, or of fewer than 16 bits, which are not read";
        } else if (elsewhere) {
            entry.type = ElementType::unreadable;
            entry.problem = "is in a file of its own: in Python, onnx.save(onnx.load(FILE), OTHER)";
        } else {
            entry.type = found->type;
            check_size(entry, elements);
        }
        if (!entry.problem.empty()) entry.shape.clear();
        positions_.push_back(elements.begin);
        list.push_back(std::move(entry));
    }

    void read_extents(const Field& field, std::vector<std::int64_t>& shape) const {
        const auto add = [&](std::uint64_t extent) {
            if (extent >> 63 || shape.size() == most_dimensions)
                fail("{}: a damaged ONNX file (a shape that no tensor has)", input_.name());
            shape.push_back(static_cast<std::int64_t>(extent));
        };
        if (field.type == as_varint) return add(field.value);
        if (field.type != with_length) return;
        for (Fields packed(input_, field.bytes); !packed.done();) add(packed.varint());
    }

    void check_size(const WeightEntry& entry, const Span& elements) const {
        std::uint64_t bytes = size_of(entry.type);
        bool overflow = false;
        for (const std::int64_t extent : entry.shape)
            overflow = overflow || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes);
        if (overflow || bytes != elements.size()) {
            fail("{}: tensor '{}' of shape {} has {} bytes: the file is damaged", input_.name(), printable(entry.name),
                 entry.shape_text(), elements.size());
        }
    }

    InputFile input_;
    std::vector<std::uint64_t> positions_;  ///< of each entry's elements
};

}  // namespace

bool looks_like_onnx(const InputFile& file) {
    constexpr std::uint8_t version = 1 << 3 | as_varint, newest = 64;
    // producer_name, producer_version, domain, model_version, doc_string, graph, opset_import
    constexpr std::array<std::uint8_t, 7> second = {0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42};
    std::array<std::uint8_t, 3> start{};
    if (file.size() < start.size()) return false;
    file.read(0, start.data(), start.size());
    return start[0] == version && start[1] >= 1 && start[1] < newest &&
           std::find(second.begin(), second.end(), start[2]) != second.end();
}

std::unique_ptr<WeightFile> open_onnx(const std::filesystem::path& path, InputFile file) {
    return std::make_unique<OnnxFile>(path, std::move(file));
}

}  // namespace camber
