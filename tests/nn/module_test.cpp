#include <camber/layers.h>
#include <doctest/doctest.h>

#include <algorithm>

using namespace camber;

namespace {

/// conv, norm and a list of one linear layer and a dropout.
class Example : public nn::Module {
  public:
    Example()
        : conv(add<nn::Conv2d>("conv", nn::Conv2dOptions{.in = 3, .out = 4})),
          norm(add<nn::BatchNorm2d>("norm", 4, nn::keras_batch_norm())),
          tail(add<nn::Sequential>("tail")),
          linear(tail.push<nn::Linear>(4, 2)),
          dropout(tail.push<nn::Dropout>(0.5)) {}
    Tensor forward(const Tensor& x) override { return tail.forward(norm.forward(conv.forward(x))); }
    void add_twice() { add<nn::ReLU>("conv"); }
    void add_dotted() { add<nn::ReLU>("a.b"); }

    nn::Conv2d& conv;
    nn::BatchNorm2d& norm;
    nn::Sequential& tail;
    nn::Linear& linear;
    nn::Dropout& dropout;
};

std::vector<std::string> names(const std::vector<nn::NamedParameter>& parameters) {
    std::vector<std::string> result;
    for (const auto& [name, parameter] : parameters) result.push_back(name);
    return result;
}

}  // namespace

TEST_CASE("parameters and buffers have stable paths, in order of registration") {
    const Example net;
    CHECK(names(net.named_parameters()) == std::vector<std::string>{"conv.weight", "conv.bias", "norm.weight",
                                                                    "norm.bias", "tail.0.weight", "tail.0.bias"});
    CHECK(names(net.named_buffers()) == std::vector<std::string>{"norm.running_mean", "norm.running_var"});
}

TEST_CASE("modules are named from the root down") {
    Example net;
    std::vector<std::string> paths;
    for (const auto& [path, module] : net.named_modules()) paths.push_back(path);
    CHECK(paths == std::vector<std::string>{"", "conv", "norm", "tail", "tail.0", "tail.1"});
}

TEST_CASE("a name is used once and has no dots") {
    Example net;
    CHECK_THROWS_WITH_AS(net.add_twice(), "this module already has a 'conv'", Error);
    CHECK_THROWS_WITH_AS(net.add_dotted(), "'a.b' cannot name part of a module", Error);
}

TEST_CASE("train and eval reach every module") {
    Example net;
    CHECK(net.dropout.training());
    net.eval();
    CHECK_FALSE(net.dropout.training());
    CHECK_FALSE(net.training());
    net.train();
    CHECK(net.norm.training());
}

TEST_CASE("a tree has one forward context") {
    Example net;
    net.context().seed = 5;
    net.context().begin(9);
    CHECK(&net.dropout.context() == &net.context());
    const PhiloxKey first = net.dropout.context().next_key(), second = net.context().next_key();
    CHECK(first.seed == 5);
    CHECK(first.sequence == std::uint64_t{9} << 20);
    CHECK(second.sequence == first.sequence + 1);
}

TEST_CASE("freezing reaches parameters, and leaves batch normalisations out when asked to") {
    Example net;
    net.set_trainable(false);
    for (const auto& [name, parameter] : net.named_parameters()) CHECK_FALSE(parameter->trainable);
    net.set_trainable(true);
    net.set_trainable(false, false);
    CHECK(net.norm.weight.trainable);
    CHECK_FALSE(net.conv.weight.trainable);
    CHECK_FALSE(net.norm.running_mean.trainable);
}

TEST_CASE("what a merged child holds is named as the parent's own, in order") {
    class Host : public nn::Module {
      public:
        Host() {
            add<nn::Linear>("first", 2, 2);
            train(false);
            auto child = std::make_unique<Example>();
            merged = child.get();
            adopt_merged(std::move(child));
            add<nn::Linear>("last", 2, 2);
        }
        Example* merged = nullptr;
    };
    Host host;
    CHECK(names(host.named_parameters()) ==
          std::vector<std::string>{"first.weight", "first.bias", "conv.weight", "conv.bias", "norm.weight", "norm.bias",
                                   "tail.0.weight", "tail.0.bias", "last.weight", "last.bias"});
    CHECK(names(host.named_buffers()) == std::vector<std::string>{"norm.running_mean", "norm.running_var"});
    std::vector<std::string> paths;
    for (const auto& [path, module] : host.named_modules()) paths.push_back(path);
    CHECK(paths == std::vector<std::string>{"", "first", "", "conv", "norm", "tail", "tail.0", "tail.1", "last"});
    // Below another module the path has that module's name alone.
    class Outer : public nn::Module {
      public:
        Outer() { add<Host>("host"); }
    };
    CHECK(names(Outer().named_buffers()) ==
          std::vector<std::string>{"host.norm.running_mean", "host.norm.running_var"});

    CHECK_FALSE(host.merged->training());  // as the parent was
    CHECK_FALSE(host.merged->norm.training());
    host.train();
    CHECK(host.merged->norm.training());
    CHECK(&host.merged->dropout.context() == &host.context());
    host.set_trainable(false);
    CHECK_FALSE(host.merged->conv.weight.trainable);
}

TEST_CASE("a module of several inputs refuses forward() of one") {
    class Pair : public nn::Module {};
    Pair pair;
    CHECK_THROWS_WITH_AS(pair.forward(Tensor()), "this module has no forward() of one tensor", Error);
}
