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

/// More is a photograph.
constexpr std::size_t most_values = 256, most_colours = 64;

struct Found {
    BinaryLabels binary;
    std::set<int> ids;
    std::set<Rgb> colours;
    std::map<int, Rgb> palette;  ///< of the ids, where files have one
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
        all.ids.merge(here.ids);
        all.colours.merge(here.colours);
        all.palette.merge(here.palette);
    });
    return all;
}

}  // namespace

ClassFile found_classes(const fs::path& folder, const std::vector<fs::path>& labels) {
    Found found = values_of(labels);
    if (!found.ids.empty() && !found.colours.empty())
        fail(
            "{}: some label maps are ids and some are colours; give the folder a class table (name,r,g,b a line in "
            "classes.csv)",
            folder.string());
    if (found.ids.size() > most_values - 1)
        fail("{}: the label maps have {} different ids, more than the 255 classes there can be", folder.string(),
             found.ids.size());
    if (found.colours.size() > most_colours)
        fail("{}: the label maps have {} colours; say which are classes: name,r,g,b a line in classes.csv",
             folder.string(), found.colours.size());
    ClassFile file;
    ClassTable& table = file.table;
    table.name = "found in the label maps";
    constexpr int usual_void = 255;
    const bool two = found.binary.of_255() && found.ids.contains(0);
    if (two && found.binary.with_1 > 0) found.ids.erase(1);
    if (!two && found.ids.size() > 1) found.ids.erase(usual_void);
    for (const int id : found.ids) {
        const int position = table.count();
        table.names.push_back(fmt::format("class {}", id));
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
    file.source(table.count()).ids = two ? std::vector<int>{} : std::vector{usual_void};
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

}  // namespace camber
