#pragma once
#include <camber/module.h>
#include <camber/types.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

/// The layer table of a network, named and printed as Keras does, and its comparison with a published one.
namespace camber {

/// A row of the table: one Keras layer.
struct LayerRow {
    std::string name;        ///< as Keras numbers it: conv2d, conv2d_1, batch_normalization_3
    std::string type;        ///< Keras's class: Conv2D, BatchNormalization
    std::string path;        ///< of our module ("encoder.0.conv1"); empty for operations without one
    std::string arithmetic;  ///< of params: "64 to 128 channels, 3x3: 64*128*9 + 128 = 73,856"; empty without any
    Shape output;            ///< with the batch's extent first
    std::int64_t params = 0;
    std::int64_t trainable = 0;
    std::vector<std::size_t> inputs;  ///< rows, in order
};

struct LayerTable {
    std::string model;
    std::vector<LayerRow> rows;
    std::int64_t params = 0, trainable = 0;

    std::int64_t non_trainable() const { return params - trainable; }
    /// The inputs of a row as Keras prints them: "conv2d_1[0][0]".
    std::vector<std::string> connections(std::size_t row) const;
};

/// What a layer computes beside its weights and shapes: of convolutions with the padding that was applied; of a batch
/// normalisation, whose sum and ReLU are rows of their own; zeros that are added or, negative, pixels that are cropped.
using LayerSettings = std::variant<std::monostate, Conv2dParams, ConvTranspose2dParams, Pool2dParams, BatchNormParams,
                                   Padding, ResizeMode>;

/// Records the layers that run on this thread while it lives. Every layer of layers.h reports to it.
class LayerTrace {
  public:
    struct Layer {
        std::string type;
        const nn::Module* module = nullptr;
        std::string arithmetic;
        Shape output;
        std::int64_t params = 0, trainable = 0;
        std::vector<std::size_t> inputs;  ///< positions in layers()
        LayerSettings settings;
    };

    LayerTrace();
    ~LayerTrace();
    LayerTrace(const LayerTrace&) = delete;
    LayerTrace& operator=(const LayerTrace&) = delete;

    /// The one on this thread, or null.
    static LayerTrace* active();
    /// Adds a layer that made `output` from `inputs`; each input must have been made by a recorded layer. Parameters
    /// are counted from `module`'s own tree.
    void record(std::string type, const nn::Module* module, const std::vector<Tensor>& inputs, const Tensor& output,
                std::string arithmetic = {}, const LayerSettings& settings = {});
    const std::vector<Layer>& layers() const { return layers_; }

  private:
    LayerTrace* previous_;
    std::vector<Layer> layers_;
    std::vector<Tensor> alive_;  // so that no storage's address is used twice
    std::unordered_map<const Storage*, std::size_t> maker_;
};

/// Runs `net` on a meta tensor of [1, height, width, channels]. Rows stand in order of execution, which is Keras's
/// order for networks without parallel branches. The network must not have been placed in memory (nn::ParameterBuffer).
LayerTable layer_table(nn::Module& net, std::int64_t height, std::int64_t width, std::int64_t channels,
                       const std::string& model = "model");

/// The text of Keras's model.summary(), with its "Connected to" column and totals.
std::string keras_text(const LayerTable& table);
std::string markdown_text(const LayerTable& table);
nlohmann::json table_json(const LayerTable& table);

/// A published table: tab-separated layer, type, output (without the batch), params, connections ("; " between several,
/// "-" for none) under a header line. Lines "# total 31,307,057", "# trainable N" and "# non_trainable N" give its
/// printed totals; other lines that begin with # are comments.
struct PublishedTable {
    struct Row {
        std::string name, type, output, connections;
        std::int64_t params = 0;
    };
    std::vector<Row> rows;
    std::optional<std::int64_t> total, trainable, non_trainable;
};
/// Throws Error naming the file and the line.
PublishedTable read_published_table(const std::filesystem::path& file);

struct AuditRow {
    std::string name;                      ///< as published
    std::vector<std::string> differences;  ///< empty: agrees. Each names the column, both values and the arithmetic
    bool agrees() const { return differences.empty(); }
};

/// Row by row: type, output, params and connections. Names are compared through the rows they stand for, so that a
/// table which prints many layers under one name (k-th occurrence written name[k][0]) can be followed.
struct Audit {
    std::vector<AuditRow> rows;       ///< one per published row
    std::vector<std::string> totals;  ///< a line each
    std::size_t agreeing = 0;
};
Audit audit(const LayerTable& table, const PublishedTable& published);
std::string audit_text(const Audit& audit);

}  // namespace camber
