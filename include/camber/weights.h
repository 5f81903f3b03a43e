#pragma once
#include <camber/element_type.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// Files of weights as other libraries write them, seen alike: names, shapes and elements as f32, all in the file's own
/// layout. What they mean for a network is import.h's business.
namespace camber {

/// A tensor of a file.
struct WeightEntry {
    std::string name;
    std::vector<std::int64_t> shape;  ///< in the file's layout, outermost first; empty for a scalar
    ElementType type = ElementType::f32;
    /// Whether reading it a few rows at a time costs no more than reading it at once.
    bool by_rows = true;
    /// Why it cannot be read, and what to do: "is sparse: save its to_dense()". Its shape is then not known.
    std::string problem = {};

    std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
    std::int64_t numel() const;
    /// For example "[64, 3, 7, 7]".
    std::string shape_text() const;
};

enum class WeightFormat {
    safetensors,  ///< names and layout are whatever its writer's were; PyTorch's, except in Camber's own checkpoints
    torch,        ///< .pth, .pt: zip archive or the stream that came before it
    keras,        ///< .h5 and .weights.h5
    onnx,         ///< .onnx; names and layout are PyTorch's in what Camber and PyTorch write
};

/// An open file. The list of tensors is read and checked at once, elements when asked for.
class WeightFile {
  public:
    /// Tells the format by content, not by extension. Throws Error, one line that starts with the file's name, when it
    /// is missing, of none of the formats, truncated, or inconsistent in any way; see the readers in src/io for what
    /// each refuses. Nothing in a file is ever executed; time and memory are bounded by its size.
    static std::unique_ptr<WeightFile> open(const std::filesystem::path& file);
    virtual ~WeightFile() = default;
    WeightFile(const WeightFile&) = delete;
    WeightFile& operator=(const WeightFile&) = delete;

    const std::filesystem::path& file() const { return file_; }
    WeightFormat format() const { return format_; }
    /// Whether Camber wrote the file: the names and the layout are its own.
    bool from_camber() const { return from_camber_; }
    /// What Camber's export says beside the weights, JSON (src/cli/description.h); empty in files of others.
    const std::string& note() const { return note_; }
    /// What Keras says of the network's layers beside the weights, JSON (see keras_model() in src/io/keras_model.h);
    /// empty where the file does not, and in files of others.
    const std::string& architecture() const { return architecture_; }
    /// A layer with weights of a file of Keras's.
    struct Layer {
        std::string name;  ///< what entries() begin with
        std::string kind;  ///< its class as Keras names nameless layers: "conv2d"; empty where the file does not say it
    };
    /// In the order of the model; empty in files of others.
    const std::vector<Layer>& layers() const { return layers_; }
    /// In the file's order. PyTorch: a state_dict's keys, dotted ones in a training checkpoint ("model.KEY"). Keras:
    /// "LAYER/VARIABLE" with the variables kernel, bias, gamma, beta, moving_mean, moving_variance.
    const std::vector<WeightEntry>& entries() const { return entries_; }
    /// Null when the file has no such tensor.
    const WeightEntry* find(const std::string& name) const;

    /// Elements [first, first + rows) along the first axis as f32; a scalar is one row. `entry` is one of entries().
    /// Throws Error when the file cannot be read or has become shorter. May be called from several threads.
    virtual void read_rows(const WeightEntry& entry, std::int64_t first, std::int64_t rows, float* to) const = 0;
    /// Of an archive with checksums, whose members are compared with theirs when the last of their bytes is read: reads
    /// the rest of those of which anything has been. Throws Error naming a member that is not as it was written.
    virtual void check_rest() const {}
    /// The whole tensor.
    std::vector<float> read(const std::string& name) const;

  protected:
    WeightFile(std::filesystem::path file, WeightFormat format) : file_(std::move(file)), format_(format) {}
    /// Takes the list; throws Error when a name is there twice.
    void set_entries(std::vector<WeightEntry> entries);
    std::size_t index_of(const WeightEntry& entry) const { return static_cast<std::size_t>(&entry - entries_.data()); }
    bool from_camber_ = false;
    std::string note_, architecture_;
    std::vector<Layer> layers_;

  private:
    std::filesystem::path file_;
    WeightFormat format_;
    std::vector<WeightEntry> entries_;
    std::map<std::string, std::size_t> index_;
};

}  // namespace camber
