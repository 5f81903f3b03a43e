#pragma once
#include <camber/nets.h>
#include <camber/safetensors.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// What the original libraries say of their networks (tests/fixtures/network.py and the scripts that use it): lists of
/// parameters, and what they compute from weights in files of their own.
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

/// How far our results are from the original's float64 ones, by the role's name in the golden ("eval_logits",
/// "grad_first", ...): the worst of samples and sums, relative to the largest sample; of running statistics the worst
/// sum relative to its sum of absolutes. NaN where one of ours is.
using Errors = std::map<std::string, double>;

/// A case of a golden: imports its weights into our network, strictly, and compares all that the case holds. f64 runs
/// on the reference device, f32 on the CPU's kernels. `folder` is where the golden lies.
Errors compare_with_original(const std::filesystem::path& folder, const SafetensorsFile& file,
                             const nlohmann::json& golden, Dtype dtype);

}  // namespace camber::testing
