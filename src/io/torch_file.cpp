#include "io/torch_file.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "io/pickle.h"
#include "io/printable.h"
#include "io/strided_file.h"

namespace camber {
namespace {

using pickle::Index;
using pickle::Kind;
using pickle::Pickle;
using pickle::Value;

constexpr std::size_t most_dimensions = 64;
constexpr int deepest_name = 16;                 ///< dictionaries within dictionaries
constexpr std::size_t most_tensors = 1'000'000;  ///< also of values looked at on the way

// ---- what a pickle may name

enum class Meaning { dictionary, tensor, typed_tensor, parameter, size, storage };

struct Global {
    std::string_view name;
    Meaning meaning;
    ElementType type = ElementType::f32;  ///< of a storage
    std::size_t bytes = 0;                ///< of an element that is unreadable
};

constexpr Global globals[] = {
    {"collections.OrderedDict", Meaning::dictionary},
    {"torch._utils._rebuild_tensor", Meaning::tensor},
    {"torch._utils._rebuild_tensor_v2", Meaning::tensor},
    {"torch._tensor._rebuild_from_type_v2", Meaning::typed_tensor},
    {"torch._utils._rebuild_parameter", Meaning::parameter},
    {"torch.Size", Meaning::size},
    {"torch.DoubleStorage", Meaning::storage, ElementType::f64},
    {"torch.FloatStorage", Meaning::storage, ElementType::f32},
    {"torch.HalfStorage", Meaning::storage, ElementType::f16},
    {"torch.BFloat16Storage", Meaning::storage, ElementType::bf16},
    {"torch.LongStorage", Meaning::storage, ElementType::i64},
    {"torch.IntStorage", Meaning::storage, ElementType::i32},
    {"torch.ShortStorage", Meaning::storage, ElementType::i16},
    {"torch.CharStorage", Meaning::storage, ElementType::i8},
    {"torch.ByteStorage", Meaning::storage, ElementType::u8},
    {"torch.BoolStorage", Meaning::storage, ElementType::boolean},
    {"torch.ComplexDoubleStorage", Meaning::storage, ElementType::unreadable, 16},
    {"torch.ComplexFloatStorage", Meaning::storage, ElementType::unreadable, 8},
    {"torch.QInt8Storage", Meaning::storage, ElementType::unreadable, 1},
    {"torch.QUInt8Storage", Meaning::storage, ElementType::unreadable, 1},
    {"torch.QInt32Storage", Meaning::storage, ElementType::unreadable, 4},
    {"torch.storage.UntypedStorage", Meaning::storage, ElementType::unreadable, 1},
};

constexpr Global unknown_storage = {"", Meaning::storage, ElementType::unreadable, 0};

constexpr auto known = [] {
    std::array<std::string_view, std::size(globals)> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = globals[i].name;
    return names;
}();

/// What PyTorch makes that has no place among weights as it is, and what to do.
struct Unusual {
    std::string_view maker, problem;
};
constexpr Unusual unusual[] = {
    {"torch._utils._rebuild_sparse_tensor", "is sparse: save its to_dense()"},
    {"torch._utils._rebuild_sparse_csr_tensor", "is sparse: save its to_dense()"},
    {"torch._utils._rebuild_qtensor", "is quantised: save its dequantize()"},
    {"torch._utils._rebuild_tensor_v3", "is of a dtype such as float8, which is not read: save its float()"},
    {"torch._utils._rebuild_meta_tensor_no_storage", "is on the device 'meta', without elements: save a loaded model"},
    {"torch._utils._rebuild_nested_tensor", "is a nested tensor: save its to_padded_tensor()"},
    {"numpy._core.multiarray._reconstruct", "is a NumPy array: save torch.from_numpy() of it"},
    {"numpy.core.multiarray._reconstruct", "is a NumPy array: save torch.from_numpy() of it"},
};

// ---- storages

/// The elements that a persistent id stands for.
struct Storage {
    std::string key;
    ElementType type = ElementType::f32;
    std::size_t element_bytes = 0;
    std::uint64_t elements = 0;       ///< of the whole storage as the pickle says
    std::uint64_t view_begin = 0;     ///< the part that a view takes (older stream)
    std::uint64_t view_elements = 0;  ///< all of it where there is no view
    std::uint64_t position = 0;       ///< in the file, of element 0; set when it is found there
    CheckedMember* member = nullptr;  ///< null in the older stream
};

/// What a pickle says, read as PyTorch means it.
class Interpreter {
  public:
    Interpreter(const InputFile& file, const Pickle& tree) : file_(file), tree_(tree) {}

    [[noreturn]] void damaged(std::string_view what) const {
        fail("{}: a damaged PyTorch file ({})", file_.name(), what);
    }

    std::int64_t integer(Index index) const {
        const Value& value = tree_[index];
        if (value.kind != Kind::integer) damaged("a number is wanted where there is none");
        return value.integer;
    }
    std::uint64_t count(Index index) const {
        const std::int64_t value = integer(index);
        if (value < 0) damaged("a count below zero");
        return static_cast<std::uint64_t>(value);
    }
    Meaning meaning_of(const Value& call) const { return global(call.items[0]).meaning; }
    const Global& global(Index index) const {
        const Value& value = tree_[index];
        if (value.kind != Kind::global) damaged("a type is wanted where there is none");
        return globals[value.integer];
    }

    /// Every persistent id of the pickle, by the index of its value.
    std::unordered_map<Index, Storage> storages() const {
        std::unordered_map<Index, Storage> found;
        for (Index i = 0; i < tree_.values.size(); ++i) {
            if (tree_[i].kind == Kind::persistent) found.emplace(i, storage(tree_[tree_[i].items[0]]));
        }
        return found;
    }

    /// Key and value of a dictionary's items; null when it is none. (An OrderedDict may have been given pairs.)
    std::optional<std::vector<std::pair<Index, Index>>> items(Index index) const {
        const Value& value = tree_[index];
        std::vector<std::pair<Index, Index>> pairs;
        std::size_t first = 0;
        if (value.kind == Kind::call && meaning_of(value) == Meaning::dictionary) {
            const Value& arguments = tree_[value.items[1]];
            first = 2;
            if (!arguments.items.empty()) {
                for (const Index pair : tree_[arguments.items[0]].items) {
                    const Value& two = tree_[pair];
                    if (two.items.size() != 2) damaged("a dictionary made from something other than pairs");
                    pairs.emplace_back(two.items[0], two.items[1]);
                }
            }
        } else if (value.kind != Kind::dict) {
            return std::nullopt;
        }
        for (std::size_t i = first; i + 1 < value.items.size(); i += 2) {
            pairs.emplace_back(value.items[i], value.items[i + 1]);
        }
        return pairs;
    }

    /// The values of a list or tuple; none of any other.
    std::vector<Index> list_items(Index index) const {
        const Value& value = tree_[index];
        return value.kind == Kind::list || value.kind == Kind::tuple ? value.items : std::vector<Index>();
    }

    /// The name of an object that is there instead of a state_dict, or among a dictionary's values; empty for none.
    std::string object_in(Index index) const {
        if (tree_[index].kind == Kind::opaque) return tree_.name(index);
        if (const auto pairs = items(index)) {
            for (const auto& [key, value] : *pairs) {
                if (tree_[value].kind == Kind::opaque) return tree_.name(value);
            }
        }
        return {};
    }

    /// A dictionary's key as part of a tensor's name; null when it is neither text nor a number.
    std::optional<std::string> key(Index index) const {
        const Value& value = tree_[index];
        if (value.kind == Kind::text) return std::string(tree_.text(value));
        if (value.kind == Kind::integer) return std::to_string(value.integer);
        return std::nullopt;
    }

    /// What a value is that PyTorch makes in another way than tensors are; null for others.
    const Unusual* problem(Index index) const {
        const Value& value = tree_[index];
        if (value.kind != Kind::opaque) return nullptr;
        const std::string name = tree_.name(index);
        const auto found = std::find_if(std::begin(unusual), std::end(unusual),
                                        [&](const Unusual& made) { return made.maker == name; });
        return found == std::end(unusual) ? nullptr : found;
    }

    /// Storage, offset, sizes and strides of a tensor; null when the value is none.
    const Value* tensor_arguments(Index index) const {
        const Value* call = &tree_[index];
        for (int wrapped = 0; call->kind == Kind::call && meaning_of(*call) == Meaning::parameter; ++wrapped) {
            const Value& arguments = tree_[call->items[1]];
            if (arguments.items.empty() || wrapped > 4) damaged("a parameter without a tensor");
            call = &tree_[arguments.items[0]];
        }
        if (call->kind != Kind::call) return nullptr;
        const Value* arguments = &tree_[call->items[1]];
        if (meaning_of(*call) ==
            Meaning::typed_tensor) {  // of a subclass: what makes a plain one, and what it is given
            if (arguments->items.size() < 3) damaged("a tensor with too few arguments");
            const Value& maker = tree_[arguments->items[0]];
            if (maker.kind != Kind::global || globals[maker.integer].meaning != Meaning::tensor) return nullptr;
            arguments = &tree_[arguments->items[2]];
        } else if (meaning_of(*call) != Meaning::tensor) {
            return nullptr;
        }
        if (arguments->items.size() < 4) damaged("a tensor with too few arguments");
        return arguments;
    }

    /// Whether a tensor's metadata says that its elements are the negative or conjugate of what is stored.
    bool is_negated_or_conjugated(Index metadata) const {
        const auto pairs = items(metadata);
        return pairs && std::any_of(pairs->begin(), pairs->end(), [&](const auto& pair) {
                   return tree_[pair.second].kind == Kind::boolean && tree_[pair.second].integer != 0;
               });
    }

    std::vector<std::int64_t> extents(Index index) const {
        const Value* value = &tree_[index];
        if (value->kind == Kind::call && meaning_of(*value) == Meaning::size) {
            const Value& arguments = tree_[value->items[1]];
            if (arguments.items.size() != 1) damaged("a size of nothing");
            value = &tree_[arguments.items[0]];
        }
        if (value->kind != Kind::tuple && value->kind != Kind::list) damaged("a shape that is no list of numbers");
        if (value->items.size() > most_dimensions) {
            fail("{}: a tensor of {} dimensions; up to {} are read", file_.name(), value->items.size(),
                 most_dimensions);
        }
        std::vector<std::int64_t> result;
        for (const Index item : value->items) result.push_back(integer(item));
        return result;
    }

  private:
    /// ('storage', type, key, location, elements[, view]); view is None or (key, offset, elements).
    Storage storage(const Value& id) const {
        if (id.kind == Kind::text) {
            fail(
                "{}: a pickle of protocol 0, which cannot say where tensors' elements are; save it with another "
                "protocol",
                file_.name());
        }
        if (id.kind != Kind::tuple || id.items.size() < 5 || tree_.text(tree_[id.items[0]]) != "storage") {
            damaged("a reference to something other than a storage");
        }
        const bool unknown = tree_[id.items[1]].kind == Kind::opaque;
        const Global& type = unknown ? unknown_storage : global(id.items[1]);
        if (type.meaning != Meaning::storage) damaged("a storage of no type");
        const std::optional<std::string> name = key(id.items[2]);
        if (!name) damaged("a storage without a name");
        Storage result;
        result.key = *name;
        result.type = type.type;
        result.element_bytes = type.type == ElementType::unreadable ? type.bytes : size_of(type.type);
        result.elements = result.view_elements = count(id.items[4]);
        if (id.items.size() > 5 && tree_[id.items[5]].kind == Kind::tuple) {
            const Value& view = tree_[id.items[5]];
            if (view.items.size() != 3) damaged("a view of a storage that is none");
            result.view_begin = count(view.items[1]);
            result.view_elements = count(view.items[2]);
        }
        if (result.view_begin > result.elements || result.view_elements > result.elements - result.view_begin) {
            damaged("a view ends outside its storage");
        }
        return result;
    }

    const InputFile& file_;
    const Pickle& tree_;
};

// ---- the file

class TorchFile : public StridedFile {
  public:
    using StridedFile::StridedFile;

    /// Names the tensors of `tree`, whose storages are where `storages` says.
    void take(const Pickle& tree, const std::unordered_map<Index, Storage>& storages) {
        const Interpreter interpreter(input(), tree);
        std::vector<WeightEntry> list;
        std::size_t seen = 0;
        collect(interpreter, storages, tree.root, "", 0, seen, list);
        if (list.empty()) {
            if (const auto object = interpreter.object_in(tree.root); !object.empty()) {
                fail(
                    "{}: holds a pickled {} where a state_dict is wanted, and nothing in a file is ever run; in "
                    "Python, "
                    "torch.save(model.state_dict(), FILE)",
                    input().name(), printable(object));
            }
            fail("{}: holds no tensors under names (a state_dict is wanted: torch.save(model.state_dict(), FILE))",
                 input().name());
        }
        set_entries(std::move(list));
    }
    void take_note(std::string note) { note_ = std::move(note); }

  private:
    void collect(const Interpreter& interpreter, const std::unordered_map<Index, Storage>& storages, Index index,
                 const std::string& prefix, int depth, std::size_t& seen, std::vector<WeightEntry>& list) {
        const auto items = interpreter.items(index);
        if (!items) return collect_from_list(interpreter, storages, index, prefix, depth, seen, list);
        if (depth > deepest_name) interpreter.damaged("dictionaries within dictionaries without end");
        for (const auto& [key_index, value] : *items) {
            if (++seen > most_tensors) interpreter.damaged("more values than any network has");
            const std::optional<std::string> key = interpreter.key(key_index);
            if (!key) continue;
            const std::string name = prefix.empty() ? *key : prefix + "." + *key;
            if (name.size() > 4096) interpreter.damaged("a tensor's name of more than 4096 bytes");
            if (const Value* arguments = interpreter.tensor_arguments(value)) {
                list.push_back(placed(interpreter, storages, *arguments, name));
            } else if (const Unusual* made = interpreter.problem(value)) {
                list.push_back(without_elements(name, std::string(made->problem)));
            } else {
                collect(interpreter, storages, value, name, depth + 1, seen, list);
            }
        }
    }

    /// The dictionaries of a list under their numbers; tensors of a list have no names.
    void collect_from_list(const Interpreter& interpreter, const std::unordered_map<Index, Storage>& storages,
                           Index index, const std::string& prefix, int depth, std::size_t& seen,
                           std::vector<WeightEntry>& list) {
        if (depth > deepest_name) return;
        const std::vector<Index> values = interpreter.list_items(index);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (++seen > most_tensors) interpreter.damaged("more values than any network has");
            const std::string name = prefix.empty() ? std::to_string(i) : fmt::format("{}.{}", prefix, i);
            collect(interpreter, storages, values[i], name, depth + 1, seen, list);
        }
    }

    /// Checks that all of a tensor's elements are in its storage.
    WeightEntry placed(const Interpreter& interpreter, const std::unordered_map<Index, Storage>& storages,
                       const Value& arguments, const std::string& name) {
        const auto found = storages.find(arguments.items[0]);
        if (found == storages.end()) fail("{}: tensor '{}' has no storage", input().name(), printable(name));
        const Storage& s = found->second;
        WeightEntry entry = place(
            name, {s.type, s.position + s.view_begin * s.element_bytes, s.element_bytes, s.view_elements, s.member},
            interpreter.count(arguments.items[1]), interpreter.extents(arguments.items[2]),
            interpreter.extents(arguments.items[3]));
        if (arguments.items.size() > 6 && interpreter.is_negated_or_conjugated(arguments.items[6])) {
            entry.type = ElementType::unreadable;
            entry.problem = "is kept as its negative or conjugate: save its resolve_neg().resolve_conj()";
        }
        return entry;
    }
};

/// The bytes of a storage, or an Error when there is no such number.
std::uint64_t storage_bytes(const InputFile& file, const Storage& storage) {
    const auto bytes = product_of_sizes(storage.elements, storage.element_bytes);
    if (!bytes) fail("{}: storage '{}' is larger than any file", file.name(), printable(storage.key));
    return *bytes;
}

/// The number that a stream begins with, as a pickle of protocol 1, 2, 3, 4 and 5. (Protocol 0 begins as 1
/// does; it is refused where a tensor is.)
constexpr std::string_view stream_magics[] = {
    {"L119547037146038801333356L\n.", 28},
    {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15},
    {"\x80\x03\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15},
    {"\x80\x04\x95\x0d\0\0\0\0\0\0\0\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 24},
    {"\x80\x05\x95\x0d\0\0\0\0\0\0\0\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 24},
};

/// The length of that pickle; 0 where the file does not begin with one.
std::uint64_t stream_magic_bytes(const InputFile& file) {
    for (const std::string_view magic : stream_magics) {
        std::string start(magic.size(), '\0');
        if (file.size() < start.size()) continue;
        file.read(0, start.data(), start.size());
        if (start == magic) return magic.size();
    }
    return 0;
}

}  // namespace

bool looks_like_torch_stream(const InputFile& file) { return stream_magic_bytes(file) > 0; }

std::unique_ptr<WeightFile> open_torch_zip(const std::filesystem::path& path, InputFile input,
                                           const std::map<std::string, ZipMember>& members) {
    auto result = std::make_unique<TorchFile>(path, std::move(input));
    const InputFile& file = result->input();
    std::string prefix;
    const ZipMember* data = nullptr;
    for (const auto& [name, member] : members) {
        const std::size_t slash = name.find('/');
        if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
        if (data) fail("{}: a zip archive with two data.pkl", file.name());
        prefix = name.substr(0, slash);
        data = &member;
    }
    if (!data) {
        const bool of_numpy = std::any_of(members.begin(), members.end(),
                                          [](const auto& member) { return member.first.ends_with(".npy"); });
        if (of_numpy) {
            fail("{}: NumPy's .npz; in Python, safetensors.numpy.save_file(dict(numpy.load(FILE)), OTHER)",
                 file.name());
        }
        fail(
            "{}: a zip archive, but neither PyTorch's nor Keras's (there is no data.pkl in it and no "
            "model.weights.h5){}",
            file.name(),
            members.empty() ? "" : fmt::format("; unpack it first: it holds '{}'", printable(members.begin()->first)));
    }
    if (members.contains(prefix + "/constants.pkl")) {
        fail("{}: a TorchScript archive; in Python, torch.save(torch.jit.load(FILE).state_dict(), OTHER)", file.name());
    }
    if (const auto order = members.find(prefix + "/byteorder"); order != members.end()) {
        char text[6];
        if (order->second.size != sizeof text) fail("{}: an archive of another byte order", file.name());
        file.read(order->second.begin, text, sizeof text);
        if (std::string_view(text, sizeof text) != "little") fail("{}: an archive of another byte order", file.name());
    }

    check_stored(file, prefix + "/data.pkl", *data);
    constexpr std::uint64_t most = pickle::Limits{}.bytes;  // a longer one is refused below
    if (data->size <= most) read_member(file, prefix + "/data.pkl", *data, most);
    const Pickle tree = pickle::read(file, data->begin, data->begin + data->size, known);
    if (const auto note = members.find(prefix + "/" + torch_note); note != members.end()) {
        constexpr std::uint64_t longest = std::uint64_t{16} << 20;
        result->take_note(read_member(file, note->first, note->second, longest));
    }
    auto storages = Interpreter(file, tree).storages();
    std::unordered_map<std::string, CheckedMember*> checks;
    for (auto& [index, storage] : storages) {
        const auto member = members.find(prefix + "/data/" + storage.key);
        if (member == members.end()) fail("{}: storage '{}' is missing", file.name(), printable(storage.key));
        check_stored(file, member->first, member->second);
        const std::uint64_t bytes = storage_bytes(file, storage);
        if (member->second.size < bytes) {
            fail("{}: storage '{}' has {} bytes, but {} elements of {} need {}", file.name(), printable(storage.key),
                 member->second.size, storage.elements, name(storage.type), bytes);
        }
        storage.position = member->second.begin;
        CheckedMember*& check = checks[storage.key];  // two may name one
        if (!check) check = result->checked(member->first, member->second);
        storage.member = check;
    }
    result->take(tree, storages);
    return result;
}

std::unique_ptr<WeightFile> open_torch_stream(const std::filesystem::path& path, InputFile input) {
    auto result = std::make_unique<TorchFile>(path, std::move(input));
    const InputFile& file = result->input();
    // Magic number, protocol, the writer's system, the object, the keys of its storages; then the storages.
    std::uint64_t position = stream_magic_bytes(file);
    const auto next = [&] {
        Pickle tree = pickle::read(file, position, file.size(), known);
        position = tree.end;
        return tree;
    };
    const Pickle protocol = next();
    if (const Value& version = protocol[protocol.root]; version.kind != Kind::integer || version.integer != 1001) {
        fail("{}: a PyTorch file of an unknown protocol", file.name());
    }
    const Pickle system = next();
    const Interpreter about(file, system);
    const auto facts = about.items(system.root);
    if (!facts) about.damaged("what it says of its system is no dictionary");
    for (const auto& [key, value] : *facts) {
        if (about.key(key) == "little_endian" && system[value].integer == 0) {
            fail("{}: a PyTorch file of another byte order", file.name());
        }
    }
    const Pickle tree = next();
    const Interpreter interpreter(file, tree);
    auto storages = interpreter.storages();
    const Pickle keys = next();
    const Interpreter list(file, keys);

    std::unordered_map<std::string, std::vector<Storage*>> by_key;
    for (auto& [index, storage] : storages) by_key[storage.key].push_back(&storage);
    for (const Index index : keys[keys.root].items) {
        const std::optional<std::string> key = list.key(index);
        if (!key || !by_key.contains(*key)) interpreter.damaged("a storage that no tensor names");
        auto& users = by_key.at(*key);
        if (users.empty()) interpreter.damaged("a storage that is there twice");
        const Storage& first = *users.front();
        if (first.element_bytes == 0) {
            fail("{}: storage '{}' is of a type that is not known", file.name(), printable(*key));
        }
        const std::uint64_t bytes = storage_bytes(file, first);
        const auto elements = file.number<std::uint64_t>(position);
        position += sizeof elements;
        if (elements != first.elements || bytes > file.size() - position) {
            fail("{}: storage '{}' of {} elements is damaged, or the file was cut short", file.name(), printable(*key),
                 first.elements);
        }
        for (Storage* storage : users) {
            if (storage->type != first.type || storage->elements != first.elements) {
                interpreter.damaged("a storage of two types");
            }
            storage->position = position;
        }
        users.clear();
        position += bytes;
    }
    for (const auto& [key, users] : by_key) {
        if (!users.empty()) fail("{}: storage '{}' is missing", file.name(), printable(key));
    }
    result->take(tree, storages);
    return result;
}

}  // namespace camber
