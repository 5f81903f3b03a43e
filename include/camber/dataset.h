#pragma once
#include <camber/class_table.h>
#include <camber/image.h>
#include <camber/progress.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace camber {

/// Pixels down and across.
struct Extent {
    int height = 0, width = 0;
    bool operator==(const Extent&) const = default;
};

/// A frame and its label map, decoded.
struct Sample {
    Image image;  ///< u8 [H, W, Dataset::channels()] as loaded: smaller than on disk if options said so
    Image label;  ///< u8 ids [H, W], the image's size
    Image full;   ///< u8 ids at the size on disk; empty where `label` is that

    const Image& original_label() const { return full.empty() ? label : full; }
    std::int64_t bytes() const {
        return static_cast<std::int64_t>(image.data.size() + label.data.size() + full.data.size());
    }
};

struct DatasetOptions {
    int channels = 3;  ///< of frames: 1 (grey), 3 (RGB) or 4 (RGBA), as read_image() has them
    /// Resizes every frame (area) and label map (nearest) to this at load; 0 keeps the original. Saves memory and time
    /// where training runs well below the original size, at the price of detail when augmentation enlarges.
    int load_height = 0;
    int load_width = 0;
    /// A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, where the build can (libjpeg-turbo) and that leaves this or
    /// more, its label map reduced (nearest) with it: a fraction of the time. 0: never.
    int least_height = 0;
    int least_width = 0;
    int threads = 0;  ///< for decoding; 0 is one per core
    /// Bytes of decoded samples that are kept. Where all fit they are decoded by open(); else each when it is wanted,
    /// and again when it is wanted again unless it was among the first that fit.
    std::int64_t cache_bytes = default_cache_bytes();
    Progress progress;

    /// Half of the memory that the process can still get.
    static std::int64_t default_cache_bytes();
};

class CacheRoom;
class SampleCache;
class SampleFiles;

/// The frames and label maps of one split. Samples are decoded when they are wanted and kept within a bound; what they
/// hold never depends on it. Copies share what is kept; threads may read at once.
///
/// Of a folder in any layout that DataFolder knows.
class Dataset {
  public:
    /// DataFolder::open(folder).dataset(split, options). Throws Error, one line, naming the file, what is wrong and
    /// what to do: no such folder or split (lists those present), an empty split, a malformed line, an image missing,
    /// unreadable or cut short, a label map missing, of another size than its image, or with an id or colour that is
    /// neither a class nor void. Of a dataset that does not fit in options.cache_bytes, files are looked at here as far
    /// as their sizes, and decoded later.
    static Dataset open(const std::filesystem::path& folder, const std::string& split,
                        const DatasetOptions& options = {});
    /// A dataset from pictures in memory (tests, generated scenes), all of 1, 3 or 4 channels. Same checks as open().
    static Dataset from_samples(std::vector<Image> images, std::vector<Image> labels, ClassTable classes,
                                std::string split = "memory");

    std::size_t size() const { return entries_.size(); }
    const std::string& split() const { return split_; }
    const std::filesystem::path& folder() const { return folder_; }
    const ClassTable& classes() const { return classes_; }
    int channels() const { return channels_; }
    /// The frame's file name without folder and extension, for example "0001TP_006690".
    const std::string& name(std::size_t index) const { return entries_[index].name; }
    /// Of Sample::image and Sample::label, and of Sample::original_label(); nothing is decoded.
    Extent extent(std::size_t index) const { return entries_[index].loaded; }
    Extent original_extent(std::size_t index) const { return entries_[index].original; }
    /// Of all samples when they are decoded.
    std::int64_t bytes() const;

    /// Keeps no more than `bytes` of decoded samples, where fewer are kept than DatasetOptions::cache_bytes would have
    /// it: before any is wanted, of a dataset that does not fit in those.
    void limit_cache(std::int64_t bytes);

    /// Throws Error as open() for a file that cannot be read, and where one has changed its size since.
    std::shared_ptr<const Sample> sample(std::size_t index) const;
    /// Sample::label, decoded without its image.
    Image label(std::size_t index) const;

  private:
    friend class DataFolder;
    struct Entry {
        std::string name;
        Extent loaded, original;
    };
    std::filesystem::path folder_;
    std::string split_;
    ClassTable classes_;
    int channels_ = 3;
    std::vector<Entry> entries_;
    std::shared_ptr<CacheRoom> room_;  ///< null: all samples are kept
    std::shared_ptr<SampleCache> samples_;
    std::shared_ptr<const SampleFiles> files_;  ///< null for samples in memory, which are all kept
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
    std::array<double, 3> mean{};       ///< of RGB in [0, 1] over all pixels (grey: three times)
    std::array<double, 3> deviation{};  ///< standard deviation, likewise
    std::uint64_t fingerprint = 0;      ///< FNV-1a over names, sizes and all pixels: equal data, equal number
};
DatasetInfo describe(const Dataset& dataset);

/// Eigen & Fergus 2015, section 6.3.2: weight(c) = median(freq) / freq(c), where freq(c) is the pixels of c over all
/// pixels of the images in which c occurs, and the median is over the classes that occur. A class that never occurs
/// weighs 0. count() entries.
std::vector<float> median_frequency_weights(const Dataset& dataset);

}  // namespace camber
