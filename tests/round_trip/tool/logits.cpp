// logits CHECKPOINT IN.safetensors OUT.safetensors: what a checkpoint's network makes of "image", f32 [N, H, W, C] as
// it takes it, as "logits". Sizes that the network does not take are padded where it can.
#include <camber/autograd.h>
#include <camber/checkpoint.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <fmt/format.h>

#include <array>

using namespace camber;

namespace {

void run(const char* checkpoint, const char* in, const char* out) {
    const nlohmann::json config = CheckpointFile::open(checkpoint).info().config;
    nlohmann::json options = config.at("net_options");
    const auto net_name = config.at("net").get<std::string>();
    for (const nets::NetOption& option : nets::net_info(net_name).options)
        if (option.name == "size_policy") options["size_policy"] = "pad";
    const auto net = nets::make_net(net_name, options);
    nn::ParameterBuffer parameters(*net, {.gradients = false});
    std::vector<NamedTensor> tensors;
    for (const auto* entries : {&parameters.parameters(), &parameters.buffers()})
        for (const auto& entry : *entries) tensors.push_back({entry.name, entry.tensor()});
    load_weights(checkpoint, tensors);
    parameters.mark_changed();
    net->eval();
    const NoGrad no_grad;
    const Tensor logits = net->forward(SafetensorsFile::open(in).read("image"));
    write_safetensors(out, std::array{NamedTensor{"logits", logits}});
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 4) throw Error("give CHECKPOINT IN.safetensors OUT.safetensors");
        run(argv[1], argv[2], argv[3]);
    } catch (const std::exception& error) {
        fmt::print(stderr, "logits: {}\n", error.what());
        return 1;
    }
    return 0;
}
