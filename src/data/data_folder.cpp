#include <camber/data_folder.h>
#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_set>

#include "core/lower.h"
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

/// "'a', 'b' and 3 more".
std::string few_of(const std::vector<std::string>& names) {
    constexpr std::size_t few = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), few); ++i)
        text += fmt::format("{}'{}'", i == 0 ? "" : i + 1 == names.size() ? " and " : ", ", names[i]);
    return names.size() > few ? fmt::format("{} and {} more", text, names.size() - few) : text;
}

/// Files beside the folders that seem to divide frames, and do not here.
std::string unread_lists(const fs::path& folder) {
    std::set<std::string> names;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        const fs::path& file = entry->path();
        const std::string kind = ending(file), stem = file.stem().string();
        if (kind != ".csv" && kind != ".json" && kind != ".txt") continue;
        const bool is_list = is_split_name(stem) && kind == ".json";
        if (is_list || stem == "split" || stem == "splits" || stem == "folds") names.insert(file.filename().string());
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

/// Lists of splits in the folder whose frames are by folders.
std::vector<std::string> lists_beside(const Recognised& found, const std::vector<std::string>& splits) {
    std::vector<std::string> lists;
    std::error_code error;
    for (const std::string& split : splits) {
        for (const fs::path& list : {found.folder / (split + ".txt"), found.folder / "splits" / (split + ".txt")}) {
            if (!fs::is_regular_file(list, error)) continue;
            const std::vector<SamplePaths> frames = found.layout->samples(found.folder, split);
            const auto of_list = [named = list.string() + " line "](const SamplePaths& frame) {
                return frame.origin.starts_with(named);
            };
            if (std::none_of(frames.begin(), frames.end(), of_list))
                lists.push_back(list.lexically_relative(found.folder).string());
        }
    }
    return lists;
}

/// Whether a class of a table is what the others lie on, by its name or its colour, black.
bool is_ground(const ClassFile& file, int id) {
    static const std::set<std::string> names = {"background", "bg"};
    return names.contains(lower(file.table.name_of(id))) ||
           (file.says_colours && file.table.colour_of(id) == Rgb{0, 0, 0});
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
    if (const std::string unread = unread_lists(found.folder); !unread.empty())
        data.notes_.push_back(fmt::format("not read: {} (lists of splits are train.txt, val.txt, test.txt)", unread));
    if (const std::vector<std::string> unread = lists_beside(found, splits); !unread.empty())
        data.notes_.push_back(fmt::format(
            "warning: {} {} not read, since the folders say which frames are whose: take {} away, or put the frames "
            "into one folder",
            fmt::join(unread, ", "), unread.size() == 1 ? "is" : "are", unread.size() == 1 ? "it" : "them"));
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
    std::size_t black = 0, pixels = 0;
    bool has_colours = false, palettes_agree = true, read_all = count == files.size();
    fs::path with_255, clear;
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
        if (stored.kind == LabelFile::Kind::colour && !says_void && coding_->is_void_colour({0, 0, 0}))
            for (std::size_t p = 0; p < stored.colours.data.size(); p += stored.colours.channels, ++pixels)
                black +=
                    stored.colours.data[p] == 0 && stored.colours.data[p + 1] == 0 && stored.colours.data[p + 2] == 0;
        if (clear.empty() && stored.colours.channels == 4)
            for (std::size_t p = 3; p < stored.colours.data.size() && clear.empty(); p += 4)
                if (stored.colours.data[p] == 0) clear = file;
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
    if (!clear.empty())
        notes_.push_back(fmt::format(
            "warning: {}: has transparent pixels, which are taken as the colours under them: save it without alpha",
            clear.string()));
    if (100 * black >= pixels && black > 0)
        notes_.push_back(fmt::format(
            "warning: black, {:.3g}% of the pixels of the label maps looked at, is no class's colour and void: "
            "where it is a class, name it in the class table",
            100 * static_cast<double>(black) / static_cast<double>(pixels)));
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

void DataFolder::tell_map(const FolderOptions& options, const fs::path& folder, const std::set<int>& mapped,
                          const LabelCoding& own) {
    if (options.map.empty() || options.map_of.empty()) return;
    std::error_code error;
    std::vector<std::string> here;
    for (const int id : mapped)
        if (const int is = own.class_of(id); is >= 0) here.push_back(fmt::format("{} is {}", id, classes_.name_of(is)));
    const std::string said = fmt::format("--map {} of the checkpoint", options.map);
    const bool its = folder == options.map_of || fs::equivalent(folder, options.map_of, error);
    notes_.push_back(its || here.empty()
                         ? said
                         : fmt::format("warning: {} is for {}; in this folder {}: is it meant here? (else --map \"\")",
                                       said, options.map_of, fmt::join(here, ", ")));
}

void DataFolder::look_at_frames() {
    constexpr std::size_t most_files = 32;
    std::string as_stored, untold;  // the first of each
    for (const std::string& split : layout_->splits(folder_)) {
        const std::vector<SamplePaths> frames = layout_->samples(folder_, split);
        const std::size_t count = std::min(frames.size(), most_files);
        std::unordered_set<std::string_view> once;
        std::size_t again = 0;
        const SamplePaths* twice = nullptr;
        for (const SamplePaths& frame : frames)
            if (!once.insert(frame.image.native()).second && ++again == 1) twice = &frame;
        if (twice)
            notes_.push_back(fmt::format("warning: {}: {} is named again, {} such line{}: it counts as often in {}",
                                         twice->origin, twice->image.filename().string(), again, again == 1 ? "" : "s",
                                         split));
        for (std::size_t f = 0; f < count; ++f) {
            const SamplePaths& frame = frames[f * frames.size() / count];
            try {
                const FrameSize size = frame.label.empty() ? FrameSize() : frame_size(frame.image, frame.label);
                if (size.as_stored && as_stored.empty()) as_stored = size.turning(frame.image.string());
                if (!size.is_told() && untold.empty()) untold = size.turning(frame.image.string());
            } catch (const Error&) {
                continue;  // what reads it says so
            }
        }
    }
    if (!as_stored.empty()) notes_.push_back(as_stored);
    if (!untold.empty()) notes_.push_back("warning: " + untold);
}

void DataFolder::tell_unknown() {
    constexpr std::size_t most_files = 32, most_named = 4;
    const std::vector<fs::path> files = labels();
    const std::size_t count = std::min(files.size(), most_files);
    std::map<std::string, std::size_t> values;
    std::size_t unknown = 0, all = 0;
    fs::path first;
    for (std::size_t f = 0; f < count; ++f) {
        const fs::path& file = files[f * files.size() / count];
        try {
            const LabelFile stored = read_label_file(file);
            const std::map<std::string, std::size_t> here = coding_->unknown_in(stored);
            all += static_cast<std::size_t>(stored.height) * static_cast<std::size_t>(stored.width);
            for (const auto& [value, pixels] : here) values[value] += pixels, unknown += pixels;
            if (first.empty() && !here.empty()) first = file;
        } catch (const Error&) {
            continue;  // what reads it says so
        }
    }
    if (values.empty()) return;
    std::vector<std::string> named;
    for (const auto& [value, _] : values)
        if (named.size() < most_named) named.push_back(value);
    notes_.push_back(fmt::format(
        "warning: --unknown void: {}{} {} no class and void, {:.3g}% of the pixels of {}; {} is one",
        fmt::join(named, ", "),
        values.size() > most_named ? fmt::format(" and {} more", values.size() - most_named) : "",
        values.size() > 1 ? "are" : "is", 100 * static_cast<double>(unknown) / static_cast<double>(all),
        count < files.size() ? fmt::format("the {} label maps looked at", count) : "all label maps", first.string()));
}

bool DataFolder::tell_greys(ClassFile& file) {
    std::set<int> greys;
    for (const Rgb& colour : file.table.colours)
        if (colour[0] == colour[1] && colour[1] == colour[2]) greys.insert(colour[0]);
    if (!file.says_colours || !file.sources.empty() || greys.size() < file.table.names.size()) return false;
    const std::set<int> stored = stored_ids(labels());
    if (stored.empty()) return false;
    const auto of_grey = [&](int grey) {
        const auto& colours = file.table.colours;
        return static_cast<int>(
            std::find_if(colours.begin(), colours.end(), [=](const Rgb& colour) { return colour[0] == grey; }) -
            colours.begin());
    };
    if (!std::includes(greys.begin(), greys.end(), stored.begin(), stored.end())) {
        // Ids in the columns of colours, and one that no class has.
        const auto other = std::find_if(stored.begin(), stored.end(), [&](int id) {
            return id < file.table.count() && greys.contains(id) && of_grey(id) != id;
        });
        if (file.table.count() > 2 && *stored.rbegin() < file.table.count() && other != stored.end())
            notes_.push_back(fmt::format(
                "warning: the values of the label maps are taken as places in the class table, from 0, so {} is {}; "
                "among its colours, all grey, {} is {}: is it that? (write name,id in the table)",
                *other, file.table.name_of(*other), *other, file.table.name_of(of_grey(*other))));
        return false;
    }
    if (std::all_of(stored.begin(), stored.end(), [&](int id) { return of_grey(id) == id; })) return false;
    for (int id = 0; id < file.table.count(); ++id) file.source(id).ids = {file.table.colour_of(id)[0]};
    if (greys.contains(file.table.void_id) && !file.says_void)
        file.source(file.table.count()).ids = {ClassSource::no_id};
    notes_.push_back("label maps hold the grey values that are the classes' colours");
    return true;
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
        if (!says_ids && stored.with_1 > 0 && !stored.others && is_ground(file, 1))
            notes_.push_back(
                fmt::format("warning: label maps are of 0 and 1: 0 is {}, the first: is it not {}? (--map 0=1,1=0)",
                            file.table.name_of(0), second));
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
        notes_.push_back(is_ground(file, 1) && !is_ground(file, 0)
                             ? fmt::format("warning: label maps of 0 and 255: 255 is {}, the second: is 0 not that? "
                                           "(--map 0=1,255=0)",
                                           second)
                             : fmt::format("label maps of 0 and 255: 255 is {}", second));
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
    const bool assumed = own.from == FolderClasses::From::assumed;
    const bool becomes =
        given && (own.from == FolderClasses::From::folder || (assumed && shares_names(own.file.table, target)));
    if (given && assumed && !becomes)
        data.notes_.push_back(fmt::format(
            "warning: --classes {}: none of its classes is among {}, which the folder is taken to have, so they name "
            "its ids in their order: 0 is {}",
            options.classes, own.file.table.name, target.table.name_of(0)));
    if (given && !becomes) {
        own.file = target;
        from = options.classes;
    } else if (assumed) {
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
            data.notes_.push_back(fmt::format("no class table: {} are taken as the network's classes, {} to {}",
                                              found.colours ? "colours" : "ids", before->name_of(0),
                                              before->name_of(before->count() - 1)));
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
    if (!data.tell_greys(own.file) && own.file.table.count() == 2) data.tell_two_classes(own.file);
    LabelCoding coding(own.file);
    coding.set_palette_colours(own.palette_colours);
    data.classes_ = own.file.table;
    if (becomes) {
        const ClassMapping mapping = mapping_between(own.file.table, target);
        // Some names alone may be CamVid's by chance, in a table of what the ids are.
        if (assumed && !mapping.unmade.empty() && !known_classes(options.classes) && !says_from(target))
            fail(
                "--classes {}: {} {} none of the folder's classes, which are taken to be {} ({}, ...), as others of it "
                "are; spell the names so, say in classes.json what each is made \"from\", or, where the ids are those "
                "of {}, copy it into {} as classes{}",
                options.classes, few_of(mapping.unmade), mapping.unmade.size() == 1 ? "is" : "are", own.file.table.name,
                own.file.table.name_of(0), options.classes, data.folder_.string(),
                fs::path(options.classes).extension().string());
        coding.regroup(mapping.to, target.table);
        data.classes_ = target.table;
        data.notes_.push_back(fmt::format("--classes {}: {} classes become {}, by name", options.classes,
                                          own.file.table.count(), target.table.count()));
        if (!mapping.dropped.empty())
            data.notes_.push_back(fmt::format("void, since {} has nothing for them: {}", target.table.name,
                                              fmt::join(mapping.dropped, ", ")));
        if (!mapping.unmade.empty())
            data.notes_.push_back(
                fmt::format("warning: --classes {}: {} {} none of the folder's classes ({}), so no "
                            "label map has {}",
                            options.classes, few_of(mapping.unmade), mapping.unmade.size() == 1 ? "is" : "are",
                            own.file.table.name, mapping.unmade.size() == 1 ? "it" : "them"));
    }
    const LabelCoding unmapped = coding;
    const std::set<int> mapped = apply_map(options.map, data.classes_, coding);
    data.tell_map(options, folder, mapped, unmapped);
    coding.set_unknown_void(options.unknown == UnknownLabels::as_void);
    data.coding_ = std::make_shared<const LabelCoding>(std::move(coding));
    if (options.unknown == UnknownLabels::as_void) data.tell_unknown();
    data.look_at_frames();
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

void DataFolder::refuse_shared_labels(const std::vector<SamplePaths>& frames) const {
    SharedLabels shared;
    std::unordered_set<std::string> labels;
    const auto check = [&](const SamplePaths& frame) {
        if (const std::string wrong = shared.add(frame); !wrong.empty()) fail("{}", wrong);
    };
    for (const SamplePaths& frame : frames) {
        labels.insert(frame.label.native());
        check(frame);
    }
    for (const std::string& split : layout_->splits(folder_))
        for (const SamplePaths& frame : layout_->samples(folder_, split))
            if (labels.contains(frame.label.native())) check(frame);
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
    refuse_shared_labels(paths);
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
