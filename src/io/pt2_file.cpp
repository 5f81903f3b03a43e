#include "io/pt2_file.h"

#include <camber/error.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <utility>

#include "io/printable.h"
#include "io/strided_file.h"
#include "io/text_file.h"
#include "io/torch_file.h"

namespace camber {
namespace {

using nlohmann::json;

constexpr const char* earlier_state = "serialized_state_dict.pt";  // before PyTorch 2.8
constexpr const char* weights_folder = "data/weights/";
constexpr std::uint64_t longest_text = std::uint64_t{64} << 20;
constexpr std::size_t most_tensors = 1'000'000, most_dimensions = 64;

/// ScalarType of torch/_export/serde/schema.py.
ElementType element_type(std::int64_t number) {
    constexpr std::pair<std::int64_t, ElementType> types[] = {
        {1, ElementType::u8},       {2, ElementType::i8},   {3, ElementType::i16}, {4, ElementType::i32},
        {5, ElementType::i64},      {6, ElementType::f16},  {7, ElementType::f32}, {8, ElementType::f64},
        {12, ElementType::boolean}, {13, ElementType::bf16}};
    for (const auto& [known, type] : types)
        if (known == number) return type;
    return ElementType::unreadable;
}

/// The folder that all of an archive is in, with its slash; nothing where it is no such archive.
std::string root_of(const std::map<std::string, ZipMember>& members) {
    constexpr std::string_view marker = "/archive_format";
    for (const auto& [name, member] : members) {
        if (name.ends_with(marker) && name.find('/') == name.size() - marker.size())
            return name.substr(0, name.size() - marker.size() + 1);
    }
    return {};
}

class Pt2File : public StridedFile {
  public:
    Pt2File(const std::filesystem::path& path, InputFile file, const std::map<std::string, ZipMember>& members,
            const std::string& root)
        : StridedFile(path, std::move(file)), members_(members), folder_(root + weights_folder) {
        if (const auto order = members.find(root + "byteorder"); order != members.end()) {
            if (read_member(input(), order->first, order->second, longest_text) != "little")
                fail("{}: an archive of another byte order", input().name());
        }
        std::vector<std::string> configs;
        for (const auto& [name, member] : members)
            if (name.starts_with(folder_) && name.ends_with(".json")) configs.push_back(name);
        if (configs.empty()) {
            fail("{}: a .pt2 archive without weights; save it with torch.export.save(torch.export.export(...), FILE)",
                 input().name());
        }
        std::vector<WeightEntry> list;
        for (const std::string& config : configs) {
            const std::string file_name = config.substr(folder_.size());
            const std::string model = file_name.substr(0, file_name.find('_'));
            take(config, configs.size() == 1 ? "" : model + ".", list);
        }
        set_entries(std::move(list));
    }

  private:
    [[noreturn]] void damaged(const std::string& what) const {
        fail("{}: a damaged .pt2 archive ({})", input().name(), what);
    }

    void take(const std::string& config, const std::string& prefix, std::vector<WeightEntry>& list) {
        const std::string text = read_member(input(), config, members_.at(config), longest_text);
        const json all = parse_json(text, input().name(), "what it says of its weights");
        const auto tensors = all.is_object() ? all.find("config") : all.end();
        if (tensors == all.end() || !tensors->is_object()) damaged("what it says of its weights is no list of them");
        for (const auto& [name, payload] : tensors->items()) {
            if (list.size() == most_tensors) damaged("more tensors than any network has");
            list.push_back(entry(prefix + name, payload));
        }
    }

    WeightEntry entry(const std::string& name, const json& payload) {
        const json meta = payload.is_object() ? payload.value("tensor_meta", json()) : json();
        if (!meta.is_object() || !payload.contains("path_name") || !payload.at("path_name").is_string())
            damaged(fmt::format("nothing is said of tensor '{}'", printable(name)));
        if (payload.value("use_pickle", json()) == true)
            return without_elements(name, "is of a class of its own: save a plain tensor");
        const ElementType type = element_type(number(meta.value("dtype", json())));
        if (type == ElementType::unreadable)
            return without_elements(name,
                                    "is complex or of fewer than 8 bits, which cannot be read: save it as float32");
        const std::string path = folder_ + payload.at("path_name").get<std::string>();
        const auto member = members_.find(path);
        if (member == members_.end()) fail("{}: storage '{}' is missing", input().name(), printable(path));
        check_stored(input(), path, member->second);
        CheckedMember*& check = checks_[path];  // which tensors share
        if (!check) check = checked(path, member->second);
        const std::size_t bytes = size_of(type);
        const std::int64_t offset = number(meta.value("storage_offset", json()));
        if (offset < 0) damaged("a storage that begins before itself");
        return place(name, {type, member->second.begin, bytes, member->second.size / bytes, check},
                     static_cast<std::uint64_t>(offset), numbers(meta, "sizes"), numbers(meta, "strides"));
    }

    /// A whole number, also as {"as_int": 3}.
    std::int64_t number(const json& value) const {
        if (value.is_object() && value.contains("as_int")) return number(value.at("as_int"));
        if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() >> 63 != 0))
            damaged("a number is wanted where there is none");
        return value.get<std::int64_t>();
    }
    std::vector<std::int64_t> numbers(const json& meta, const char* key) const {
        const json list = meta.value(key, json());
        if (!list.is_array() || list.size() > most_dimensions) damaged("a shape that is no list of numbers");
        std::vector<std::int64_t> result;
        for (const json& value : list) result.push_back(number(value));
        return result;
    }

    const std::map<std::string, ZipMember> members_;
    const std::string folder_;
    std::map<std::string, CheckedMember*> checks_;
};

}  // namespace

bool is_pt2_archive(const std::map<std::string, ZipMember>& members) {
    return members.contains(earlier_state) || !root_of(members).empty();
}

std::unique_ptr<WeightFile> open_pt2_archive(const std::filesystem::path& path, InputFile file,
                                             const std::map<std::string, ZipMember>& members) {
    const auto earlier = members.find(earlier_state);
    if (earlier == members.end()) {
        const std::string root = root_of(members);
        return std::make_unique<Pt2File>(path, std::move(file), members, root);
    }
    check_stored(file, earlier->first, earlier->second);
    InputFile part = file.part(earlier->second.begin, earlier->second.size);
    if (!looks_like_zip(part)) fail("{}: {} in it is no file of torch.save()", file.name(), earlier_state);
    const std::map<std::string, ZipMember> within = read_zip(part);
    return open_torch_zip(path, std::move(part), within);
}

}  // namespace camber
