#pragma once
#include <camber/nets.h>
#include <camber/safetensors.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What the original libraries say of their networks (tests/fixtures/network.py and the scripts that use it): lists of
/// parameters, and results with parameters filled by a formula.
namespace camber::testing {

enum class Library { torch, keras };

/// A parameter or running statistic of the original, in its own layout.
struct OriginalTensor {
    std::string name;  ///< "layer1.0.conv1.weight", "stage1_unit1_conv1.kernel"
    std::vector<std::int64_t> shape;
    bool trainable = false;
};

struct OriginalList {
    std::int64_t total = 0, trainable = 0;  ///< as the library counts
    std::vector<OriginalTensor> tensors;
};
/// tests/fixtures/nets/NET.tsv.
OriginalList read_original_list(const std::string& net);

/// What our network calls it.
std::string our_name(Library library, const std::string& original);
/// The shape that our tensor has for it.
Shape our_shape(Library library, const OriginalTensor& tensor);

/// How far our results are from the original's float64 ones by the role's name in the fixture ("eval_logits",
/// "grad_first", ...): the worst of samples and sums, relative to the largest sample.
using Errors = std::map<std::string, double>;

/// A case of torch_nets or keras_nets: fills our network as the original was and compares all that the case holds.
Errors compare_with_original(Library library, const SafetensorsFile& file, const nlohmann::json& golden);

}  // namespace camber::testing
