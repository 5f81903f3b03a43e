#include "data/problems.h"

#include <camber/error.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <set>
#include <unordered_map>

#include "core/parallel_for.h"
#include "data/layouts/layout.h"
#include "data/picture_index.h"
#include "data/sample_files.h"
#include "io/input_file.h"
#include "io/label_file.h"

namespace camber {
namespace {

namespace fs = std::filesystem;

constexpr int hash_side = 16;
using PictureHash = std::array<std::uint64_t, hash_side * hash_side / 64>;
/// Bits of a hash that may differ between pictures that are nearly the same.
/// On CamVid the least of frames far apart is 74 of 256 bits, of frames a second apart the tenth part are below this.
constexpr int most_apart = hash_side * hash_side / 6;

struct Frame {
    std::string split;
    int group;  ///< of the split; -1 for a list of two others, as VOC's trainval, which holds their frames
    SamplePaths paths;
    std::uint64_t bytes = 0;  ///< hash of the picture's file; 0: unread
    PictureHash hash{};
    bool flat = true;  ///< says nothing, as a black picture
    bool all_void = false;
    std::string unread = {}, bad_label = {}, bad_size = {}, turned = {};
};

std::uint64_t hash_bytes(const std::string& bytes) {
    std::uint64_t hash = 0xCBF29CE484222325ull;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
    return hash == 0 ? 1 : hash;
}

/// Whether each of 16 x 16 spots is brighter than the one to its right.
PictureHash hash_picture(const Image& image, bool& flat) {
    const Image small = resize_area(image, hash_side, hash_side + 1);
    PictureHash hash{};
    flat = true;
    const auto grey = [&](int y, int x) {
        const std::uint8_t* rgb = small.at(y, x);
        return 299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2];
    };
    for (int y = 0; y < hash_side; ++y) {
        for (int x = 0; x < hash_side; ++x) {
            const auto bit = static_cast<std::size_t>(y * hash_side + x);
            const int left = grey(y, x), right = grey(y, x + 1);
            if (left != right) flat = false;
            if (left > right) hash[bit / 64] |= std::uint64_t{1} << bit % 64;
        }
    }
    return hash;
}

int apart(const PictureHash& a, const PictureHash& b) {
    int bits = 0;
    for (std::size_t i = 0; i < a.size(); ++i) bits += std::popcount(a[i] ^ b[i]);
    return bits;
}

void examine(const DataFolder& folder, Frame& frame) {
    const std::string image_file = frame.paths.image.string(), label_file = frame.paths.label.string();
    FrameSize size;
    try {
        frame.bytes = hash_bytes(read_file(image_file, std::numeric_limits<std::uint32_t>::max()));
        const Image image = read_image(image_file);
        size.extent = {image.height, image.width};
        frame.hash = hash_picture(image, frame.flat);
    } catch (const Error& error) {
        frame.unread = error.what();
    }
    if (label_file.empty()) return;
    try {
        if (frame.unread.empty()) size = frame_size(frame.paths.image, frame.paths.label);
        if (size.as_stored || !size.is_told()) frame.turned = size.turning(image_file);
        const Image label = folder.read_label(label_file);
        const int void_id = folder.classes().void_id;
        frame.all_void = std::all_of(label.data.begin(), label.data.end(), [&](int id) { return id == void_id; });
        if (frame.unread.empty())
            frame.bad_size = size_difference(label_file, size.extent, {label.height, label.width}, size.orientation);
    } catch (const Error& error) {
        frame.bad_label = error.what();
    }
}

/// Whether a file has the few flat values of a label map.
bool looks_like_labels(const fs::path& file) {
    constexpr std::size_t few = 64;
    try {
        const LabelFile stored = read_label_file(file);
        std::set<std::uint32_t> values(stored.ids.begin(), stored.ids.end());
        for (std::size_t i = 0; i < stored.colours.pixels() && values.size() <= few; ++i) {
            const std::uint8_t* rgb = &stored.colours.data[i * static_cast<std::size_t>(stored.colours.channels)];
            values.insert(static_cast<std::uint32_t>(rgb[0] << 16 | rgb[1] << 8 | rgb[2]));
        }
        return values.size() <= few;
    } catch (const Error&) {
        return false;
    }
}

class Finder {
  public:
    explicit Finder(const DataFolder& folder) : folder_(folder) {
        int group = 0;
        for (const std::string& split : folder.splits()) {
            std::set<std::pair<fs::path, fs::path>> seen;  // a list may name a frame again
            for (SamplePaths& sample : folder.samples(split))
                if (seen.emplace(sample.image, sample.label).second)
                    frames_.push_back(
                        {split, split == "trainval" || split == "trainaug" ? -1 : group, std::move(sample)});
            ++group;
        }
    }

    DataProblems find(const Progress& progress) {
        parallel_for(
            frames_.size(), 0, [&](std::size_t i) { examine(folder_, frames_[i]); }, progress);
        missing_partners();
        shared_labels();
        other_kinds();
        swapped();
        each("pictures that cannot be read", &Frame::unread);
        each("label maps that cannot be read", &Frame::bad_label);
        each("label maps of another size than their picture", &Frame::bad_size);
        std::vector<std::string> empty, turned;
        for (const Frame& frame : frames_)
            if (!frame.turned.empty()) turned.push_back(frame.turned);
        add("pictures that Exif turns", false, std::move(turned));
        for (const Frame& frame : frames_)
            if (frame.all_void) empty.push_back(frame.paths.label.string() + ": every pixel is void");
        add("empty label maps", false, empty);
        shared_frames();
        return std::move(problems_);
    }

  private:
    void add(const char* what, bool fault, std::vector<std::string> items) {
        if (!items.empty()) problems_.list.push_back({what, fault, std::move(items)});
    }

    void each(const char* what, std::string Frame::*error) {
        std::vector<std::string> items;
        for (const Frame& frame : frames_) {
            if ((frame.*error).empty()) continue;
            items.push_back(frame.*error);
            ++problems_.faults[frame.split];
        }
        add(what, true, std::move(items));
    }

    void missing_partners() {
        std::map<std::string, bool> labelled;  // a split without labels is no fault
        for (const std::string& split : folder_.splits()) labelled[split] = folder_.is_labelled(split);
        std::vector<std::string> items, unpaired, strays;
        for (const Frame& frame : frames_) {
            if (!frame.paths.label.empty() || !labelled[frame.split]) continue;
            items.push_back(frame.paths.image.string() + ": has no label map");
            ++problems_.faults[frame.split];
        }
        for (const std::string& split : folder_.splits()) {
            std::string why = labelled[split] ? std::string() : folder_.unpaired(split);
            if (why.empty()) continue;
            unpaired.push_back(fmt::format("{}: no picture has a label map: {}", split, why));
            ++problems_.faults[split];
        }
        for (const fs::path& file : folder_.labels_without_image())
            strays.push_back(file.string() + ": has no picture");
        add("pictures without a label map", true, std::move(items));
        add("splits in which nothing pairs", true, std::move(unpaired));
        add("label maps without a picture", false, std::move(strays));
    }

    /// A label map is of one picture: of two that share it, the other's is missing or has another name.
    void shared_labels() {
        SharedLabels shared;
        std::vector<std::string> items;
        for (const Frame& frame : frames_) {
            std::string wrong = frame.paths.label.empty() ? std::string() : shared.add(frame.paths);
            if (wrong.empty()) continue;
            items.push_back(std::move(wrong));
            ++problems_.faults[frame.split];
        }
        add("label maps of two pictures", true, std::move(items));
    }

    /// Pictures of kinds that are not read, beside those that are.
    void other_kinds() {
        std::set<fs::path> folders;
        for (const Frame& frame : frames_)
            for (const fs::path& file : {frame.paths.image, frame.paths.label})
                if (!file.empty()) folders.insert(file.parent_path());
        std::vector<std::string> items;
        for (const fs::path& folder : folders)
            if (const std::string others = not_read(other_pictures_in(folder)); !others.empty())
                items.push_back(folder.string() + ": " + others);
        add("folders with pictures that are passed over", false, std::move(items));
    }

    void swapped() {
        std::set<std::string> seen;
        std::vector<std::string> items;
        for (const Frame& frame : frames_) {
            if (frame.bad_label.empty() || !seen.insert(frame.split).second) continue;
            if (looks_like_labels(frame.paths.image) && !looks_like_labels(frame.paths.label))
                items.push_back(fmt::format("{} and {}: pictures and label maps stand in each other's place",
                                            frame.paths.image.parent_path().string(),
                                            frame.paths.label.parent_path().string()));
        }
        add("swapped folders", true, std::move(items));
    }

    static bool comparable(const Frame& a, const Frame& b) {
        return a.group != b.group && a.group >= 0 && b.group >= 0;
    }

    void shared_frames() {
        std::vector<std::string> bytes, names, near;
        std::unordered_map<std::uint64_t, std::vector<const Frame*>> by_bytes;
        std::unordered_map<std::string, std::vector<const Frame*>> by_name;
        std::set<const Frame*> same_bytes;
        const auto pair = [&](std::vector<std::string>& items, const Frame& later, const Frame& first,
                              const char* how) {
            items.push_back(fmt::format("{} ({}) {} {} ({})", later.paths.image.string(), later.split, how,
                                        first.paths.image.string(), first.split));
        };
        for (const Frame& frame : frames_) {
            if (frame.bytes != 0) {
                auto& same = by_bytes[frame.bytes];
                for (const Frame* other : same) {
                    if (!comparable(frame, *other)) continue;
                    pair(bytes, frame, *other, "is the same file as");
                    same_bytes.insert(&frame);
                    break;
                }
                same.push_back(&frame);
            }
            auto& same = by_name[frame.paths.image.stem().string()];
            for (const Frame* other : same) {
                if (!comparable(frame, *other) || same_bytes.contains(&frame)) continue;
                pair(names, frame, *other, "has the name of");
                break;
            }
            same.push_back(&frame);
        }
        // Frames numbered from 0 in every split share names and nothing else.
        if (2 * names.size() > smallest_split()) names.clear();
        for (std::size_t i = 0; i < frames_.size(); ++i) {
            const Frame& frame = frames_[i];
            if (frame.flat || same_bytes.contains(&frame)) continue;
            const Frame* nearest = nullptr;
            int least = most_apart + 1;
            for (std::size_t k = 0; k < i; ++k) {
                const Frame& other = frames_[k];
                if (other.flat || !comparable(frame, other)) continue;
                const int bits = apart(frame.hash, other.hash);
                if (bits < least) least = bits, nearest = &other;
            }
            if (nearest) pair(near, frame, *nearest, "is nearly");
        }
        add("frames that stand in two splits", false, std::move(bytes));
        add("names that stand in two splits", false, std::move(names));
        const bool leaks = !near.empty();
        add("frames that are nearly those of another split (leakage)", false, std::move(near));
        if (leaks) interleaved();
    }

    /// A video that was divided frame by frame: NAME_0060 is judged on, NAME_0030 and NAME_0090 are learnt from. Where
    /// some frames are nearly the same, so are others that a hash cannot tell.
    void interleaved() {
        std::map<std::string, std::vector<std::pair<std::uint64_t, const Frame*>>> sequences;
        for (const Frame& frame : frames_) {
            const std::string stem = frame.paths.image.stem().string();
            const std::size_t digits = stem.find_last_not_of("0123456789") + 1;
            constexpr std::size_t most_digits = 18;
            if (digits < stem.size() && stem.size() - digits <= most_digits)
                sequences[stem.substr(0, digits)].emplace_back(std::stoull(stem.substr(digits)), &frame);
        }
        std::vector<std::string> items;
        for (auto& [_, frames] : sequences) {
            std::sort(frames.begin(), frames.end());
            for (std::size_t i = 1; i + 1 < frames.size(); ++i) {
                const Frame &before = *frames[i - 1].second, &frame = *frames[i].second, &after = *frames[i + 1].second;
                if (before.split != "train" || after.split != "train" || !comparable(frame, before)) continue;
                items.push_back(fmt::format("{} ({}) lies between {} and {} (train)", frame.paths.image.string(),
                                            frame.split, before.paths.image.filename().string(),
                                            after.paths.image.filename().string()));
            }
        }
        add("frames that lie between training frames by their numbers: a video divided frame by frame (leakage)", false,
            std::move(items));
    }

    std::size_t smallest_split() const {
        std::map<std::string, std::size_t> sizes;
        for (const Frame& frame : frames_) ++sizes[frame.split];
        std::size_t least = frames_.size();
        for (const auto& [_, size] : sizes) least = std::min(least, size);
        return least;
    }

    const DataFolder& folder_;
    std::vector<Frame> frames_;
    DataProblems problems_;
};

}  // namespace

std::string DataProblems::first_fault() const {
    for (const DataProblem& problem : list)
        if (problem.fault) return problem.items.front();
    return {};
}

std::size_t DataProblems::fault_count() const {
    std::size_t count = 0;
    for (const DataProblem& problem : list) count += problem.fault ? problem.items.size() : 0;
    return count;
}

DataProblems find_problems(const DataFolder& folder, const Progress& progress) { return Finder(folder).find(progress); }

}  // namespace camber
