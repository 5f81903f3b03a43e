#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <doctest/doctest.h>

#include <set>

using namespace camber;

TEST_CASE("ICNR: the four filters behind one pixel begin alike, those of different channels do not") {
    const auto net = nets::make_net("dynamic-unet-resnet34", {{"width", 4}});
    const nn::ParameterBuffer memory(*net, {.seed = 3, .gradients = false});
    int layers = 0;
    for (const auto& [name, parameter] : net->named_parameters()) {
        if (!name.ends_with("shuf.conv.0.weight") && name != "layers.8.conv.0.weight") continue;
        CAPTURE(name);
        ++layers;
        const Tensor& weight = parameter->tensor;  // [4 C, 1, 1, Cin]; pixel_shuffle takes channels 4c .. 4c + 3
        const std::vector<float> values = weight.to_vector<float>();
        const std::size_t filters = static_cast<std::size_t>(weight.dim(0)), size = values.size() / filters;
        REQUIRE(filters % 4 == 0);
        std::set<std::vector<float>> different;
        std::size_t alike = 0;
        double squares = 0;
        for (std::size_t f = 0; f < filters; ++f) {
            const auto begin = values.begin() + static_cast<std::ptrdiff_t>(f * size);
            const auto first = values.begin() + static_cast<std::ptrdiff_t>(f / 4 * 4 * size);
            alike += std::equal(begin, begin + static_cast<std::ptrdiff_t>(size), first);
            different.insert({begin, begin + static_cast<std::ptrdiff_t>(size)});
        }
        for (const float value : values) squares += value * value;
        CHECK(alike == filters);
        CHECK(different.size() == filters / 4);
        // Kaiming: a variance of 2 / fan-in, here of a quarter as many draws as values.
        const double variance = squares / static_cast<double>(values.size()), wanted = 2.0 / static_cast<double>(size);
        CHECK(variance > 0.7 * wanted);
        CHECK(variance < 1.3 * wanted);
    }
    CHECK(layers == 5);  // four decoder blocks and the one before the image
}
