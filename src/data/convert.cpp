#include "data/convert.h"

#include <camber/error.h>

#include <algorithm>
#include <set>

#include "core/parallel_for.h"
#include "io/new_folder.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

std::string in_quotes(const std::string& name) {
    return name.find_first_of(" ,;|") == std::string::npos ? name : "\"" + name + "\"";
}

/// What a line of a list can hold: no quote, backslash, tab or line end.
std::string listable(std::string name) {
    for (char& c : name)
        if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') c = '_';
    return name;
}

}  // namespace

DrawnDataset drawn(const DataFolder& folder) {
    DrawnDataset dataset{folder.classes(), {}, {}, {}};
    for (const std::string& note : folder.notes())
        if (note.starts_with("warning: ")) dataset.notes.push_back(note);
    const auto shared = std::make_shared<DataFolder>(folder);
    for (const std::string& split : folder.splits()) {
        DrawnDataset::Split made{split, {}};
        const std::vector<SamplePaths> samples = folder.samples(split);
        if (!folder.is_labelled(split)) {
            dataset.left_out.push_back(fmt::format("{} frame{} of {} without {}", samples.size(),
                                                   samples.size() == 1 ? "" : "s", split,
                                                   samples.size() == 1 ? "a label map" : "label maps"));
            continue;
        }
        DatasetOptions unread;  // what keeps a split from being used is told by the sizes of its files
        unread.cache_bytes = 0;
        folder.dataset(split, unread);
        for (const SamplePaths& sample : samples)
            made.frames.push_back({sample.image, [shared, label = sample.label] { return shared->read_label(label); }});
        dataset.splits.push_back(std::move(made));
    }
    return dataset;
}

void write_plain_dataset(const DrawnDataset& dataset, const fs::path& folder, const Progress& progress) {
    struct Work {
        const DrawnDataset::Frame* frame;
        std::string image, label;
    };
    std::vector<Work> work;
    NewFolder made(folder);
    for (const DrawnDataset::Split& split : dataset.splits) {
        std::set<std::string> stems;
        std::string list;
        for (const DrawnDataset::Frame& frame : split.frames) {
            const std::string name = listable(frame.image.stem().string());
            std::string stem = name;
            for (int copy = 2; !stems.insert(stem).second; ++copy) stem = fmt::format("{}_{}", name, copy);
            work.push_back({&frame, fmt::format("{}/{}{}", split.name, stem, frame.image.extension().string()),
                            fmt::format("{}annot/{}.png", split.name, stem)});
            list += fmt::format("{} {}\n", in_quotes(work.back().image), in_quotes(work.back().label));
        }
        made.write(split.name + ".txt", list);
    }
    if (work.empty()) fail("no frame has a label map, so there is nothing to convert");
    made.write("classes.json", class_table_json(dataset.classes));
    parallel_for(
        work.size(), 0,
        [&](std::size_t i) {
            made.copy(work[i].image, work[i].frame->image);
            made.write_png(work[i].label, work[i].frame->label());
        },
        progress);
    made.commit();
}

}  // namespace camber
