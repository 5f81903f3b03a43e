#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/layout.h"

/// Tables that give a file's names the names of our parameters: src/weights/name_maps, a file for each source.
namespace camber {

/// A name that looks like `from` becomes `to`. One "*" in `from` stands for any text, which takes the place of the one
/// in `to`. An empty `to` leaves the tensor out.
struct NameRule {
    std::string_view from, to;
};

struct NameMap {
    std::string_view source;          ///< as --from has it
    std::string_view into;            ///< which of our networks the names are those of
    bool encoder = false;             ///< takes a classifier's weights for another network's encoder
    std::span<const NameRule> rules;  ///< the first that fits; a name that none fits stays as it is
    std::string_view options = "{}";  ///< of the network, which these names imply: JSON
};

struct NameSource {
    std::string_view name;  ///< as --from has it
    std::string_view what;  ///< one line
    Convention convention;
    std::span<const NameMap> maps;
    /// What the names of those of our networks begin with whose names are of this source.
    std::span<const std::string_view> own = {};

    bool is_own(std::string_view net) const;
};

extern const NameSource torchvision_names, smp_names, fastai_names, keras_names, export_names, camber_names;

/// All of them, the likelier of those that suit a file first.
std::span<const NameSource* const> name_sources();

/// The name of our parameter; nothing where the tensor is to be left out.
std::optional<std::string> mapped_name(const NameMap& map, const std::string& name);

/// The file's name of our parameter, the other way round; the same where no rule makes it.
std::string original_name(const NameMap& map, const std::string& ours);

/// A file's name before any rule: without the "module.", "_orig_mod." and the like that PyTorch's wrappers put anywhere
/// into it; Keras's "LAYER/VARIABLE" as LAYER.weight, .bias, .running_mean or .running_var.
std::string plain_name(Convention convention, const std::string& name);

/// What Keras calls a parameter of ours, "weight" of a batch normalisation, say: "gamma"; "kernel" of any other layer.
std::string keras_variable(std::string_view leaf, bool batch_norm);

/// The height times the width that PyTorch flattens before the linear layer whose weight has this name and shape; 0
/// where there is no flattening.
std::int64_t flattened_pixels(std::string_view name, const Shape& weight);

}  // namespace camber
