#include "cli/predict_inputs.h"

#include <camber/data_folder.h>
#include <camber/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/output_file.h"
#include "cli/picture_pattern.h"
#include "data/picture_index.h"
#include "data/preview.h"

namespace camber::cli {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& file) { return file.filename().string().starts_with('.'); }

/// Takes the results of earlier predictions out, those of a picture that stand three by three and others beside them;
/// returns how many.
std::size_t take_results(std::set<fs::path>& files) {
    std::vector<std::string> bases;
    for (const fs::path& file : files) {
        const std::string name = file.string(), end = ending_of(OutputKind::labels);
        if (!name.ends_with(end)) continue;
        const std::string base = name.substr(0, name.size() - end.size());
        if (files.contains(base + ending_of(OutputKind::colours)) &&
            files.contains(base + ending_of(OutputKind::overlay)))
            bases.push_back(base);
    }
    const std::size_t before = files.size();
    for (const std::string& base : bases) {
        for (const OutputKind kind :
             {OutputKind::labels, OutputKind::colours, OutputKind::overlay, OutputKind::entropy})
            files.erase(base + ending_of(kind));
        const std::string masks = base + mask_begin;
        auto mask = files.lower_bound(masks);
        while (mask != files.end() && mask->string().starts_with(masks)) mask = files.erase(mask);
    }
    return before - files.size();
}

/// The pictures of a folder and of those in it; what cannot be read is a fault that stops no other.
void collect_pictures(const fs::path& folder, const fs::path& out, Listing& listing, std::set<fs::path>& found) {
    std::error_code error, none;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const fs::path& path = entry->path();
        if (is_hidden(path)) continue;
        if (entry->is_directory(none)) {
            if (fs::equivalent(path, out, none)) continue;
            if (entry->is_symlink(none)) {
                ++listing.links;
            } else {
                collect_pictures(path, out, listing, found);
            }
        } else if (!is_picture(path)) {
            ++listing.files;
            if (is_other_picture(path)) ++listing.others[ending(path)];
        } else if (entry->is_regular_file(none)) {
            found.insert(path);
        } else {
            listing.faults.push_back(fmt::format(
                "{}: {}", path.string(),
                entry->is_symlink(none) && !entry->exists(none) ? "a link that leads nowhere" : "not a regular file"));
        }
    }
    if (error) listing.faults.push_back(fmt::format("{}: {}", folder.string(), error_text(error.value())));
}

/// A folder's pictures keep their place in it; hidden files (macOS leaves a ._NAME beside every NAME) and hidden
/// folders are passed over, results of earlier predictions too, and `out` is where results go, no folder of pictures.
void list_folder(const fs::path& folder, const fs::path& out, Listing& listing) {
    std::set<fs::path> sorted;
    const std::size_t faults = listing.faults.size();
    collect_pictures(folder, out, listing, sorted);
    if (sorted.empty() && listing.faults.size() > faults) return;
    if (sorted.empty())
        fail("{}: the folder holds no .png or .jpg pictures{}{}", folder.string(), listing.others.empty() ? "" : "; ",
             not_read(listing.others));
    listing.results += take_results(sorted);
    if (sorted.empty())
        fail("{}: the folder holds results of an earlier predict, and no other pictures", folder.string());
    for (const fs::path& file : sorted)
        listing.pictures.push_back({file, file.lexically_relative(folder).replace_extension()});
}

/// The dataset that a folder is or, as an archive's own, holds; empty where it is none. No pictures lie beside it or
/// its folders, so that notes in a train.txt make none, and no picture is left out for a dataset's sake.
fs::path dataset_in(const fs::path& folder, const fs::path& out) {
    const fs::path found = DataFolder::find(folder);
    if (found.empty()) return {};
    const auto has_pictures = [](const fs::path& place) {
        for (const auto& entry : fs::directory_iterator(place))
            if (is_picture(entry.path()) && !entry.is_directory() && !is_sheet(entry.path())) return true;
        return false;
    };
    if (has_pictures(found)) return {};
    fs::path place = folder;
    for (const fs::path& part : found.lexically_relative(folder)) {
        if (part == ".") break;
        if (has_pictures(place)) return {};
        for (const fs::path& beside : folders_in(place))
            if (beside.filename() != part && resolved(beside) != resolved(out) && !pictures_below(beside).empty())
                return {};
        place /= part;
    }
    return found;
}

/// The frames of a dataset, without its label maps; of one split where `split` names it.
void list_dataset(const fs::path& place, const fs::path& folder, const FolderOptions& options, const fs::path& out,
                  const std::string& split, Listing& listing) {
    const DataFolder data = DataFolder::look(place, options);
    const fs::path to = resolved(out);
    const bool inside = is_within(to, resolved(folder));
    std::set<fs::path> seen;
    for (const std::string& name : split.empty() ? data.splits() : std::vector<std::string>{split}) {
        for (const SamplePaths& sample : data.samples(name)) {
            if (!seen.insert(sample.image).second) continue;  // trainval is train and val
            if (inside && is_within(resolved(sample.image), to))
                fail_usage("--out {} holds frames of the dataset: choose a folder of its own", out.string());
            fs::path relative = sample.image.lexically_relative(folder);
            if (relative.empty() || relative.begin()->string() == "..") relative = sample.image.filename();
            listing.pictures.push_back({sample.image, relative.replace_extension(), sample.label});
        }
    }
}

/// Leaves out pictures whose results would have one name, and those that are given twice.
void keep_names_apart(Listing& listing, const std::vector<Output>& outputs) {
    std::map<fs::path, std::vector<fs::path>> files;
    std::vector<Picture> once;
    for (const Picture& picture : listing.pictures) {
        std::vector<fs::path>& same = files[picture.name];
        const auto is_it = [&](const fs::path& file) {
            std::error_code none;
            return fs::equivalent(file, picture.file, none);
        };
        if (std::any_of(same.begin(), same.end(), is_it)) continue;
        same.push_back(picture.file);
        once.push_back(picture);
    }
    std::erase_if(once, [&](const Picture& picture) { return files[picture.name].size() > 1; });
    listing.pictures = std::move(once);
    for (const auto& [name, same] : files) {
        if (same.size() < 2) continue;
        std::vector<std::string> paths;
        for (const fs::path& file : same) paths.push_back(file.string());
        listing.faults.push_back(
            fmt::format("{} would have results of one name, {}{}: none of them is done; rename them, or predict them "
                        "into folders of their own",
                        fmt::join(paths, " and "), name.string(), outputs.front().ending));
    }
}

/// Refuses results that would take a picture's place before it is read.
void keep_pictures(const Listing& listing, const std::vector<Output>& outputs, const fs::path& out) {
    const fs::path to = resolved(out);
    std::map<fs::path, fs::path> files;
    for (const Picture& picture : listing.pictures) files.emplace(resolved(picture.file), picture.file);
    for (const Picture& picture : listing.pictures) {
        for (const Output& output : outputs) {
            if (const auto found = files.find(file_of(output, to / picture.name)); found != files.end()) {
                fail_usage("{} would be written over by the prediction of {}: choose another --out",
                           found->second.string(), picture.file.string());
            }
        }
    }
}

}  // namespace

std::string Listing::passed_over() const {
    std::vector<std::string> parts;
    const auto count = [&](std::size_t n, const char* one, const char* more) {
        if (n > 0) parts.push_back(fmt::format("{} {}", n, n == 1 ? one : more));
    };
    count(files, "file that is no .png or .jpg picture", "files that are no .png or .jpg pictures");
    if (!others.empty()) parts.push_back("of them " + not_read(others));
    count(results, "result of an earlier predict", "results of an earlier predict");
    count(links, "link to a folder", "links to folders");
    return parts.empty() ? std::string() : fmt::format("passed over: {}", fmt::join(parts, ", "));
}

Listing list_pictures(const std::vector<std::string>& inputs, const fs::path& out, const std::vector<Output>& outputs,
                      const std::string& split, const OptionsOf& options_of) {
    Listing listing;
    for (const fs::path input : inputs) {
        if (is_pattern(input)) {
            for (const fs::path& file : files_of_pattern(input)) listing.pictures.push_back({file, file.stem()});
            continue;
        }
        if (!fs::exists(input)) {
            listing.faults.push_back(fmt::format("{}: there is no such file or folder", input.string()));
            continue;
        }
        if (!fs::is_directory(input)) {
            if (!split.empty())
                fail_usage("--split {} is of folders that are datasets; {} is a file", split, input.string());
            listing.pictures.push_back({input, input.stem()});
            continue;
        }
        if (resolved(input) == resolved(out)) {
            fail_usage(
                "--out {} is the folder of the pictures, where the next predict would take results for "
                "pictures: choose another",
                out.string());
        }
        fs::path place = dataset_in(input, out);
        if (!split.empty() && place.empty()) place = input;
        if (!place.empty()) {
            list_dataset(place, input, options_of(input.string()), out, split, listing);
        } else {
            list_folder(input, out, listing);
        }
    }
    keep_names_apart(listing, outputs);
    keep_pictures(listing, outputs, out);
    refuse_among_frames(out, out.string());
    return listing;
}

}  // namespace camber::cli
