#include <camber/layers.h>
#include <camber/summary.h>
#include <doctest/doctest.h>

using namespace camber;

namespace {

/// A residual block with a frozen convolution, and a tail: layers that the unet has none of.
class Example : public nn::Module {
  public:
    Example()
        : conv_(add<nn::Conv2d>("conv", nn::Conv2dOptions{.in = 3, .out = 3, .bias = false})),
          norm_(add<nn::BatchNorm2d>("norm", 3, nn::keras_batch_norm())),
          up_(add<nn::Upsample>("up", 2, ResizeMode::nearest)),
          linear_(add<nn::Linear>("linear", 3, 2)) {
        conv_.set_trainable(false);
    }
    Tensor forward(const Tensor& x) override {
        return linear_.forward(up_.forward(nn::relu(nn::add(norm_.forward(conv_.forward(x)), x))));
    }

  private:
    nn::Conv2d& conv_;
    nn::BatchNorm2d& norm_;
    nn::Upsample& up_;
    nn::Linear& linear_;
};

}  // namespace

TEST_CASE("a table of layers: names, shapes, parameters, connections, totals") {
    Example net;
    const LayerTable table = layer_table(net, 4, 6, 3, "example");
    REQUIRE(table.rows.size() == 7);
    std::vector<std::string> names;
    for (const LayerRow& row : table.rows) names.push_back(row.name);
    CHECK(names == std::vector<std::string>{"image_input", "conv2d", "batch_normalization", "add", "activation",
                                            "up_sampling2d", "dense"});
    CHECK(table.connections(3) == std::vector<std::string>{"batch_normalization[0][0]", "image_input[0][0]"});
    CHECK(table.rows[5].output == Shape{1, 8, 12, 3});
    CHECK(table.rows[1].path == "conv");
    CHECK(table.rows[1].arithmetic == "3 to 3 channels, 3x3: 3*3*9 = 81");
    CHECK(table.rows[6].arithmetic == "3 to 2: 3*2 + 2 = 8");
    CHECK(table.params == 81 + 12 + 8);
    CHECK(table.trainable == 6 + 8);
    CHECK(table.non_trainable() == 81 + 6);
}

TEST_CASE("making a table leaves the network as it was") {
    Example net;
    CHECK(layer_table(net, 4, 4, 3).rows.size() == layer_table(net, 4, 4, 3).rows.size());
    CHECK(net.context().draws == 0);
    CHECK(LayerTrace::active() == nullptr);
}

TEST_CASE("an operation that is no layer is named where its output is used") {
    class Hidden : public nn::Module {
      public:
        Tensor forward(const Tensor& x) override { return nn::relu(ops::relu(x)); }
    } net;
    CHECK_THROWS_WITH_AS(layer_table(net, 2, 2, 3),
                         "layer table: the input [1, 2, 2, 3] of a Activation came from an operation that is no layer; "
                         "use those of layers.h",
                         Error);
}

TEST_CASE("markdown and JSON hold the same rows") {
    Example net;
    const LayerTable table = layer_table(net, 4, 6, 3, "example");
    const std::string markdown = markdown_text(table);
    CHECK(markdown.find("| add | Add | (None, 4, 6, 3) | 0 | batch_normalization[0][0], image_input[0][0] |  |") !=
          std::string::npos);
    CHECK(markdown.find("101 parameters: 14 trainable, 87 not.") != std::string::npos);
    const nlohmann::json json = table_json(table);
    CHECK(json.at("layers").size() == 7);
    CHECK(json.at("layers")[3].at("connected_to") ==
          nlohmann::json::array({"batch_normalization[0][0]", "image_input[0][0]"}));
    CHECK(json.at("layers")[1].at("output") == nlohmann::json::array({4, 6, 3}));
    CHECK(json.at("params") == 101);
    CHECK(json.at("non_trainable") == 87);
}
