#include "data/label_coding.h"

#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <map>
#include <set>

#include "core/lower.h"
#include "data/known_classes.h"
#include "data/list_file.h"

namespace camber {
namespace {

constexpr std::size_t stored_values = 1 << 16;

/// The class of a name, spelt so or else in any case, void too; -1 for another.
int class_of(const ClassTable& classes, const std::string& name) {
    const auto exact = std::find(classes.names.begin(), classes.names.end(), name);
    if (exact != classes.names.end()) return static_cast<int>(exact - classes.names.begin());
    for (int id = 0; id < classes.count(); ++id)
        if (lower(classes.name_of(id)) == lower(name)) return id;
    return lower(name) == lower(classes.void_name) || is_void_name(name) ? classes.void_id : -1;
}

Rgb expanded(const LabelFile& stored, std::size_t i) {
    const std::uint16_t index = stored.ids[i];
    return index < stored.palette.size() ? stored.palette[index] : Rgb{0, 0, 0};
}

}  // namespace

LabelCoding::LabelCoding(const ClassFile& file)
    : classes_(file.table), ids_(stored_values, unknown), says_colours_(file.says_colours) {
    if (!file.where.empty()) classes_.name = std::filesystem::path(file.where).filename().string();  // for messages
    for (int id = 0; id <= classes_.count(); ++id) {
        const bool is_void = id == classes_.count();
        if (is_void && classes_.void_is_class()) break;
        const int own = is_void ? classes_.void_id : id;
        static const ClassSource plain;
        const auto at = static_cast<std::size_t>(id);
        const ClassSource& source = at < file.sources.size() ? file.sources[at] : plain;
        const std::vector<int> stored = source.ids.empty() ? std::vector{own} : source.ids;
        for (const int value : stored) {
            if (value == ClassSource::no_id) continue;
            std::int16_t& entry = ids_[static_cast<std::size_t>(value)];
            if (entry != unknown && entry != own && !is_void)
                fail("{}: the id {} is both {} and {}", classes_.name, value, classes_.name_of(entry),
                     classes_.name_of(own));
            if (entry == unknown) entry = static_cast<std::int16_t>(own);
        }
        add_colour(classes_.colour_of(own), own, stored, file.says_void_colour);
        for (const Rgb& colour : source.colours) add_colour(colour, own, stored, true);
    }
}

void LabelCoding::add_colour(const Rgb& colour, int id, const std::vector<int>& stored, bool meant) {
    const auto [place, added] = colours_.try_emplace(key(colour.data()), Colour{stored, static_cast<std::int16_t>(id)});
    // Void's colour is often left at black, which a class may have.
    if (!added && place->second.now != id && (id != classes_.void_id || meant)) place->second.ambiguous = true;
}

void LabelCoding::regroup(const std::vector<int>& to, const ClassTable& target) {
    const auto moved = [&](std::int16_t id) {
        if (id == unknown) return unknown;
        const auto at = static_cast<std::size_t>(id);
        return static_cast<std::int16_t>(at < to.size() ? to[at] : target.void_id);
    };
    for (std::int16_t& id : ids_) id = moved(id);
    for (auto& [_, colour] : colours_) colour.now = moved(colour.now);
    classes_ = target;
}

bool LabelCoding::has_colour(int stored) const {
    return std::any_of(colours_.begin(), colours_.end(), [&](const auto& entry) {
        const std::vector<int>& ids = entry.second.stored;
        return std::find(ids.begin(), ids.end(), stored) != ids.end();
    });
}

bool LabelCoding::is_void_colour(const Rgb& colour) const {
    const auto found = colours_.find(key(colour.data()));
    return found != colours_.end() && found->second.now == classes_.void_id;
}

void LabelCoding::map(int stored, int to) {
    ids_[static_cast<std::size_t>(stored)] = static_cast<std::int16_t>(to);
    for (auto& [_, colour] : colours_)
        if (std::find(colour.stored.begin(), colour.stored.end(), stored) != colour.stored.end())
            colour.now = static_cast<std::int16_t>(to);
}

Image LabelCoding::decode(const std::string& file, const LabelFile& stored) const {
    if (stored.kind == LabelFile::Kind::colour) return decode_colours(file, stored.colours);
    if (stored.kind == LabelFile::Kind::palette && palette_colours_) {
        Image colours(stored.height, stored.width, 3);
        for (std::size_t i = 0; i < stored.ids.size(); ++i)
            std::copy_n(expanded(stored, i).data(), 3, &colours.data[3 * i]);
        return decode_colours(file, colours);
    }
    if (const PaletteDoubt wrong = doubt(stored); wrong.sure)
        fail(
            "{}: its palette has the colours of {} in another order: {}; indices are what counts: save it as RGB, "
            "where colours do, or give classes.json the \"ids\"",
            file, classes_.name, described(wrong, stored));
    return decode_ids(file, stored);
}

std::map<std::string, std::size_t> LabelCoding::unknown_in(const LabelFile& stored) const {
    std::map<std::uint32_t, std::size_t> pixels;
    const bool coloured =
        stored.kind == LabelFile::Kind::colour || (stored.kind == LabelFile::Kind::palette && palette_colours_);
    const std::size_t count = static_cast<std::size_t>(stored.height) * static_cast<std::size_t>(stored.width);
    const auto step = static_cast<std::size_t>(stored.colours.channels);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t value = stored.kind == LabelFile::Kind::colour ? key(&stored.colours.data[i * step])
                                    : coloured                             ? key(expanded(stored, i).data())
                                                                           : stored.ids[i];
        if (coloured ? !colours_.contains(value) : ids_[value] == unknown) ++pixels[value];
    }
    std::map<std::string, std::size_t> named;
    for (const auto& [value, n] : pixels)
        named[coloured ? fmt::format("{} {} {}", value >> 16, value >> 8 & 255, value & 255)
                       : fmt::format("{}", value)] = n;
    return named;
}

LabelCoding::PaletteDoubt LabelCoding::doubt(const LabelFile& stored) const {
    if (stored.kind != LabelFile::Kind::palette || palette_colours_ || !says_colours_) return {};
    // VOC's is what tools give any ids, whatever the classes are.
    bool usual = true;
    for (std::size_t i = 0; i < stored.palette.size(); ++i)
        usual = usual && stored.palette[i] == voc_colour(static_cast<int>(i));
    if (usual) return {};
    std::array<bool, 256> used{};
    for (const std::uint16_t index : stored.ids) used[index & 255] = true;
    PaletteDoubt doubt;
    bool all_known = true;
    for (std::size_t i = 0; i < stored.palette.size(); ++i) {
        if (!used[i]) continue;
        const auto found = colours_.find(key(stored.palette[i].data()));
        if (found == colours_.end() || found->second.ambiguous) {
            all_known = false;
        } else if (found->second.now != ids_[i] && doubt.index < 0 && found->second.now != classes_.void_id) {
            doubt.index = static_cast<int>(i);
        }
    }
    doubt.sure = doubt.index >= 0 && all_known;
    for (const auto& [rgb, colour] : colours_) {
        const Rgb wanted = {static_cast<std::uint8_t>(rgb >> 16), static_cast<std::uint8_t>(rgb >> 8 & 255),
                            static_cast<std::uint8_t>(rgb & 255)};
        if (colour.now == classes_.void_id) continue;
        doubt.sure =
            doubt.sure && std::find(stored.palette.begin(), stored.palette.end(), wanted) != stored.palette.end();
    }
    return doubt;
}

std::string LabelCoding::described(const PaletteDoubt& doubt, const LabelFile& stored) const {
    const auto index = static_cast<std::size_t>(doubt.index);
    const Rgb& colour = stored.palette[index];
    const std::int16_t id = ids_[index];
    return fmt::format("index {} is {}, the colour of {}, but as an id it is {}", index, fmt::join(colour, " "),
                       classes_.name_of(colours_.at(key(colour.data())).now),
                       id == unknown ? "none" : classes_.name_of(id));
}

Image LabelCoding::decode_ids(const std::string& file, const LabelFile& stored) const {
    Image label(stored.height, stored.width, 1);
    for (std::size_t i = 0; i < stored.ids.size(); ++i) {
        std::int16_t id = ids_[stored.ids[i]];
        if (id == unknown) {
            if (!unknown_void_) refuse_ids(file, stored, i);
            id = static_cast<std::int16_t>(classes_.void_id);
        }
        label.data[i] = static_cast<std::uint8_t>(id);
    }
    return label;
}

Image LabelCoding::decode_colours(const std::string& file, const Image& colours) const {
    const auto step = static_cast<std::size_t>(colours.channels);
    Image label(colours.height, colours.width, 1);
    std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
    std::uint8_t id = 0;
    for (std::size_t i = 0; i < label.data.size(); ++i) {
        const std::uint32_t now = key(&colours.data[i * step]);
        if (now != last) {  // labels are of one colour for long
            const auto found = colours_.find(now);
            if (found == colours_.end() && !unknown_void_) refuse_colours(file, colours, i);
            if (found != colours_.end() && found->second.ambiguous)
                fail("{}: the colour {} {} {} is that of two classes of {}; give each a colour of its own", file,
                     now >> 16, now >> 8 & 255, now & 255, classes_.name);
            id = static_cast<std::uint8_t>(found == colours_.end() ? classes_.void_id : found->second.now);
            last = now;
        }
        label.data[i] = id;
    }
    return label;
}

void LabelCoding::refuse_ids(const std::string& file, const LabelFile& stored, std::size_t first) const {
    std::map<int, std::size_t> pixels;
    for (const std::uint16_t value : stored.ids)
        if (ids_[value] == unknown) ++pixels[value];
    const int value = stored.ids[first];
    const auto width = static_cast<std::size_t>(stored.width);
    std::string others;
    if (pixels.size() > 1)
        others = fmt::format("; {} other id{} likewise", pixels.size() - 1, pixels.size() > 2 ? "s" : "");
    // Of a table whose ids are its own, the nearest says nothing.
    std::string nearest;
    int distance = std::numeric_limits<int>::max();
    bool own_ids = true;
    for (std::size_t other = 0; other < ids_.size(); ++other) {
        if (ids_[other] == unknown) continue;
        own_ids = own_ids && ids_[other] == static_cast<int>(other);
        const int apart = std::abs(static_cast<int>(other) - value);
        if (apart >= distance) continue;
        distance = apart;
        nearest = fmt::format(" (nearest {}, {})", other, classes_.name_of(ids_[other]));
    }
    constexpr std::size_t photograph = 64;
    const char* hint = pixels.size() > photograph ? " (is this a photograph? are pictures and labels swapped?)" : "";
    fail(
        "{}: id {} at row {}, column {} ({} pixel{}{}) is neither a class{} nor void{} of {}{}; map it "
        "(--map {}=void), all such (--unknown void), or give the folder a classes.json",
        file, value, first / width, first % width, pixels[value], pixels[value] == 1 ? "" : "s", others,
        own_ids ? fmt::format(" (0..{})", classes_.count() - 1) : nearest,
        own_ids && is_void(classes_.void_id) ? fmt::format(" ({})", classes_.void_id) : "", classes_.name, hint, value);
}

void LabelCoding::refuse_colours(const std::string& file, const Image& colours, std::size_t first) const {
    const auto step = static_cast<std::size_t>(colours.channels);
    std::map<std::uint32_t, std::size_t> pixels;
    bool all_grey = true;
    for (std::size_t i = 0; i < colours.pixels(); ++i) {
        const std::uint8_t* rgb = &colours.data[i * step];
        all_grey = all_grey && rgb[0] == rgb[1] && rgb[1] == rgb[2];
        if (!colours_.contains(key(rgb))) ++pixels[key(rgb)];
    }
    const std::uint8_t* rgb = &colours.data[first * step];
    int nearest = classes_.void_id, distance = std::numeric_limits<int>::max();
    const auto consider = [&](int id) {
        int apart = 0;
        for (std::size_t c = 0; c < 3; ++c) {
            const int difference = int{classes_.colour_of(id)[c]} - int{rgb[c]};
            apart += difference * difference;
        }
        if (apart < distance) distance = apart, nearest = id;
    };
    for (int id = 0; id < classes_.count(); ++id) consider(id);
    consider(classes_.void_id);
    const auto width = static_cast<std::size_t>(colours.width);
    const std::size_t count = pixels[key(rgb)];
    std::string others;
    if (pixels.size() > 1)
        others = fmt::format("; {} other colour{} likewise", pixels.size() - 1, pixels.size() > 2 ? "s" : "");
    constexpr std::size_t photograph = 64;
    const char* hint = all_grey ? " (are these ids, saved as RGB? save them as grey)"
                       : pixels.size() > photograph
                           ? " (is this a photograph, or resized smoothly? are pictures and labels swapped?)"
                           : "";
    fail(
        "{}: the colour {} {} {} at row {}, column {} ({} pixel{}{}) is no class of {}; the nearest is {} ({}){}; give "
        "the folder a class table that has it, or --unknown void",
        file, rgb[0], rgb[1], rgb[2], first / width, first % width, count, count == 1 ? "" : "s", others, classes_.name,
        classes_.name_of(nearest), fmt::join(classes_.colour_of(nearest), " "), hint);
}

ClassMapping mapping_between(const ClassTable& own, const ClassFile& target) {
    const ClassTable& to = target.table;
    if (own.names == camvid32().names && to.names == camvid11().names) return {camvid11_of_32(), {}, {}};
    const std::string where = target.where.empty() ? to.name : target.where;
    ClassMapping mapping;
    mapping.to.assign(static_cast<std::size_t>(own.count()), to.void_id);
    std::map<int, int> said;  // of own's classes those that a list names: what they become
    std::set<int> made;       // of to's classes those that become something
    for (int id = 0; id <= to.count() && static_cast<std::size_t>(id) < target.sources.size(); ++id) {
        const int becomes = id == to.count() ? to.void_id : id;
        for (const std::string& name : target.sources[static_cast<std::size_t>(id)].names) {
            const int from = class_of(own, name);
            if (from < 0) fail("{}: is made of a class '{}', which {} has not", where, name, own.name);
            const auto [place, added] = said.emplace(from, becomes);
            if (!added && place->second != becomes)
                fail("{}: {} and {} are both made \"from\" {}; leave it in one", where, to.name_of(place->second),
                     to.name_of(becomes), name);
            made.insert(becomes);
        }
    }
    for (int id = 0; id < own.count(); ++id) {
        const std::string& name = own.name_of(id);
        const auto listed = said.find(id);
        const int becomes = listed != said.end() ? listed->second : class_of(to, name);
        if (becomes >= 0) {
            mapping.to[static_cast<std::size_t>(id)] = becomes;
            made.insert(becomes);
        } else if (id != own.void_id) {
            mapping.dropped.push_back(name);
        }
    }
    made.erase(to.void_id);
    if (made.empty())
        fail(
            "none of the classes of {} ({}, ...) is among those of the dataset ({}: {}, ...); name them alike, or say "
            "in classes.json what each is made \"from\"",
            where, to.name_of(0), own.name, own.name_of(0));
    for (int id = 0; id < to.count(); ++id)
        if (id != to.void_id && !made.contains(id)) mapping.unmade.push_back(to.name_of(id));
    return mapping;
}

bool shares_names(const ClassTable& own, const ClassFile& target) {
    return std::any_of(target.table.names.begin(), target.table.names.end(),
                       [&](const std::string& name) {
                           const int id = class_of(own, name);
                           return id >= 0 && id != own.void_id;
                       }) ||
           says_from(target);
}

bool says_from(const ClassFile& target) {
    return std::any_of(target.sources.begin(), target.sources.end(),
                       [](const ClassSource& source) { return !source.names.empty(); });
}

std::set<int> apply_map(const std::string& text, const ClassTable& classes, LabelCoding& coding) {
    std::set<int> mapped;
    if (text.empty()) return mapped;
    for (const std::string& entry : split_fields(text, ",")) {
        const std::size_t equals = entry.find('=');
        const auto refuse = [&](const std::string& why) {
            fail_usage("--map takes STORED=CLASS,..., as 255=void,7=3,9=Road; '{}' {}", entry, why);
        };
        if (equals == std::string::npos) refuse("has no =");
        const auto number = [&](const std::string& digits) {
            const bool whole = !digits.empty() && digits.size() < 6 &&
                               std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
            return whole ? std::stoi(digits) : -1;
        };
        const std::string left = entry.substr(0, equals), right = entry.substr(equals + 1);
        const int stored = number(left);
        if (stored < 0 || stored > 65535) refuse("begins with no id from 0 to 65535");
        int to = number(right);
        if (to >= 0 && !classes.valid(to)) refuse(fmt::format("names no class of {}", classes.name));
        if (to < 0) to = class_of(classes, right);
        if (to < 0) refuse(fmt::format("names no class of {}", classes.name));
        if (!mapped.insert(stored).second) refuse(fmt::format("says of {} a second time what it becomes", stored));
        coding.map(stored, to);
    }
    return mapped;
}

}  // namespace camber
