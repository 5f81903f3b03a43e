#include <doctest/doctest.h>

#include <camber/ops.h>

#include <map>

#include "support/autograd.h"
#include "support/devices.h"
#include "support/golden.h"

/// The fused loss against PyTorch's cross-entropy and segmentation_models' Dice and Jaccard.
using namespace camber;
using namespace camber::testing;
using nlohmann::json;

namespace {

/// Camber's Dice and Jaccard take no class weights, and its scores take no threshold.
bool is_supported(const GoldenFile& file, const json& golden) {
    const std::string op = golden.at("op");
    const bool overlap = op != "cross_entropy" && op != "focal";
    return !(overlap && file.has(golden, "class_weights")) && !golden.contains("threshold");
}

SegmentationLossParams params_of(const json& golden) {
    const std::string op = golden.at("op");
    SegmentationLossParams p;
    if (op == "cross_entropy") p.cross_entropy = 1;
    if (op == "focal") p.focal = 1;
    if (op == "dice_loss" || op == "f_score") p.dice = 1;
    if (op == "jaccard_loss" || op == "iou_score") p.jaccard = 1;
    p.ignore_index = golden.at("ignore_index");
    p.label_smoothing = golden.value("label_smoothing", p.label_smoothing);
    p.smooth = golden.value("smooth", p.smooth);
    p.per_image = golden.value("per_image", p.per_image);
    p.focal_gamma = golden.value("gamma", p.focal_gamma);
    return p;
}

void check_case(const GoldenFile& file, const json& golden, Dtype dtype, Device device) {
    const auto optional = [&](const char* role) {
        return file.has(golden, role) ? file.read(golden, role, dtype, device) : Tensor();
    };
    const double tolerance = dtype == Dtype::f64 ? 2e-7 : 1e-5;
    const Tensor logits = file.read(golden, "logits", dtype, device).set_requires_grad(true);
    const auto result = ops::segmentation_loss(logits, file.read(golden, "labels", device), params_of(golden),
                                               optional("class_weights"), optional("alpha"));
    const std::string op = golden.at("op");
    const bool is_score = op == "iou_score" || op == "f_score";
    const double expected = file.read(golden, "loss").item(), loss = result.loss.item();
    const std::string run = golden.at("name").get<std::string>() + " in " + run_name(dtype, device);
    CAPTURE(run);
    CHECK(std::abs((is_score ? 1 - loss : loss) - expected) <= tolerance * std::max(1.0, std::abs(expected)));
    backward(result.loss);
    if (!file.has(golden, "grad_logits")) return;
    const Tensor gradient = file.read(golden, "grad_logits");
    INFO(describe_difference(logits.grad(), gradient));
    CHECK(relative_error(logits.grad(), gradient) <= tolerance);
}

}  // namespace

TEST_CASE("losses equal PyTorch's and segmentation_models'") {
    const GoldenFile file("torch_losses");
    int checked = 0, unsupported = 0;
    for (const json& golden : file.cases()) {
        if (!is_supported(file, golden)) {
            ++unsupported;
            continue;
        }
        check_case(file, golden, Dtype::f64, Device::reference);
        for (const Device device : computing_devices()) check_case(file, golden, Dtype::f32, device);
        ++checked;
    }
    CHECK(checked >= 33);
    CHECK(unsupported == 4);
}
