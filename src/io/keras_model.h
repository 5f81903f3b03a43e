#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

/// What Keras writes of a model beside its weights: `config.json` of a .keras archive, the attribute `model_config` of
/// an .h5 file.
namespace camber {

/// A layer at work: one that is used twice is two.
struct KerasNode {
    std::string layer;      ///< its name in the model
    std::string type;       ///< Keras's class: "Conv2D"
    nlohmann::json config;  ///< its settings
    std::vector<std::size_t> inputs;
};

/// Models within the model are taken apart. Every input comes before what takes it.
struct KerasModel {
    std::vector<KerasNode> nodes;
    std::vector<std::size_t> outputs;
};

/// Nothing of a model that is a class of its maker's, of which Keras writes no layers. Keras 2's and 3's spelling.
/// Throws Error that begins with `source` where it says what cannot be.
std::optional<KerasModel> keras_model(const nlohmann::json& model, const std::string& source);

/// The group names that Keras 3 gives a model's layers in a file of weights, by their class: "conv2d", "conv2d_1".
class KerasGroupNames {
  public:
    std::string next(const std::string& type);

  private:
    std::vector<std::pair<std::string, int>> used_;
};

/// "Conv2D" as "conv2d", "BatchNormalization" as "batch_normalization".
std::string keras_snake_case(const std::string& type);

}  // namespace camber
