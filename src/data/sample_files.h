#pragma once
#include <camber/data_folder.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/label_runs.h"
#include "data/sample_cache.h"

namespace camber {

/// Throw an Error that begins with `where`, the label's file or its position for pictures in memory.
void check_same_size(const std::string& where, const Extent& image, const Extent& label, int orientation = 1);
/// What check_same_size() throws; empty for the same size.
std::string size_difference(const std::string& where, const Extent& image, const Extent& label, int orientation);
/// A frame's size, and how its Exif turns it: tools draw label maps on the picture as it is seen, pipelines that know
/// nothing of Exif on the one that is stored, and the label map's size tells which where it can.
struct FrameSize {
    Extent extent;
    int orientation = 1;     ///< Exif's
    bool shrinks = false;    ///< whether it can be decoded smaller
    bool as_stored = false;  ///< not turned, as the label map has the stored size and not the upright one

    /// Whether the label map's size tells how the frame is meant.
    bool is_told() const { return orientation <= 1 || (orientation >= 5 && extent.height != extent.width); }
    /// How `image` is taken and why; empty where nothing turns it.
    std::string turning(const std::string& image) const;
};
/// Reads headers alone. Without a label map the frame is upright.
FrameSize frame_size(const std::filesystem::path& image, const std::filesystem::path& label);
/// The frame as its label map is of it, in 1, 3 or 4 channels.
Image read_frame(const std::filesystem::path& image, const std::filesystem::path& label, int channels = 3);
void check_ids(const std::string& where, const Image& label, const ClassTable& classes);
/// Finds the frames whose label map is that of another picture before them.
class SharedLabels {
  public:
    /// What is wrong with a frame, the next; empty where nothing is.
    std::string add(const SamplePaths& frame);

  private:
    std::unordered_map<std::string, std::filesystem::path> images_;  ///< of each label map
};

/// The samples of a split on disk, decoded whenever they are asked for, by any thread.
class SampleFiles {
  public:
    /// Looks at the size of every file. Throws Error where one is no picture, a label map has not its frame's size, or
    /// is that of two frames.
    SampleFiles(std::vector<SamplePaths> paths, std::shared_ptr<const LabelCoding> coding,
                const DatasetOptions& options);

    /// From now on, keeps the label maps that are decoded, as runs, while there is room: a label map takes about as
    /// long to decode as its frame, and next to nothing to keep.
    void keep_labels(std::shared_ptr<CacheRoom> room);

    std::size_t size() const { return paths_.size(); }
    const SamplePaths& paths(std::size_t index) const { return paths_[index]; }
    Extent loaded(std::size_t index) const { return sizes_[index].loaded; }
    Extent original(std::size_t index) const { return sizes_[index].original; }

    /// Throws Error for a file that is damaged, changed its size, or has an id that is none of the classes'.
    Sample sample(std::size_t index) const;
    /// Sample::label alone.
    Image label(std::size_t index) const;

  private:
    struct Sizes {
        Extent loaded, original;
        int shrink = 1;  ///< of the frame, while it is decoded
        bool as_stored = false;
    };
    Image original_label(std::size_t index) const;

    std::vector<SamplePaths> paths_;
    std::shared_ptr<const LabelCoding> coding_;
    int channels_;
    std::vector<Sizes> sizes_;
    std::shared_ptr<CacheRoom> room_;          ///< of labels_
    std::unique_ptr<Kept<LabelRuns>> labels_;  ///< null: none is kept
};

}  // namespace camber
