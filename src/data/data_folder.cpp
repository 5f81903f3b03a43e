#include <camber/data_folder.h>
#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/parallel_for.h"
#include "data/dataset_search.h"
#include "data/division.h"
#include "data/found_labels.h"
#include "data/label_coding.h"
#include "data/layouts/pairing.h"
#include "data/picture_index.h"
#include "data/sample_cache.h"
#include "data/sample_files.h"
#include "io/label_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> ordered(const std::vector<std::string>& names) {
    std::set<std::string> rest(names.begin(), names.end());
    std::vector<std::string> result;
    for (const char* usual : {"train", "val", "test"})
        if (rest.erase(usual) > 0) result.emplace_back(usual);
    result.insert(result.end(), rest.begin(), rest.end());
    return result;
}

/// The part of undivided frames that is for training, or for validation.
std::vector<SamplePaths> divided(std::vector<SamplePaths> all, double fraction, bool val) {
    std::vector<std::string> names;
    for (const SamplePaths& sample : all) names.push_back(sample.image.stem().string());
    const std::vector<bool> held = held_for_validation(names, fraction);
    std::vector<SamplePaths> part;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (held[i] == val) part.push_back(std::move(all[i]));
    return part;
}

/// A table that is given by name or file.
ClassFile given_classes(const std::string& given) {
    if (const ClassTable* known = known_classes(given)) return {*known, {}, true, true};
    std::error_code error;
    if (!fs::exists(fs::symlink_status(given, error)))
        fail_usage("--classes {}: is neither a file nor one of the tables {}", given,
                   fmt::join(known_class_tables(), ", "));
    return read_class_file(given);
}

/// Whether classes are the table's in another order or number, or say of which others they are made.
bool speaks_of(const ClassFile& given, const ClassTable& table) {
    const auto has = [&](const std::string& name) {
        return std::find(table.names.begin(), table.names.end(), name) != table.names.end();
    };
    return std::all_of(given.table.names.begin(), given.table.names.end(), has) ||
           std::any_of(given.sources.begin(), given.sources.end(),
                       [](const ClassSource& source) { return !source.names.empty(); });
}

/// A reason behind a message, where there is one.
std::string after(const std::string& reason) { return reason.empty() ? reason : "; " + reason; }

}  // namespace

DataFolder DataFolder::look(const fs::path& folder, const FolderOptions& options) {
    if (folder.empty()) fail("no folder of a dataset is given");
    std::error_code error;
    if (!fs::is_directory(folder, error))
        fail("{}: there is no such folder; give the folder of a dataset", folder.string());
    if (!options.layout.empty()) {
        std::vector<std::string> names;
        for (const Layout* layout : all_layouts()) names.emplace_back(layout->name());
        if (std::find(names.begin(), names.end(), options.layout) == names.end())
            fail_usage("there is no layout '{}'; the layouts are {}", options.layout, fmt::join(names, ", "));
    }
    if (options.val_fraction < 0 || options.val_fraction >= 1)
        fail_usage("the validation fraction must be from 0 to below 1, not {}", options.val_fraction);
    const Recognised found = find_dataset(folder, options.layout);
    DataFolder data;
    data.folder_ = found.folder;
    data.layout_ = found.layout;
    data.layout_name_ = found.layout->name();
    data.why_ = options.layout.empty() ? found.why : "--layout says so";
    if (found.folder != folder) data.why_ = fmt::format("in {}: {}", found.folder.string(), data.why_);

    std::vector<std::string> splits = found.layout->splits(found.folder);
    const bool has_train = std::find(splits.begin(), splits.end(), "train") != splits.end();
    const bool has_val = std::find(splits.begin(), splits.end(), "val") != splits.end();
    const bool undivided = found.layout->undivided(found.folder);
    if (has_train && !has_val && (undivided || options.val_fraction > 0)) {
        const std::size_t frames = found.layout->samples(found.folder, "train").size();
        if (frames > 1) {
            data.val_fraction_ = options.val_fraction > 0 ? options.val_fraction : usual_val_fraction;
            splits.emplace_back("val");
            data.notes_.push_back(
                fmt::format("no validation frames are named: {:g}% of the {} are, drawn by their names "
                            "(--val-fraction)",
                            100 * data.val_fraction_, frames));
        }
    }
    if (options.val_fraction > 0 && data.val_fraction_ == 0) {
        data.without_effect_ =
            fmt::format("--val-fraction has no effect: the dataset has {}", has_val     ? "a split for validation"
                                                                            : has_train ? "one frame for training"
                                                                                        : "no split for training");
        data.notes_.push_back(data.without_effect_);
    }
    data.splits_ = ordered(splits);
    return data;
}

std::vector<fs::path> DataFolder::labels() const {
    std::vector<fs::path> files;
    for (const std::string& split : layout_->splits(folder_))
        for (const SamplePaths& sample : layout_->samples(folder_, split))
            if (!sample.label.empty()) files.push_back(sample.label);
    std::sort(files.begin(), files.end());
    files.erase(std::unique(files.begin(), files.end()), files.end());
    return files;
}

void DataFolder::note_void(const fs::path& file) {
    notes_.push_back(
        fmt::format("warning: {}: 255 is taken as void, as nothing says what it is; where it is a class, name it in a "
                    "class table (classes.csv, 255,NAME a line), else say --map 255=void",
                    file.string()));
}

void DataFolder::look_at_labels(bool palette_colours, bool says_void, const std::set<int>& mapped) {
    constexpr std::size_t most_files = 32;
    constexpr int usual_void = 255;
    const std::vector<fs::path> files = labels();
    const std::size_t count = std::min(files.size(), most_files);
    std::map<std::size_t, Rgb> colours;
    std::set<int> ids;
    bool has_colours = false, palettes_agree = true, read_all = count == files.size();
    fs::path with_255;
    const auto doubt = [&](const fs::path& file, const std::string& what) {
        notes_.push_back(
            fmt::format("warning: {}: {}; indices are what counts: save label maps as RGB where colours should",
                        file.string(), what));
        palettes_agree = false;
    };
    for (std::size_t f = 0; f < count; ++f) {
        const fs::path& file = files[f * files.size() / count];
        LabelFile stored;
        try {
            stored = read_label_file(file);
        } catch (const Error&) {
            read_all = false;
            continue;  // what reads it says so
        }
        const bool of_colours =
            stored.kind == LabelFile::Kind::colour || (stored.kind == LabelFile::Kind::palette && palette_colours);
        has_colours = has_colours || of_colours;
        if (of_colours) continue;
        const std::set<int> here(stored.ids.begin(), stored.ids.end());
        if (with_255.empty() && here.contains(usual_void)) with_255 = file;
        ids.insert(here.begin(), here.end());
        if (const auto wrong = coding_->doubt(stored); palettes_agree && wrong.index >= 0)
            doubt(file, coding_->described(wrong, stored));
        for (const int id : here) {
            const auto index = static_cast<std::size_t>(id);
            if (index >= stored.palette.size() || !palettes_agree) break;
            const auto [place, added] = colours.emplace(index, stored.palette[index]);
            if (!added && place->second != stored.palette[index])
                doubt(file, fmt::format("index {} has the colour {}, in others {}", index,
                                        fmt::join(stored.palette[index], " "), fmt::join(place->second, " ")));
        }
    }
    if (!with_255.empty() && !says_void && !mapped.contains(usual_void) && coding_->is_void(usual_void))
        note_void(with_255);
    for (const int id : mapped) {
        const bool acts = ids.contains(id) || (has_colours && coding_->has_colour(id));
        if (acts || !(read_all || (has_colours && ids.empty()))) continue;
        notes_.push_back(fmt::format("warning: --map {}=... has no effect: {}", id,
                                     has_colours
                                         ? "label maps are colours, and no class of the folder's table has that id"
                                         : "no label map holds that id"));
    }
}

void DataFolder::tell_two_classes(ClassFile& file) {
    const bool says_ids = std::any_of(file.sources.begin(), file.sources.end(),
                                      [](const ClassSource& source) { return !source.ids.empty(); });
    const bool either = says_ids && !file.says_void && file.sources[1].ids == std::vector{1, 255};
    if (says_ids && !either) return;
    if (file.says_void && file.table.void_id != 255) return;
    const std::string& second = file.table.name_of(1);
    const BinaryLabels stored = binary_labels(labels());
    if (!stored.of_255()) {
        if (either) file.source(1).ids = {1};
        return;
    }
    if (file.says_void) {
        notes_.push_back(
            fmt::format("warning: {} label maps are of 0 and 255, and 255 is void: is it not {}? (--map 255=1)",
                        stored.with_255, second));
        return;
    }
    file.source(2).ids = {ClassSource::no_id};
    file.source(1).ids = {255};
    if (stored.with_1 == 0) {
        notes_.push_back(fmt::format("label maps of 0 and 255: 255 is {}", second));
        return;
    }
    file.source(1).ids.push_back(1);
    notes_.push_back(fmt::format("warning: {} label maps are of 0 and 1, {} of 0 and 255: both 1 and 255 are {}",
                                 stored.with_1, stored.with_255, second));
}

DataFolder DataFolder::open(const fs::path& folder, const FolderOptions& options) {
    DataFolder data = look(folder, options);
    FolderClasses own = data.layout_->classes(data.folder_);
    // A table beside the folder that an archive was unpacked to.
    std::error_code error;
    for (fs::path outer = data.folder_;
         own.from != FolderClasses::From::folder && !outer.empty() && !fs::equivalent(outer, folder, error);) {
        outer = outer.parent_path();
        if (FolderClasses beside = folder_classes(outer); beside.from == FolderClasses::From::folder)
            own = std::move(beside);
    }
    std::string from = own.where;
    fs::path with_void;
    const bool given = !options.classes.empty();
    ClassFile target;
    if (given) target = given_classes(options.classes);
    const bool becomes = given && (own.from == FolderClasses::From::folder ||
                                   (own.from == FolderClasses::From::assumed && speaks_of(target, own.file.table)));
    if (given && !becomes) {
        own.file = target;
        from = options.classes;
    } else if (own.from == FolderClasses::From::assumed) {
        data.notes_.push_back(fmt::format("no class table: the classes are {}, CamVid's", own.file.table.name));
    } else if (own.from == FolderClasses::From::nothing) {
        const std::vector<fs::path> labels = data.labels();
        if (labels.empty())
            fail("{}: no frame has a label map{}", data.folder_.string(), after(data.unpaired(data.splits_.front())));
        const FoundClasses found = found_classes(data.folder_, labels);
        const ClassTable* const before = options.otherwise ? &*options.otherwise : nullptr;
        own.file = !before             ? found.file
                   : is_found(*before) ? found_again(*before, found, data.folder_)
                                       : ClassFile{*before, {}, false, false};
        if (before) {
            data.notes_.push_back(fmt::format("no class table: ids are taken as the network's classes, {} to {}",
                                              before->name_of(0), before->name_of(before->count() - 1)));
        } else {
            data.notes_.emplace_back(
                "no class table: there is a class for each value of the label maps; name them in classes.csv, a line "
                "each: name,r,g,b");
        }
        if (!found.with_many.empty())
            data.notes_.push_back(
                fmt::format("warning: {}: has {} ids: resized smoothly, or no label map? (label maps are resized to "
                            "the nearest pixel)",
                            found.with_many.string(), found.most_ids));
        with_void = found.with_void;
    }
    if (!from.empty()) data.notes_.push_back(fmt::format("classes: {} of {}", own.file.table.count(), from));
    if (own.file.table.count() == 2) data.tell_two_classes(own.file);
    LabelCoding coding(own.file);
    coding.set_palette_colours(own.palette_colours);
    data.classes_ = own.file.table;
    if (becomes) {
        std::vector<std::string> dropped;
        coding.regroup(mapping_between(own.file.table, target, dropped), target.table);
        data.classes_ = target.table;
        data.notes_.push_back(fmt::format("--classes {}: {} classes become {}", options.classes, own.file.table.count(),
                                          target.table.count()));
        if (!dropped.empty())
            data.notes_.push_back(
                fmt::format("void, since {} has nothing for them: {}", target.table.name, fmt::join(dropped, ", ")));
    }
    const std::set<int> mapped = apply_map(options.map, data.classes_, coding);
    coding.set_unknown_void(options.unknown == UnknownLabels::as_void);
    data.coding_ = std::make_shared<const LabelCoding>(std::move(coding));
    // What was looked at for the classes is known of all label maps, not of some.
    if (!with_void.empty() && !mapped.contains(255)) data.note_void(with_void);
    const bool known = own.file.says_void || own.from == FolderClasses::From::assumed || !with_void.empty();
    if (!own.palette_colours || !mapped.empty()) data.look_at_labels(own.palette_colours, known, mapped);
    return data;
}

fs::path DataFolder::find(const fs::path& folder) {
    const std::optional<Recognised> found = search_dataset(folder);
    return found ? found->folder : fs::path();
}

bool DataFolder::recognises(const fs::path& folder) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) return false;
    return std::any_of(all_layouts().begin(), all_layouts().end(),
                       [&](const Layout* layout) { return !layout->recognise(folder).empty(); });
}

bool DataFolder::has(const std::string& split) const {
    return std::find(splits_.begin(), splits_.end(), split) != splits_.end();
}

std::vector<SamplePaths> DataFolder::samples(const std::string& split) const {
    if (!has(split)) fail("{}: has no split '{}'; present: {}", folder_.string(), split, fmt::join(splits_, ", "));
    const bool divide = is_drawn(split);
    std::vector<SamplePaths> samples = layout_->samples(folder_, divide ? "train" : split);
    return divide ? divided(std::move(samples), val_fraction_, split == "val") : samples;
}

bool DataFolder::is_drawn(const std::string& split) const {
    return val_fraction_ > 0 && (split == "train" || split == "val");
}

bool DataFolder::is_labelled(const std::string& split) const {
    const std::vector<SamplePaths> all = layout_->samples(folder_, is_drawn(split) ? "train" : split);
    return std::any_of(all.begin(), all.end(), [](const SamplePaths& sample) { return !sample.label.empty(); });
}

std::vector<fs::path> DataFolder::labels_without_image() const {
    std::set<fs::path> used;
    for (const std::string& split : layout_->splits(folder_))
        for (const SamplePaths& sample : layout_->samples(folder_, split)) used.insert(sample.label);
    std::set<fs::path> strays;
    for (const auto& [images, labels] : layout_->places(folder_)) {
        const Pairing pairing(images, labels);  // of pictures that no list names too
        for (const fs::path& image : pairing.pictures()) used.insert(pairing.label_of(image));
        for (const fs::path& file : pairing.label_maps()) strays.insert(file);
    }
    for (const fs::path& file : used) strays.erase(file);
    return {strays.begin(), strays.end()};
}

std::string DataFolder::unpaired(const std::string& split) const {
    const std::vector<SamplePaths> frames = samples(split);
    if (frames.empty()) return {};
    const fs::path& image = frames.front().image;
    const std::vector<fs::path> strays = labels_without_image();
    for (const auto& [images, labels] : layout_->places(folder_)) {
        if (image.lexically_relative(images).string().starts_with("..")) continue;
        const auto is_its = [&, &folder = labels](const fs::path& file) {
            return !file.lexically_relative(folder).string().starts_with("..");
        };
        if (const auto stray = std::find_if(strays.begin(), strays.end(), is_its); stray != strays.end())
            return fmt::format("{} and {} do not pair: a label map has its picture's name and place (docs/datasets.md)",
                               image.string(), stray->string());
        if (const std::string others = not_read(other_pictures_in(labels)); !others.empty())
            return fmt::format("{}: {}", labels.string(), others);
    }
    return {};
}

Image DataFolder::read_label(const fs::path& file) const {
    return coding_->decode(file.string(), read_label_file(file));
}

Dataset DataFolder::dataset(const std::string& split, const DatasetOptions& options) const {
    if ((options.load_height == 0) != (options.load_width == 0) || options.load_height < 0 || options.load_width < 0) {
        fail_usage("load size {}x{}: give both height and width, or 0 for the original", options.load_height,
                   options.load_width);
    }
    if (!is_picture_channels(options.channels))
        fail_usage("frames are read in 1 (grey), 3 (RGB) or 4 (RGBA) channels, not {}", options.channels);
    std::vector<SamplePaths> paths = samples(split);
    const auto lacks = [](const SamplePaths& sample) { return sample.label.empty(); };
    if (const auto missing = std::count_if(paths.begin(), paths.end(), lacks); missing > 0) {
        if (!is_labelled(split))
            fail(
                "{}: the frames of the split '{}' have no label maps: they can be predicted, not learnt from or judged"
                "{}",
                folder_.string(), split, after(unpaired(split)));
        const auto first = std::find_if(paths.begin(), paths.end(), lacks);
        fail("{}: has no label map ({} of the {} frames of {} have none); add it or take the frame away",
             first->image.string(), missing, paths.size(), split);
    }
    Dataset dataset;
    dataset.folder_ = folder_;
    dataset.split_ = split;
    dataset.classes_ = classes_;
    dataset.channels_ = options.channels;
    const auto files = std::make_shared<SampleFiles>(std::move(paths), coding_, options);
    for (std::size_t i = 0; i < files->size(); ++i)
        dataset.entries_.push_back({files->paths(i).image.stem().string(), files->loaded(i), files->original(i)});
    dataset.files_ = files;
    const auto room = std::make_shared<CacheRoom>(options.cache_bytes);
    dataset.samples_ =
        std::make_shared<SampleCache>(files->size(), room, [files](std::size_t i) { return files->sample(i); });
    if (dataset.bytes() <= options.cache_bytes) {
        parallel_for(
            files->size(), options.threads, [&](std::size_t i) { dataset.sample(i); }, options.progress);
        return dataset;
    }
    room->reserve(options.cache_bytes / labels_share);
    files->keep_labels(room);
    dataset.room_ = room;
    return dataset;
}

}  // namespace camber
