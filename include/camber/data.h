#pragma once
#include <camber/augment.h>
#include <camber/image.h>
#include <camber/tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace camber {

// ---- classes

/// What the ids of a label map mean. Class ids are 0 .. count() - 1; `void_id` marks pixels that losses and metrics
/// ignore.
struct ClassTable {
    std::string name;                ///< of the table, for example "camvid11"
    std::vector<std::string> names;  ///< one per class, void not included
    std::vector<Rgb> colours;        ///< one per class
    int void_id = 255;
    std::string void_name = "Unlabelled";
    Rgb void_colour = {0, 0, 0};

    int count() const { return static_cast<int>(names.size()); }
    bool valid(int id) const { return (id >= 0 && id < count()) || id == void_id; }
    /// The name or colour of a class or of void; "?" and white for any other id.
    const std::string& name_of(int id) const;
    Rgb colour_of(int id) const;
};

/// CamVid's 11 classes in SegNet's order and colours; void is 11.
const ClassTable& camvid11();
/// What the classes of a network are called where nothing says it: class0, class1, ... in PASCAL VOC's colours; void
/// is 255.
ClassTable numbered_classes(int count);
/// A table by name; throws UsageError listing the known ones.
const ClassTable& class_table(const std::string& name);
/// Reads a table from JSON: {"name", "classes": [{"name", "colour": [r, g, b]}, ...], "void": {"id", "name",
/// "colour"}}.
ClassTable read_class_table(const std::filesystem::path& file);
/// The same from text; `source` names it in errors.
ClassTable parse_class_table(const std::string& text, const std::string& source);
/// The JSON that read_class_table reads, with a newline at the end.
std::string class_table_json(const ClassTable& table);

// ---- dataset

/// Called as work proceeds, always from the calling thread.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

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

// ---- loader

struct LoaderConfig {
    int batch_size = 8;
    int height = 256;  ///< of the batch's images and labels; whole frames are stretched to it
    int width = 256;
    AugmentConfig augment;  ///< augment.enabled = false: plain resize
    Normalisation normalisation;
    bool shuffle = false;
    bool drop_last = false;  ///< leaves out the last batch of an epoch when it is not full
    int max_batches = 0;     ///< > 0: an epoch ends after this many
    std::uint64_t seed = 0;
    int threads = 2;              ///< workers; 0 makes each batch inside next()
    int prefetch = 2;             ///< batches made ahead of the one in use, at least 1
    Device device = Device::cpu;  ///< a host device
};

struct Batch {
    Tensor images;                     ///< f32 [N, H, W, 3], normalised
    Tensor labels;                     ///< u8 [N, H, W]
    std::vector<std::size_t> indices;  ///< N positions in the dataset
    std::int64_t epoch = 0;
    std::int64_t index = 0;  ///< of the batch in its epoch, from 0
};

/// An endless sequence of batches: epoch after epoch, batches_per_epoch() each. What a batch holds depends on dataset,
/// configuration, epoch and batch index alone, never on the number of threads or on where the sequence was started.
///
///     Loader loader(dataset, config, epoch, batch);
///     for (...; batches_per_epoch ...) { const Batch& batch = loader.next(); ... }
class Loader {
  public:
    /// Starts at batch `batch` of epoch `epoch` (resume). The dataset must outlive the loader. Throws UsageError for
    /// values out of range, and when an epoch would have no batch at all.
    Loader(const Dataset& dataset, const LoaderConfig& config, std::int64_t epoch = 0, std::int64_t batch = 0);
    ~Loader();
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    std::int64_t batches_per_epoch() const;
    /// The next batch. Its tensors are the loader's own buffers: they hold until the following call of next() or
    /// seek(). Rethrows what failed in a worker. One thread may call.
    const Batch& next();
    /// Continues from another position; what was prefetched is dropped.
    void seek(std::int64_t epoch, std::int64_t batch);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// ---- generated scenes

struct Scene {
    Image image;  ///< RGB
    Image label;  ///< camvid11() ids
};

/// A street scene with its exact label map: the same for the same arguments and build. Height and width are 32 to 4096.
Scene generate_scene(std::uint64_t seed, std::uint64_t index, int height, int width);

struct SynthConfig {
    int train_count = 400;
    int val_count = 100;
    int height = 360;
    int width = 480;
    std::uint64_t seed = 1;
    int threads = 0;  ///< 0 is one per core
};

/// Writes train and val splits in SegNet's layout (PNG, lists, classes.json). Everything is written to a folder beside
/// `folder` and renamed at the end. Throws Error when `folder` exists and is not empty, or on a write failure; nothing
/// is left behind then.
void write_synthetic_dataset(const std::filesystem::path& folder, const SynthConfig& config,
                             const Progress& progress = {});

}  // namespace camber
