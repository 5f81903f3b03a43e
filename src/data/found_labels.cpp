#include "data/found_labels.h"

#include <camber/error.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <set>

#include "core/parallel_for.h"
#include "data/known_classes.h"
#include "io/label_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

constexpr const char* found_name = "those found in the label maps";  // "nor void of those found in the label maps"
constexpr std::string_view id_name = "class ";

/// More is a photograph.
constexpr std::size_t most_values = 256, most_colours = 64;

struct Found {
    BinaryLabels binary;
    std::set<int> ids;
    std::set<Rgb> colours;
    std::map<int, Rgb> palette;    ///< of the ids, where files have one
    fs::path with_255, with_most;  ///< the first of its name that holds 255; that which holds most ids
    fs::path of_ids, of_colours;   ///< the first of its name of each kind
    std::size_t most_ids = 0;
};

Found values_of(const std::vector<fs::path>& labels) {
    Found all;
    std::mutex mutex;
    parallel_for(labels.size(), 0, [&](std::size_t i) {
        const LabelFile stored = read_label_file(labels[i]);
        Found here;
        std::vector<bool> seen(1 << 16);
        for (const std::uint16_t id : stored.ids) seen[id] = true;
        for (int id = 0; id < 1 << 16; ++id)
            if (seen[static_cast<std::size_t>(id)]) here.ids.insert(id);
        for (const int id : here.ids)
            if (static_cast<std::size_t>(id) < stored.palette.size())
                here.palette[id] = stored.palette[static_cast<std::size_t>(id)];
        Rgb last{};
        for (std::size_t p = 0; p < stored.colours.pixels(); ++p) {
            const std::uint8_t* rgb = &stored.colours.data[p * static_cast<std::size_t>(stored.colours.channels)];
            const Rgb colour = {rgb[0], rgb[1], rgb[2]};
            if (p > 0 && colour == last) continue;
            here.colours.insert(last = colour);
            if (here.colours.size() > most_colours)
                fail(
                    "{}: has more than {} colours, so it is no label map of flat colours: a photograph (are pictures "
                    "and labels swapped?), or resized smoothly?",
                    labels[i].string(), most_colours);
        }
        if (here.ids.size() > most_values)
            fail("{}: has more than {} ids, so it is no label map; are pictures and labels swapped?",
                 labels[i].string(), most_values);
        const bool one = here.ids.contains(1), white = here.ids.contains(255);
        here.binary.others = !here.colours.empty() || (one && white) ||
                             here.ids.size() - (here.ids.contains(0) ? 1 : 0) > std::size_t{one || white};
        const std::lock_guard lock(mutex);
        all.binary.with_1 += one ? 1 : 0;
        all.binary.with_255 += white ? 1 : 0;
        all.binary.others = all.binary.others || here.binary.others;
        if (white && (all.with_255.empty() || labels[i] < all.with_255)) all.with_255 = labels[i];
        fs::path& first = here.colours.empty() ? all.of_ids : all.of_colours;
        if (first.empty() || labels[i] < first) first = labels[i];
        if (here.ids.size() > all.most_ids || (here.ids.size() == all.most_ids && labels[i] < all.with_most))
            all.most_ids = here.ids.size(), all.with_most = labels[i];
        all.ids.merge(here.ids);
        all.colours.merge(here.colours);
        all.palette.merge(here.palette);
    });
    return all;
}

}  // namespace

FoundClasses found_classes(const fs::path& folder, const std::vector<fs::path>& labels) {
    Found found = values_of(labels);
    if (!found.ids.empty() && !found.colours.empty())
        fail(
            "{}: {} is ids, {} is colours; give the folder a class table (id,name,r,g,b a line in classes.csv), or say "
            "--classes TABLE",
            folder.string(), found.of_ids.string(), found.of_colours.string());
    if (found.ids.size() > most_values - 1)
        fail("{}: the label maps have {} different ids, more than the 255 classes there can be", folder.string(),
             found.ids.size());
    if (found.colours.size() > most_colours)
        fail("{}: the label maps have {} colours; say which are classes: name,r,g,b a line in classes.csv",
             folder.string(), found.colours.size());
    FoundClasses result;
    ClassFile& file = result.file;
    ClassTable& table = file.table;
    table.name = found_name;
    constexpr int usual_void = 255;
    const bool two = found.binary.of_255() && found.ids.contains(0);
    if (two && found.binary.with_1 > 0) found.ids.erase(1);
    if (!two && found.ids.size() > 1 && found.ids.erase(usual_void) > 0) result.with_void = found.with_255;
    constexpr std::size_t smooth = 32;  // ids in one label map are seldom as many
    result.most_ids = found.most_ids;
    if (found.most_ids > smooth) result.with_many = found.with_most;
    result.colours = !found.colours.empty();
    for (const int id : found.ids) {
        const int position = table.count();
        table.names.push_back(fmt::format("{}{}", id_name, id));
        const auto colour = found.palette.find(id);
        table.colours.push_back(colour == found.palette.end() ? voc_colour(position) : colour->second);
        file.source(position).ids = {id};
        if (two && id == usual_void && found.binary.with_1 > 0) file.source(position).ids = {1, id};
    }
    for (const Rgb& colour : found.colours) {
        table.names.push_back(fmt::format("colour {}", fmt::join(colour, " ")));
        table.colours.push_back(colour);
    }
    file.says_void = false;
    file.source(table.count()).ids = {two ? ClassSource::no_id : usual_void};
    return result;
}

bool is_found(const ClassTable& table) { return table.name.ends_with("found in the label maps"); }

ClassFile found_again(const ClassTable& network, const FoundClasses& found, const fs::path& folder) {
    ClassFile file{network, {}, false, false};
    for (int id = 0; id < network.count(); ++id) {
        const std::string& name = network.name_of(id);
        const bool is_id = name.starts_with(id_name);
        if (is_id && found.colours)
            fail(
                "{}: the label maps are colours, but the network has learnt ids ({}, ...); give the folder a class "
                "table of its classes (classes.csv: name,r,g,b)",
                folder.string(), network.name_of(0));
        file.source(id).ids = {is_id ? std::stoi(name.substr(id_name.size())) : ClassSource::no_id};
    }
    // Tools write the second of two as 1 or 255.
    const std::vector<std::string>& names = network.names;
    if (names.size() == 2 && names[0] == "class 0" && (names[1] == "class 1" || names[1] == "class 255"))
        file.source(1).ids = {1, 255};
    file.source(network.count()).ids = found.file.sources.back().ids;
    return file;
}

BinaryLabels binary_labels(const std::vector<fs::path>& labels) {
    BinaryLabels all;
    std::mutex mutex;
    parallel_for(labels.size(), 0, [&](std::size_t i) {
        BinaryLabels here;
        try {
            here = values_of({labels[i]}).binary;
        } catch (const Error&) {
            return;  // what reads it says so
        }
        const std::lock_guard lock(mutex);
        all.with_1 += here.with_1;
        all.with_255 += here.with_255;
        all.others = all.others || here.others;
    });
    return all;
}

std::set<int> stored_ids(const std::vector<fs::path>& labels) {
    std::set<int> all;
    std::mutex mutex;
    parallel_for(labels.size(), 0, [&](std::size_t i) {
        std::set<int> here;
        try {
            here = values_of({labels[i]}).ids;
        } catch (const Error&) {
            return;  // what reads it says so
        }
        const std::lock_guard lock(mutex);
        all.merge(here);
    });
    return all;
}

}  // namespace camber
