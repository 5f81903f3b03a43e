#pragma once
#include <camber/class_table.h>
#include <camber/image.h>
#include <camber/progress.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace camber {

struct DatasetOptions {
    /// Resizes every frame (area) and label map (nearest) to this at load; 0 keeps the original. Saves memory and time
    /// where training runs well below the original size, at the price of detail when augmentation enlarges.
    int load_height = 0;
    int load_width = 0;
    /// Keeps label maps at their original size beside the resized ones, so that evaluation can use them.
    bool keep_original_labels = true;
    int threads = 0;  ///< for decoding; 0 is one per core
    Progress progress;
};

/// The frames and label maps of one split, decoded and held in memory as u8.
///
/// A folder is read in SegNet's layout: `SPLIT.txt` lists `image label` pairs, one a line, separated by white space,
/// relative to the folder or absolute (`/SegNet/CamVid/train/x.png` is looked for as `train/x.png`, then as `x.png` in
/// `SPLIT` or `SPLITannot`). A listed extension may differ from the file's (.png, .jpg, .jpeg). Without a list, the
/// pairs are the files of `SPLIT/` and `SPLITannot/` that share a name, sorted. Classes are those of `classes.json` in
/// the folder, or CamVid's 11.
class Dataset {
  public:
    /// Throws Error, one line, naming the file, what is wrong and what to do: no such folder or split (lists those
    /// present), an empty split, a malformed line, an image missing, unreadable or cut short, a label map missing, of
    /// another size than its image, not 8-bit grey, or with an id that is neither a class nor void.
    static Dataset open(const std::filesystem::path& folder, const std::string& split,
                        const DatasetOptions& options = {});
    /// A dataset from pictures in memory (tests, generated scenes). Same checks as open().
    static Dataset from_samples(std::vector<Image> images, std::vector<Image> labels, ClassTable classes,
                                std::string split = "memory");
    /// The splits that `folder` holds, by list or by folder, sorted as train, val, test, then the rest. Throws Error
    /// when there is no such folder.
    static std::vector<std::string> splits(const std::filesystem::path& folder);

    std::size_t size() const { return samples_.size(); }
    const std::string& split() const { return split_; }
    const std::filesystem::path& folder() const { return folder_; }
    const ClassTable& classes() const { return classes_; }

    /// u8 RGB [H, W, 3] as loaded (resized if options said so).
    const Image& image(std::size_t index) const { return samples_[index].image; }
    /// u8 ids [H, W], the size of image(index).
    const Image& label(std::size_t index) const { return samples_[index].label; }
    /// u8 ids at the size on disk; the same map as label(index) when nothing was resized. Throws Error when the
    /// dataset was opened without keep_original_labels and resized.
    const Image& original_label(std::size_t index) const;
    bool has_original_labels() const { return originals_kept_; }
    /// The frame's file name without folder and extension, for example "0001TP_006690".
    const std::string& name(std::size_t index) const { return samples_[index].name; }

  private:
    struct Sample {
        std::string name;
        Image image, label, original_label;  // original_label is empty when it would equal label
    };
    std::filesystem::path folder_;
    std::string split_;
    ClassTable classes_;
    std::vector<Sample> samples_;
    bool originals_kept_ = true;
};

/// Throws Error when every pixel of the split is void.
void refuse_unlabelled(const Dataset& dataset);
/// Names of the classes that no pixel of the split is labelled with.
std::vector<std::string> absent_classes(const Dataset& dataset);

/// What `camber data info` prints of a split.
struct DatasetInfo {
    struct Class {
        std::uint64_t pixels = 0;
        std::uint64_t images = 0;  ///< in how many label maps it occurs
        double share = 0;          ///< of all pixels, void included
        double weight = 0;         ///< median_frequency_weights()
    };
    struct Size {
        int height = 0, width = 0;
        std::size_t count = 0;
    };
    std::size_t images = 0;
    std::vector<Size> sizes;  ///< as loaded, most frequent first
    std::vector<Class> classes;
    Class unlabelled;
    std::array<double, 3> mean{};       ///< of RGB in [0, 1] over all pixels
    std::array<double, 3> deviation{};  ///< standard deviation, likewise
    std::uint64_t fingerprint = 0;      ///< FNV-1a over names, sizes and all pixels: equal data, equal number
};
DatasetInfo describe(const Dataset& dataset);

/// Eigen & Fergus 2015, section 6.3.2: weight(c) = median(freq) / freq(c), where freq(c) is the pixels of c over all
/// pixels of the images in which c occurs, and the median is over the classes that occur. A class that never occurs
/// weighs 0. count() entries.
std::vector<float> median_frequency_weights(const Dataset& dataset);

}  // namespace camber
