#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// What comes of importing what a network of another version is exported as, which has a tensor called `tensor`, with
/// nothing but the network's name.
FittedOptions reimported(const std::string& name, const nlohmann::json& options, const std::string& tensor) {
    const TemporaryFolder folder;
    const auto net = nets::make_net(name, options);
    const nn::ParameterBuffer memory(*net, {.seed = 3, .gradients = false});
    const std::vector<NamedTensor> tensors = export_weights(*net);
    write_safetensors(folder / "a", tensors);
    const auto file = WeightFile::open(folder / "a");
    CHECK(file->find(tensor));
    FittedOptions fitted = fitted_options(*file, name, nlohmann::json::object());
    CHECK(fitted.fits);
    const auto again = nets::make_net(name, fitted.options);
    CHECK(import_weights(*file, *again, {.strict = true}).complete());
    const std::vector<NamedTensor> back = export_weights(*again);
    REQUIRE(back.size() == tensors.size());
    for (std::size_t i = 0; i < back.size(); ++i) {
        CHECK(back[i].name == tensors[i].name);
        CHECK(back[i].tensor.to_vector<float>() == tensors[i].tensor.to_vector<float>());
    }
    return fitted;
}

}  // namespace

TEST_CASE("the plain U-Net comes in from Keras's files of every kind, whatever its layers' numbers, and out again") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    for (const char* name :
         {"plain_unet.h5", "plain_unet.weights.h5", "plain_unet.keras", "plain_unet_2.h5", "plain_unet_gzip.h5"}) {
        CAPTURE(name);
        const auto file = WeightFile::open(weight_fixture(name));
        const FittedOptions fitted = fitted_options(*file, "unet", nlohmann::json::object());
        CHECK(fitted.fits);
        CHECK(fitted.options ==
              nlohmann::json({{"width", 2}, {"depth", 2}, {"classes", 3}, {"up_kernel", 3}, {"head_kernel", 3}}));
        const auto net = nets::make_net("unet", fitted.options);
        REQUIRE(import_weights(*file, *net, {.strict = true}).complete());
        for (const nn::NamedParameter& named : net->named_parameters()) {
            const std::size_t dot = named.name.rfind('.');
            const std::string layer = named.name.substr(0, dot);
            if (layer.find(".bn") == std::string::npos || !named.name.ends_with(".weight")) continue;
            const Tensor& gamma = named.parameter->tensor;
            std::vector<float> expected = fixture_values(layer + "/gamma", gamma.numel());
            for (float& value : expected) value = 1 + value / 32;
            CHECK(gamma.to_vector<float>() == expected);
        }
        for (const char* out : {"out.h5", "out.weights.h5"}) {
            export_keras(*net, folder / out);
            const auto written = WeightFile::open(folder / out);
            const auto again = nets::make_net("unet", fitted.options);
            REQUIRE(import_weights(*written, *again, {.strict = true}).complete());
            const auto before = export_weights(*net), after = export_weights(*again);
            for (std::size_t i = 0; i < before.size(); ++i) {
                CHECK(before[i].tensor.to_vector<float>() == after[i].tensor.to_vector<float>());
            }
        }
    }
}

TEST_CASE("names of other versions say which options they imply, shapes and names the rest, and go out as they came") {
    CHECK(reimported("dynamic-unet-resnet34", {{"width", 2}, {"classes", 4}, {"style", "fastai2"}},
                     "layers.11.convpath.0.0.weight")
              .options == nlohmann::json({{"style", "fastai2"}, {"width", 2}, {"classes", 4}}));
    CHECK(reimported("smp-unet-resnet34", {{"width", 8}, {"classes", 3}, {"head_kernel", 1}},
                     "decoder.layer5.block.1.block.0.weight")
              .options == nlohmann::json({{"head_kernel", 1}, {"width", 8}, {"classes", 3}}));
    CHECK(reimported("unet-vgg16", {{"width", 2}, {"classes", 3}, {"decoder", "transpose"}},
                     "decoder_stage0a_transpose.weight")
              .options == nlohmann::json({{"decoder", "transpose"}, {"width", 2}, {"classes", 3}}));
    CHECK(reimported("deeplabv3-resnet50", {{"width", 4}, {"classes", 5}, {"aux", false}}, "classifier.4.weight")
              .options == nlohmann::json({{"width", 4}, {"classes", 5}, {"aux", false}}));
}

TEST_CASE("classes are those of the network's last layer, not of an auxiliary head") {
    const TemporaryFolder folder;
    const nlohmann::json given = {{"width", 4}};
    const auto made = [&](int classes) {
        const auto net = nets::make_net("deeplabv3-resnet50", {{"width", 4}, {"classes", classes}});
        const nn::ParameterBuffer memory(*net, {.gradients = false});
        return export_weights(*net);
    };
    for (const auto& [main, auxiliary] : {std::pair{3, 21}, {21, 3}, {1, 21}}) {
        CAPTURE(main);
        std::vector<NamedTensor> tensors = made(main), other = made(auxiliary);
        for (std::size_t i = 0; i < tensors.size(); ++i)
            if (tensors[i].name.starts_with("aux_classifier.")) tensors[i] = other[i];
        write_safetensors(folder / "a", tensors);
        const auto file = WeightFile::open(folder / "a");
        const FittedOptions fitted = fitted_options(*file, "deeplabv3-resnet50", given);
        CHECK(fitted.fits);
        const auto net = nets::make_net("deeplabv3-resnet50", fitted.options);
        CHECK(net->classes() == main);
        const ImportReport report = import_weights(*file, *net);
        for (const auto& wrong : report.wrong_shape) CHECK(wrong.target.starts_with("aux_classifier."));
    }
}

TEST_CASE("width and depth of a plain U-Net are read off its export, however small it is") {
    const TemporaryFolder folder;
    for (const auto& [width, depth] : {std::pair{4, 2}, {4, 3}, {4, 5}, {8, 2}, {2, 1}, {1, 3}, {16, 1}}) {
        for (const bool batch_norm : {true, false}) {
            CAPTURE(width);
            CAPTURE(depth);
            CAPTURE(batch_norm);
            const auto net = nets::make_net(
                "unet", {{"width", width}, {"depth", depth}, {"classes", 3}, {"batch_norm", batch_norm}});
            const nn::ParameterBuffer memory(*net, {.gradients = false});
            write_safetensors(folder / "a", export_weights(*net));
            const auto fitted =
                fitted_options(*WeightFile::open(folder / "a"), "unet", nlohmann::json::object()).options;
            CHECK(fitted.value("width", 64) == width);
            CHECK(fitted.value("depth", 4) == depth);
            CHECK(fitted.value("classes", 11) == 3);
            CHECK(fitted.value("batch_norm", true) == batch_norm);
        }
    }
}
