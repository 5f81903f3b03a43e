#include "io/torch_writer.h"

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "io/torch_file.h"
#include "io/zip_writer.h"

namespace camber {
namespace {

static_assert(std::endian::native == std::endian::little);  // as the archive says

/// A pickle of protocol 2 (Python's Lib/pickletools.py), by the few operations that a state_dict takes.
class PickleWriter {
  public:
    PickleWriter() { bytes_ = "\x80\x02"; }

    PickleWriter& mark() { return add("("); }
    PickleWriter& tuple() { return add("t"); }
    PickleWriter& empty_tuple() { return add(")"); }
    PickleWriter& call() { return add("R"); }
    PickleWriter& persistent() { return add("Q"); }
    PickleWriter& set_items() { return add("u"); }
    PickleWriter& no() { return add("\x89"); }
    PickleWriter& global(std::string_view module, std::string_view name) {
        return add("c").add(module).add("\n").add(name).add("\n");
    }
    PickleWriter& text(std::string_view value) {
        add("X").number<std::uint32_t>(value.size());
        return add(value);
    }
    PickleWriter& integer(std::int64_t value) {
        constexpr std::int64_t most = 0x7fffffff;
        if (value <= most) return add("J").number<std::uint32_t>(static_cast<std::uint64_t>(value));
        add("\x8a").number<std::uint8_t>(sizeof value);
        return number<std::uint64_t>(static_cast<std::uint64_t>(value));
    }
    std::string finish() { return std::move(add(".").bytes_); }

  private:
    PickleWriter& add(std::string_view bytes) {
        bytes_ += bytes;
        return *this;
    }
    template <class T>
    PickleWriter& number(std::uint64_t value) {
        for (std::size_t i = 0; i < sizeof(T); ++i) bytes_ += static_cast<char>(value >> (8 * i));
        return *this;
    }
    std::string bytes_;
};

/// What rebuilds a contiguous tensor from the storage `key` (torch/_utils.py, _rebuild_tensor_v2).
void put_tensor(PickleWriter& pickle, const Tensor& tensor, const std::string& key) {
    const Shape& shape = tensor.shape();
    std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 1);
    for (int axis = shape.rank() - 1; axis-- > 0;) {
        const auto i = static_cast<std::size_t>(axis);
        strides[i] = strides[i + 1] * shape[axis + 1];
    }
    pickle.global("torch._utils", "_rebuild_tensor_v2").mark();
    pickle.mark().text("storage").global("torch", "FloatStorage").text(key).text("cpu").integer(tensor.numel());
    pickle.tuple().persistent().integer(0);
    pickle.mark();
    for (int axis = 0; axis < shape.rank(); ++axis) pickle.integer(shape[axis]);
    pickle.tuple().mark();
    for (const std::int64_t stride : strides) pickle.integer(stride);
    pickle.tuple().no();
    pickle.global("collections", "OrderedDict").empty_tuple().call();  // hooks
    pickle.tuple().call();
}

}  // namespace

void write_torch(const std::filesystem::path& file, std::span<const NamedTensor> tensors, const std::string& note) {
    PickleWriter pickle;
    pickle.global("collections", "OrderedDict").empty_tuple().call().mark();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        pickle.text(tensors[i].name);
        put_tensor(pickle, tensors[i].tensor, std::to_string(i));
    }
    pickle.set_items();

    ZipWriter archive(file);
    const std::string folder = "archive/";
    archive.add(folder + "data.pkl", pickle.finish());
    archive.add(folder + "byteorder", "little");
    if (!note.empty()) archive.add(folder + torch_note, note);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const Tensor& tensor = tensors[i].tensor;
        archive.add(folder + "data/" + std::to_string(i), {static_cast<const char*>(tensor.raw()), tensor.bytes()});
    }
    archive.add(folder + "version", "3\n");
    archive.commit();
}

}  // namespace camber
