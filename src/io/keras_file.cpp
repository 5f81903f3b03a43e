#include "io/keras_file.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>

#include "io/checked_member.h"
#include "io/child_process.h"
#include "io/keras_model.h"
#include "io/printable.h"
#include "io/text_file.h"

namespace camber {
namespace {

constexpr const char *archived_weights = "model.weights.h5", *archived_architecture = "config.json";
constexpr int deepest_group = 16;
constexpr std::uint64_t most_axes = 8, no_position = ~std::uint64_t{0};
constexpr std::size_t most_groups = 100'000;
constexpr std::size_t longest_architecture = std::size_t{16} << 20;

/// The variable that a weight's name ends in: "conv1/kernel:0" and "conv1/conv1_W_1:0" are kernels. As it is where
/// nothing is recognised.
std::string variable_of(std::string name) {
    if (const std::size_t colon = name.rfind(':'); colon != std::string::npos) name.resize(colon);
    if (const std::size_t slash = name.rfind('/'); slash != std::string::npos) name.erase(0, slash + 1);
    constexpr std::pair<std::string_view, std::string_view> old_names[] = {
        {"kernel", "kernel"},
        {"bias", "bias"},
        {"gamma", "gamma"},
        {"beta", "beta"},
        {"moving_mean", "moving_mean"},
        {"moving_variance", "moving_variance"},
        {"running_mean", "moving_mean"},
        {"running_std", "moving_variance"},  // Keras 1; a variance all the same
        {"W", "kernel"},
        {"b", "bias"}};
    std::string stem = name;
    while (!stem.empty() && (std::isdigit(static_cast<unsigned char>(stem.back())) || stem.back() == '_')) {
        stem.pop_back();  // "_W_1": numbered to be unique
    }
    for (const auto& [ending, variable] : old_names) {
        if (stem == ending || (stem.ends_with(ending) && stem[stem.size() - ending.size() - 1] == '_')) {
            return std::string(variable);
        }
    }
    return name;
}

/// The layer a weight belongs to: of a model within the model ("inner") the weight's own name says it.
std::string layer_of(const std::string& group, const std::string& weight) {
    const std::size_t slash = weight.rfind('/');
    if (slash == std::string::npos) return group;
    const std::string path = weight.substr(0, slash);
    const std::size_t parent = path.rfind('/');
    return parent == std::string::npos ? path : path.substr(parent + 1);
}

/// What Keras 3's numbered variables of one layer are, by how many there are and how many dimensions they have:
/// a kernel and perhaps a bias, or a batch normalisation's four, three (without gamma) or two.
std::vector<std::string> variables_of(const std::vector<WeightEntry>& vars) {
    constexpr std::array<std::string_view, 4> norm = {"gamma", "beta", "moving_mean", "moving_variance"};
    const auto vector_from = [&](std::size_t first) {
        return std::all_of(vars.begin() + static_cast<std::ptrdiff_t>(first), vars.end(),
                           [](const WeightEntry& var) { return var.shape.size() == 1; });
    };
    if (vars.size() <= 2 && !vars.empty() && vars[0].shape.size() >= 2 && vector_from(1)) {
        return vars.size() == 1 ? std::vector<std::string>{"kernel"} : std::vector<std::string>{"kernel", "bias"};
    }
    if (vars.size() >= 2 && vars.size() <= 4 && vector_from(0)) {
        return std::vector<std::string>(norm.end() - static_cast<std::ptrdiff_t>(vars.size()), norm.end());
    }
    std::vector<std::string> names;
    for (std::size_t i = 0; i < vars.size(); ++i) names.push_back(std::to_string(i));
    return names;
}

/// A tensor of the file, and where it is.
struct Source {
    WeightEntry entry;
    std::string path;
    std::string group;  ///< of Keras 3's, what it calls the layer by its class; empty in others
    Hdf5File::Dataset dataset;
};

/// Lists a file's tensors.
class Listing {
  public:
    explicit Listing(const InputFile& input) : file_(input) {
        if (list_attribute("", "layer_names")) {
            read_layer_names("");
        } else if (file_.has_group("model_weights") && list_attribute("model_weights", "layer_names")) {
            read_layer_names("model_weights/");
        } else {
            visit("", 0);
        }
        if (sources_.empty()) {
            fail("{}: an HDF5 file without Keras's weights (neither layer_names nor layers/.../vars)", file_.name());
        }
    }
    const std::vector<Source>& sources() const { return sources_; }
    std::string note() const {
        const auto text = file_.texts("", "camber");
        return text && text->size() == 1 ? text->front() : "";
    }
    std::string architecture() const {
        const auto text = file_.texts("", "model_config", longest_architecture);
        return text && text->size() == 1 ? text->front() : "";
    }

  private:
    void add(std::string name, const std::string& path, const std::string& group = "") {
        Hdf5File::Dataset dataset = file_.dataset(path);
        // Layers of one name in models within models, and the like: the path tells them apart.
        if (!names_.insert(name).second) names_.insert(name = path);
        sources_.push_back({{std::move(name), dataset.shape, dataset.type}, path, group, std::move(dataset)});
    }

    /// A list of names, which Keras cuts into NAME0, NAME1, ... where it is too long for one attribute.
    std::optional<std::vector<std::string>> list_attribute(const std::string& group, const std::string& name) const {
        if (auto whole = file_.texts(group, name)) return whole;
        std::optional<std::vector<std::string>> parts;
        for (std::size_t i = 0; i < most_groups; ++i) {
            auto part = file_.texts(group, name + std::to_string(i));
            if (!part) break;
            if (!parts) parts.emplace();
            parts->insert(parts->end(), part->begin(), part->end());
        }
        return parts;
    }

    void read_layer_names(const std::string& prefix) {
        const std::string root = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
        const auto layers = list_attribute(root, "layer_names");
        for (const std::string& layer : *layers) {
            if (!file_.has_group(prefix + layer)) fail("{}: layer '{}' is missing", file_.name(), printable(layer));
            const auto weights = list_attribute(prefix + layer, "weight_names");
            if (!weights) continue;  // a layer without weights
            for (const std::string& weight : *weights) {
                add(layer_of(layer, weight) + "/" + variable_of(weight), prefix + layer + "/" + weight);
            }
        }
    }

    void visit(const std::string& group, int depth) {
        if (depth > deepest_group || ++groups_ > most_groups) {
            fail("{}: groups within groups without end", file_.name());
        }
        for (const std::string& child : file_.children(group)) {
            const std::string path = group.empty() ? child : group + "/" + child;
            if (path == "optimizer") continue;  // of a compiled model: variables of its own, no layer's
            if (child == "vars" && file_.has_group(path)) {
                read_vars(group, path);
            } else if (file_.has_group(path)) {
                visit(path, depth + 1);
            }
        }
    }

    void read_vars(const std::string& group, const std::string& vars) {
        std::vector<std::string> numbers = file_.children(vars);
        std::sort(numbers.begin(), numbers.end(), [](const std::string& a, const std::string& b) {
            return std::pair(a.size(), a) < std::pair(b.size(), b);
        });
        std::vector<WeightEntry> shapes;
        for (const std::string& number : numbers) {
            const Hdf5File::Dataset dataset = file_.dataset(vars + "/" + number);
            shapes.push_back({number, dataset.shape, dataset.type});
        }
        const auto given = file_.texts(vars, "name");
        const std::string by_class = group.substr(group.rfind('/') + 1);
        const std::string layer = given && given->size() == 1 && !given->front().empty() ? given->front() : by_class;
        const std::vector<std::string> variables = variables_of(shapes);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            add(layer + "/" + variables[i], vars + "/" + numbers[i], by_class);
    }

    Hdf5File file_;
    std::vector<Source> sources_;
    std::set<std::string> names_;
    std::size_t groups_ = 0;
};

// ---- From the child process

void put(std::string& to, std::uint64_t number) { to.append(reinterpret_cast<const char*>(&number), sizeof number); }
void put(std::string& to, const std::string& text) {
    put(to, text.size());
    to += text;
}

std::string packed(const Listing& listing) {
    std::string bytes;
    put(bytes, listing.note());
    put(bytes, listing.architecture());
    for (const auto& [entry, path, group, dataset] : listing.sources()) {
        put(bytes, entry.name);
        put(bytes, path);
        put(bytes, group);
        put(bytes, static_cast<std::uint64_t>(dataset.type));
        put(bytes, dataset.position.value_or(no_position));
        put(bytes, dataset.shape.size());
        for (const std::int64_t extent : dataset.shape) put(bytes, static_cast<std::uint64_t>(extent));
    }
    return bytes;
}

/// Takes nothing for granted: a child whose memory the library has damaged may have written anything.
class Unpacker {
  public:
    explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    bool good() const { return good_; }
    std::uint64_t number() {
        std::uint64_t number = 0;
        const std::string_view from = take(sizeof number);
        if (from.size() == sizeof number) std::memcpy(&number, from.data(), sizeof number);
        return number;
    }
    std::string text() { return std::string(take(number())); }

  private:
    std::string_view take(std::uint64_t count) {
        good_ = good_ && count <= bytes_.size();
        if (!good_) return {};
        const std::string_view taken = bytes_.substr(0, count);
        bytes_.remove_prefix(count);
        return taken;
    }
    std::string_view bytes_;
    bool good_ = true;
};

/// Nothing where a tensor cannot be as it is said to be.
std::optional<std::vector<Source>> unpacked(std::string_view bytes, std::uint64_t file_size, std::string& note,
                                            std::string& architecture) {
    Unpacker from(bytes);
    std::vector<Source> sources;
    note = from.text();
    architecture = from.text();
    while (from.good() && !from.empty()) {
        Source source;
        source.entry.name = from.text();
        source.path = from.text();
        source.group = from.text();
        const std::uint64_t type = from.number(), position = from.number(), rank = from.number();
        if (!from.good() || type >= static_cast<std::uint64_t>(ElementType::unreadable) || rank > most_axes) return {};
        source.entry.type = source.dataset.type = static_cast<ElementType>(type);
        std::uint64_t size = size_of(source.dataset.type);
        for (std::uint64_t axis = 0; axis < rank; ++axis) {
            const std::uint64_t extent = from.number();
            if (extent >> 62 || __builtin_mul_overflow(size, extent, &size)) return {};
            source.dataset.shape.push_back(static_cast<std::int64_t>(extent));
        }
        if (!from.good() || size >> 62) return {};
        source.entry.shape = source.dataset.shape;
        if (position != no_position) {
            if (position > file_size || size > file_size - position) return {};
            source.dataset.position = position;
        }
        sources.push_back(std::move(source));
    }
    return sources;
}

/// What Keras numbers a file's layers with by their class, in order: "conv2d" before "conv2d_1".
bool before(const std::string& a, const std::string& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); }

/// The file's layers with weights, in the order of the model where that is known: what Keras says of the model, or the
/// numbers that Keras 3 gives the layers of a class; else the file's.
std::vector<WeightFile::Layer> layers_of(const std::vector<Source>& sources, const std::optional<KerasModel>& model) {
    std::vector<std::pair<std::string, std::string>> found;  // name, group
    std::set<std::string> names;
    for (const Source& source : sources) {
        const std::string name = source.entry.name.substr(0, source.entry.name.find('/'));
        if (names.insert(name).second) found.emplace_back(name, source.group);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return before(a.second, b.second); });
    std::vector<WeightFile::Layer> layers;
    if (model) {
        std::set<std::string> taken;
        for (const KerasNode& node : model->nodes) {
            if (names.contains(node.layer) && taken.insert(node.layer).second) {
                layers.push_back({node.layer, keras_snake_case(node.type)});
            }
        }
        if (taken.size() == names.size()) return layers;
        layers.clear();  // of names that the model has not: those by class, before Keras 3.4
    }
    for (const auto& [name, group] : found) {
        const std::size_t stem = group.find_last_not_of("0123456789");
        const bool numbered = stem != std::string::npos && stem + 1 < group.size() && group[stem] == '_';
        layers.push_back({name, numbered ? group.substr(0, stem) : group});
    }
    return layers;
}

class KerasFile : public WeightFile {
  public:
    /// `architecture`: see WeightFile::architecture(); the file's own where it is empty. `member`: the file's, of an
    /// archive.
    KerasFile(const std::filesystem::path& path, InputFile input, std::string architecture = "",
              const ZipMember& member = {})
        : WeightFile(path, WeightFormat::keras), input_(std::move(input)), member_(archived_weights, member, 0) {
        const std::string bytes = in_child([&] { return packed(Listing(input_)); });
        auto sources = unpacked(bytes, input_.size(), note_, architecture_);
        if (!sources) fail("{}: {}", input_.name(), died);
        sources_ = std::move(*sources);
        if (!architecture.empty()) architecture_ = std::move(architecture);
        std::optional<KerasModel> model;
        if (!architecture_.empty()) {
            model = keras_model(parse_json(architecture_, input_.name(), "what Keras says of a model"), input_.name());
            if (!model) architecture_.clear();
        }
        layers_ = layers_of(sources_, model);
        std::vector<WeightEntry> list;
        for (const Source& source : sources_) list.push_back(source.entry);
        set_entries(std::move(list));
    }

    void read_rows(const WeightEntry& entry, std::int64_t first, std::int64_t rows, float* to) const override {
        const Hdf5File::Dataset& dataset = sources_[index_of(entry)].dataset;
        std::int64_t row = 1;
        for (std::size_t axis = 1; axis < dataset.shape.size(); ++axis) row *= dataset.shape[axis];
        const auto count = static_cast<std::size_t>(rows * row);
        if (count == 0) return;
        if (dataset.position) {  // needs no library
            const std::uint64_t skipped = static_cast<std::uint64_t>(first * row) * size_of(dataset.type);
            return member_.read_floats(input_, dataset.type, *dataset.position + skipped, to, count);
        }
        member_.use();
        const SharedMemory shared(count * sizeof(float));
        in_child([&] {
            Hdf5File(input_).read_rows(sources_[index_of(entry)].path, dataset, first, rows,
                                       static_cast<float*>(shared.data()));
            return std::string();
        });
        std::memcpy(to, shared.data(), count * sizeof(float));
    }

    void check_rest() const override { member_.check_rest(input_); }

  private:
    static constexpr const char* died = "a damaged HDF5 file: HDF5's library fails on it";

    /// One at a time: read_rows comes from several threads.
    std::string in_child(const std::function<std::string()>& work) const {
        const std::lock_guard guard(one_child_);
        return in_child_process(input_.name(), died, input_.size(), work);
    }

    InputFile input_;
    std::vector<Source> sources_;
    mutable CheckedMember member_;
    mutable std::mutex one_child_;
};

}  // namespace

std::unique_ptr<WeightFile> open_keras(const std::filesystem::path& path, InputFile file) {
    return std::make_unique<KerasFile>(path, std::move(file));
}

bool is_keras_archive(const std::map<std::string, ZipMember>& members) {
    return members.contains(archived_weights) ||
           (members.contains(archived_architecture) && members.contains("metadata.json"));
}

std::unique_ptr<WeightFile> open_keras_archive(const std::filesystem::path& path, const InputFile& file,
                                               const std::map<std::string, ZipMember>& members) {
    const auto weights = members.find(archived_weights);
    if (weights == members.end()) {
        fail("{}: a .keras archive without weights (there is no {} in it): save the model again", file.name(),
             archived_weights);
    }
    check_stored(file, archived_weights, weights->second);
    InputFile part = file.part(weights->second.begin, weights->second.size);
    if (!looks_like_hdf5(part)) fail("{}: {} in it is no HDF5 file", file.name(), archived_weights);
    const auto config = members.find(archived_architecture);
    std::string architecture =
        config == members.end() ? "" : read_member(file, config->first, config->second, longest_architecture);
    return std::make_unique<KerasFile>(path, std::move(part), std::move(architecture), weights->second);
}

}  // namespace camber
