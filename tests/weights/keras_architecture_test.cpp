#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "io/archive.h"
#include "io/hdf5_writer.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/hdf5.h"
#include "weights/keras_layers.h"

using namespace camber;
using namespace camber::testing;
using nlohmann::json;

namespace {

const json options = {{"width", 4}, {"depth", 1}, {"classes", 3}, {"input", "unit"}};

/// A model as Keras 3 writes it, a layer after the other.
class Model {
  public:
    std::string add(const std::string& type, json config, const std::vector<std::string>& inputs) {
        std::string name = config.value("name", type + std::to_string(layers_.size()));
        config["name"] = name;
        json call = json::array();
        for (const std::string& input : inputs) {
            call.push_back({{"class_name", "__keras_tensor__"}, {"config", {{"keras_history", {input, 0, 0}}}}});
        }
        json nodes = json::array();
        if (!inputs.empty()) {
            const json arguments = inputs.size() == 1 ? json::array({call[0]}) : json::array({call});
            nodes.push_back({{"args", arguments}, {"kwargs", json::object()}});
        }
        layers_.push_back({{"class_name", type}, {"config", config}, {"name", name}, {"inbound_nodes", nodes}});
        return name;
    }
    json whole(const std::string& input, const std::string& output) const {
        return {{"class_name", "Functional"},
                {"config",
                 {{"name", "m"},
                  {"layers", layers_},
                  {"input_layers", {{input, 0, 0}}},
                  {"output_layers", {{output, 0, 0}}}}}};
    }

  private:
    json layers_ = json::array();
};

/// What is not as in Camber's U-Net.
struct Otherwise {
    json activation = "relu", last = "softmax";
    json conv = json::object(), norm = json::object(), pool = json::object(), up = json::object();
    bool act_first = false, swapped = false, mean_pool = false, named = false, rescaled = false;
};

/// The U-Net of `options`, its layers called as Keras calls nameless ones.
json unet(const Otherwise& o) {
    Model m;
    int convs = 0, norms = 0;
    const auto numbered = [](const char* kind, int number) {
        return number == 0 ? std::string(kind) : std::string(kind) + "_" + std::to_string(number);
    };
    const auto with = [](json config, const json& more) {
        config.update(more);
        return config;
    };
    const auto conv = [&](const std::string& x, int kernel, const json& more) {
        const std::string name = o.named ? "mine_" + std::to_string(convs) : numbered("conv2d", convs);
        ++convs;
        return m.add("Conv2D",
                     with({{"name", name},
                           {"kernel_size", {kernel, kernel}},
                           {"strides", {1, 1}},
                           {"padding", "same"},
                           {"activation", "linear"}},
                          more),
                     {x});
    };
    const auto activation = [&](const std::string& x) {
        return m.add("Activation", {{"activation", o.activation}}, {x});
    };
    const auto block = [&](std::string x) {
        for (int i = 0; i < 2; ++i) {
            x = conv(x, 3, o.conv);
            if (o.act_first) x = activation(x);
            x = m.add(
                "BatchNormalization",
                with({{"name", numbered("batch_normalization", norms++)}, {"axis", -1}, {"epsilon", 0.001}}, o.norm),
                {x});
            if (!o.act_first) x = activation(x);
        }
        return x;
    };
    const std::string input = m.add("InputLayer", json::object(), {});
    std::string x = o.rescaled ? m.add("Rescaling", {{"scale", 1 / 255.0}, {"offset", 0.0}}, {input}) : input;
    x = m.add("RandomFlip", json::object(), {x});
    const std::string skip = block(x);
    x = m.add(o.mean_pool ? "AveragePooling2D" : "MaxPooling2D",
              with({{"pool_size", {2, 2}}, {"strides", nullptr}, {"padding", "valid"}}, o.pool), {skip});
    x = m.add("Dropout", {{"rate", 0.1}}, {x});
    x = block(x);
    x = m.add(
        "Conv2DTranspose",
        with({{"name", "conv2d_transpose"}, {"kernel_size", {2, 2}}, {"strides", {2, 2}}, {"padding", "valid"}}, o.up),
        {x});
    x = m.add("Concatenate", {{"axis", -1}},
              o.swapped ? std::vector<std::string>{skip, x} : std::vector<std::string>{x, skip});
    x = block(x);
    return m.whole(input, conv(x, 1, {{"activation", o.last}}));
}

/// Weights of `options`, named as Keras 3 names those of a model: by class, with the layers' own names beside them.
std::string weights(const std::filesystem::path& folder, bool named) {
    const auto net = nets::make_net("unet", options);
    const nn::ParameterBuffer memory(*net, {.seed = 3, .gradients = false});
    const auto file = folder / "made.weights.h5";
    if (!named) {
        export_keras(*net, file);
        return read_text(file);
    }
    export_keras(*net, folder / "plain.weights.h5");
    const auto plain = WeightFile::open(folder / "plain.weights.h5");
    Hdf5Writer out(file);
    int convs = 0;
    for (const KerasLayer& layer : keras_layers(targets_of(*net))) {
        const std::string group = "layers/" + layer.unnamed + "/vars";
        out.group(group);
        const std::string& unnamed = layer.unnamed;
        const bool own = unnamed == "conv2d" || (unnamed.starts_with("conv2d_") && unnamed[7] != 't');
        out.text(group, "name", own ? "mine_" + std::to_string(convs++) : unnamed);
        int number = 0;
        for (const WeightEntry& entry : plain->entries()) {
            if (entry.name.substr(0, entry.name.find('/')) != layer.unnamed) continue;
            out.floats(group + "/" + std::to_string(number++), entry.shape, plain->read(entry.name).data());
        }
    }
    out.commit();
    return read_text(file);
}

/// What import makes of weights under such a model; empty where it fills the network.
std::string error_of_model(const json& model, bool partial = false, bool named = false) {
    const TemporaryFolder folder;
    const auto file = folder / "a.keras";
    write_text(file, zip_archive({{"metadata.json", "{}"},
                                  {"config.json", model.dump()},
                                  {"model.weights.h5", weights(folder / ".", named)}}));
    const auto net = nets::make_net("unet", options);
    std::string error = error_of([&] { import_weights(*WeightFile::open(file), *net, {.partial = partial}); });
    CAPTURE(error);
    CHECK((error.empty() || error.find(file.string()) != std::string::npos));
    CHECK(error.find('\n') == std::string::npos);
    return error;
}

}  // namespace

TEST_CASE("a Keras model whose layers are the network's is taken, however they are written") {
    if (!has_hdf5()) return;
    CHECK(error_of_model(unet({})) == "");
    CHECK(error_of_model(unet({.last = "linear"})) == "");
    CHECK(error_of_model(unet({.last = "sigmoid", .norm = {{"axis", {3}}, {"momentum", 0.5}}})) == "");
    CHECK(error_of_model(unet({.activation = {{"class_name", "function"}, {"config", "relu"}}})) == "");
    CHECK(error_of_model(unet({.pool = {{"padding", "same"}, {"strides", 2}}, .up = {{"padding", "same"}}})) == "");
    CHECK(error_of_model(unet({.rescaled = true})) == "");
    CHECK(error_of_model({{"class_name", "Own"}, {"config", {{"width", 4}}}}) == "");  // says no layers
    // A model within a model.
    Model outer;
    const std::string input = outer.add("InputLayer", json::object(), {});
    json model = outer.whole(input, "m"), inner = unet({});
    inner["inbound_nodes"] = {{{"args", {{{"config", {{"keras_history", {input, 0, 0}}}}}}}}};
    inner["name"] = "m";
    model["config"]["layers"].push_back(inner);
    CHECK(error_of_model(model) == "");
    CHECK(error_of_model({{"class_name", "Sequential"}, {"config", {{"layers", {unet({})}}}}}) == "");
    model["config"]["output_layers"] = {{"m", 1, 0}};  // as Keras 3 counts its uses
    CHECK(error_of_model(model) == "");
}

TEST_CASE("a Keras model of other layers between the same weights is refused, and what is otherwise is named") {
    if (!has_hdf5()) return;
    const auto names = [](const Otherwise& o, std::initializer_list<const char*> parts) {
        const std::string error = error_of_model(unet(o));
        CAPTURE(error);
        CHECK(mentions(error, parts));
        CHECK(mentions(error, {"unet"}));
        CHECK(error_of_model(unet(o), true) == "");  // --partial
    };
    names({.activation = "elu"}, {"elu, where unet has relu"});
    names({.act_first = true},
          {"(relu) before 'batch_normalization'", "encoder.0.conv1 (Conv2D) before encoder.0.bn1"});
    for (const json& lambda : {json{{"class_name", "__lambda__"}, {"config", "4wEAAAA="}}, json{{"value", "4wEA"}}}) {
        names({.activation = lambda}, {"has 'Activation", ", a function of its maker's, where unet has relu"});
    }
    names({.last = {{"class_name", "Softmax"}, {"config", {{"axis", 1}}}}},
          {"ends in 'conv2d_6' (softmax over axis 1)", "a softmax or sigmoid"});
    names({.last = "tanh"}, {"ends in 'conv2d_6' (tanh)", "head (Conv2D)"});
    names({.conv = {{"padding", "valid"}}}, {"'conv2d'", "padding valid", "same (encoder.0.conv1)"});
    names({.conv = {{"strides", 2}}}, {"'conv2d'", "strides 2x2", "1x1"});
    names({.conv = {{"dilation_rate", {2, 2}}}}, {"dilation_rate 2x2", "1x1"});
    names({.conv = {{"activation", "relu"}}}, {"'conv2d' (relu) before 'batch_normalization'"});
    names({.conv = {{"data_format", "channels_first"}}}, {"data_format channels_first"});
    names({.norm = {{"epsilon", 1e-5}}}, {"'batch_normalization'", "epsilon 1e-05", "0.001 (encoder.0.bn1)"});
    names({.norm = {{"axis", 1}}}, {"axis 1"});
    names({.pool = {{"strides", {1, 1}}}}, {"strides 1x1", "2x2"});
    names({.mean_pool = true}, {"(AveragePooling2D)", "pool (MaxPooling2D)"});
    names({.up = {{"dilation_rate", {2, 2}}}}, {"'conv2d_transpose'", "dilation_rate 2x2"});
    names({.up = {{"activation", "relu"}}}, {"'conv2d_transpose' (relu) before"});
    names({.swapped = true}, {"before 'Concatenate"});
}

TEST_CASE("a Keras model that divides its pixels by 255 is of a network that takes them so") {
    if (!has_hdf5()) return;
    const TemporaryFolder folder;
    const auto written = [&](const Otherwise& o) {
        write_text(folder / "a.keras", zip_archive({{"metadata.json", "{}"},
                                                    {"config.json", unet(o).dump()},
                                                    {"model.weights.h5", weights(folder / ".", false)}}));
        return WeightFile::open(folder / "a.keras");
    };
    CHECK(!says_unit_pixels(*written({})));
    const auto file = written({.rescaled = true});
    CHECK(says_unit_pixels(*file));
    json original = options;
    original["input"] = "original";
    CHECK(mentions(error_of([&] { import_weights(*file, *nets::make_net("unet", original)); }),
                   {"divides pixels by 255 itself", "leave --input out"}));
}

TEST_CASE("what Keras says of a model, damaged, is a line") {
    if (!has_hdf5()) return;
    json model = unet({});
    model["config"]["output_layers"] = {{"none", 0, 0}};
    CHECK(mentions(error_of_model(model), {"damaged", "'none'"}));
    model = unet({});
    model["config"]["layers"][2]["inbound_nodes"][0] = {{"args", {{{"config", {{"keras_history", {"x", 0, 0}}}}}}}};
    CHECK(mentions(error_of_model(model), {"damaged", "takes what no layer makes"}));
    json deep = unet({});
    for (int i = 0; i < 12; ++i) deep = {{"class_name", "Sequential"}, {"config", {{"layers", {deep}}}}};
    CHECK(mentions(error_of_model(deep), {"models within models"}));
}

TEST_CASE("layers with names of their maker's go by their order in the model") {
    if (!has_hdf5()) return;
    CHECK(error_of_model(unet({.named = true}), false, true) == "");
    CHECK(mentions(error_of_model(unet({.activation = "elu", .named = true}), false, true), {"elu, where unet"}));
    // Of other layers: those that are too many, or too few, are counted.
    const nlohmann::json deeper = {{"width", 4}, {"depth", 2}, {"classes", 3}};
    const auto other = nets::make_net("unet", deeper);
    {
        const TemporaryFolder place;
        weights(place / ".", true);
        CHECK(mentions(error_of([&] { import_weights(*WeightFile::open(place / "made.weights.h5"), *other); }),
                       {"7 conv2d, not 11", "1 conv2d_transpose, not 2"}));
    }
    // Weights alone have Keras 3's names by class.
    const TemporaryFolder folder;
    weights(folder / ".", true);
    const auto net = nets::make_net("unet", options);
    const auto file = WeightFile::open(folder / "made.weights.h5");
    CHECK(file->find("mine_0/kernel"));
    const ImportReport report = import_weights(*file, *net, {.strict = true});
    CHECK(report.complete());
    CHECK(assumed_layers(*file, *net) ==
          "Conv2D, BatchNormalization (epsilon 0.001), relu, MaxPooling2D 2x2, Conv2DTranspose of strides 2x2");
}
