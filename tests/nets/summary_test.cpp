// The unet's layer table against Keras's own (fixtures/keras_unet_*) and against the published one.
#include <camber/nets.h>
#include <camber/summary.h>
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "cli/summary.h"
#include "support/errors.h"

using namespace camber;

namespace {

const std::string fixtures = CAMBER_TEST_FIXTURES;

LayerTable unet_table(int up_kernel, int head_kernel, double dropout = 0.1) {
    const auto net =
        nets::make_unet({.classes = 3, .dropout = dropout, .up_kernel = up_kernel, .head_kernel = head_kernel});
    return layer_table(*net, 256, 256, 3, "unet");
}

std::string text_of(const std::string& file) {
    std::ifstream stream(fixtures + "/" + file);
    REQUIRE(stream);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
    return text.empty() ? "-" : text;
}

/// Every column of every row, names included.
void check_equal(const LayerTable& table, const std::string& file) {
    const PublishedTable keras = read_published_table(fixtures + "/" + file);
    REQUIRE(table.rows.size() == keras.rows.size());
    for (std::size_t i = 0; i < keras.rows.size(); ++i) {
        const LayerRow& ours = table.rows[i];
        CAPTURE(ours.name);
        CHECK(ours.name == keras.rows[i].name);
        CHECK(ours.type == keras.rows[i].type);
        CHECK(ours.params == keras.rows[i].params);
        CHECK(joined(table.connections(i)) == keras.rows[i].connections);
        std::string output;
        for (int axis = 1; axis < 4; ++axis) output += (axis > 1 ? ", " : "") + std::to_string(ours.output[axis]);
        CHECK(output == keras.rows[i].output);
    }
    CHECK(table.params == keras.total);
    CHECK(table.trainable == keras.trainable);
    CHECK(table.non_trainable() == keras.non_trainable);
    CHECK(audit(table, keras).agreeing == keras.rows.size());
}

std::string run(const cli::SummaryOptions& options) {
    std::ostringstream out;
    CHECK(cli::run_summary(options, out) == 0);
    return out.str();
}

}  // namespace

TEST_CASE("both variants equal Keras row for row") {
    check_equal(unet_table(3, 3), "keras_unet_3x3.tsv");
    check_equal(unet_table(2, 1), "keras_unet_2x2.tsv");
}

TEST_CASE("dropout of rate 0 keeps its rows") { check_equal(unet_table(3, 3, 0), "keras_unet_3x3.tsv"); }

TEST_CASE("the keras format is the text of model.summary()") {
    CHECK(keras_text(unet_table(2, 1)) == text_of("keras_unet_2x2.txt"));
    const std::string text = run({.net_options = {{"classes", 3}}}), table = text_of("keras_unet_2x2.txt");
    CHECK(text.substr(0, table.size()) == table);
    CHECK(text.substr(table.size()).starts_with("Memory of tensors on "));
}

TEST_CASE("the published table: 70 of 73 rows agree, the others and the totals are explained") {
    const Audit result = audit(unet_table(3, 3), read_published_table(fixtures + "/published_keras_unet_256.tsv"));
    CHECK(result.rows.size() == 73);
    CHECK(result.agreeing == 70);
    std::vector<std::string> differences;
    for (const AuditRow& row : result.rows) {
        for (const std::string& difference : row.differences) differences.push_back(row.name + ": " + difference);
    }
    CHECK(differences ==
          std::vector<std::string>{
              "conv2d_transpose_2: params: printed 295,168; 256 to 128 channels, 3x3: 256*128*9 + 128 = 295,040",
              "conv2d_14: params: printed 147,584; 256 to 128 channels, 3x3: 256*128*9 + 128 = 295,040",
              "conv2d_18: params: printed 1,737; 64 to 3 channels, 3x3: 64*3*9 + 3 = 1,731"});
    CHECK(result.totals ==
          std::vector<std::string>{
              "printed rows sum to 34,391,241, this network's to 34,538,563",
              "printed total 31,307,057 is not the printed rows' sum and is not this network's",
              "printed 31,297,057 trainable + 10,000 non-trainable = 31,307,057, which is the printed total",
              "printed non-trainable 10,000 is not this network's",
              "non-trainable here: mean and variance of 5,888 channels in 18 batch normalisations: 2*5888 = 11,776"});
}

TEST_CASE("an audit names what differs in type, output and connections, and rows too many or too few") {
    PublishedTable published = read_published_table(fixtures + "/keras_unet_3x3.tsv");
    published.rows[1].type = "Conv1D";
    published.rows[2].output = "256, 256, 32";
    published.rows[3].connections = "conv2d[0][0]";
    published.rows[4].connections = "nowhere[0][0]";
    published.rows.push_back({"extra", "Activation", "256, 256, 3", "conv2d_18[0][0]", 0});
    const Audit result = audit(unet_table(3, 3), published);
    CHECK(result.rows[1].differences[0] == "type: printed Conv1D, should be Conv2D");
    CHECK(result.rows[2].differences[0] == "output: printed 256, 256, 32, should be 256, 256, 64");
    CHECK(result.rows[3].differences[0] == "connected to: printed conv2d[0][0], should be batch_normalization[0][0]");
    CHECK(result.rows[4].differences[0] == "connected to: printed nowhere[0][0], should be activation[0][0]");
    CHECK(result.rows.back().differences[0] == "this network has no such row");
    published.rows.resize(10);
    CHECK(audit(unet_table(3, 3), published).totals[0] == "this network has 73 rows, the published table 10");
}

TEST_CASE("camber summary: formats, audit and misuse") {
    cli::SummaryOptions options;
    options.net_options = {{"classes", 3}, {"up_kernel", 3}, {"head_kernel", 3}};
    options.format = "markdown";
    CHECK(run(options).find("| conv2d_18 | Conv2D | (None, 256, 256, 3) | 1,731 | activation_17[0][0] | head |") !=
          std::string::npos);
    options.format = "json";
    const nlohmann::json described = nlohmann::json::parse(run(options));
    CHECK(described.at("params") == 34538563);
    // Parameters and running statistics in f32, each placed at a multiple of 64 bytes.
    const std::int64_t weights = described.at("memory").at("f32").at("weights");
    CHECK(weights >= 4 * 34538563);
    CHECK(weights < 4 * 34538563 + 200 * 64);
    options.audit = fixtures + "/published_keras_unet_256.tsv";
    const std::string report = run(options);
    CHECK(report.find("70 of 73 rows agree") != std::string::npos);
    CHECK(report.find(" 56  conv2d_transpose_2 ") != std::string::npos);

    std::ostringstream out;
    CHECK(testing::mentions(testing::error_of([&] { cli::run_summary({.net = "vnet"}, out); }),
                            {"unknown network 'vnet' (did you mean 'unet'?): unet, ", "deeplabv3-resnet101"}));
    CHECK_THROWS_WITH_AS(cli::run_summary({.format = "html"}, out), "unknown format 'html': keras, markdown or json",
                         UsageError);
    CHECK_THROWS_AS(cli::run_summary({.height = 250}, out), UsageError);
    CHECK_THROWS_WITH_AS(cli::run_summary({.audit = "/no/such.tsv"}, out),
                         "cannot read /no/such.tsv: No such file or directory", Error);
    CHECK(out.str().empty());
}

TEST_CASE("a file that is no table is named with the line") {
    CHECK_THROWS_AS(read_published_table(fixtures + "/keras_unet_2x2.txt"), Error);
}
