#include "train/processes.h"

#include <fmt/format.h>

#include <fstream>
#include <vector>

#include "io/crc.h"
#include "train/config_file.h"

namespace camber {
namespace {

using nlohmann::json;

/// Of the program's file, so that of the same version another build is told apart.
std::uint32_t program_checksum() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    std::vector<char> block(std::size_t{1} << 20);
    std::uint32_t crc = 0;
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
        crc = crc32c(block.data(), static_cast<std::size_t>(file.gcount()), crc);
    return crc;
}

std::uint32_t checksum(const Tensor& values) {
    if (!values) return 0;
    const Tensor host = is_host(values.device()) ? values : values.to(Device::cpu);
    return crc32c(host.raw(), host.bytes());
}

std::string layout_text(const nn::ParameterBuffer& parameters) {
    std::string text;
    for (const auto* entries : {&parameters.parameters(), &parameters.buffers()})
        for (const nn::ParameterBuffer::Entry& entry : *entries)
            text += fmt::format("{} {} {}\n", entry.name, entry.begin, entry.tensor().shape().str());
    return text;
}

/// What all must have alike, each under the words for it.
json described(const RunData& data, const Model& model, std::int64_t step) {
    const std::string layout = layout_text(*model.parameters);
    json frames = {data.folder().fingerprint("train")};
    if (data.val()) frames.push_back(data.folder().fingerprint("val"));
    return {
        {"version of Camber", CAMBER_VERSION},
        {"build of Camber", program_checksum()},
        {"frames in --data", frames},
        {"layout of parameters", crc32c(layout.data(), layout.size())},
        {"weights to begin with", {checksum(model.parameters->values()), checksum(model.parameters->buffer_values())}},
        {"step to go on from", step}};
}

/// In what `own` is not `first`; empty: in nothing.
std::string difference(const json& first, const json& own) {
    if (const std::string option =
            run_difference(train_config(first.at("configuration")), train_config(own.at("configuration")));
        !option.empty())
        return fmt::format("'{}' in its configuration", option);
    for (const auto& [name, value] : own.at("run").items())
        if (first.at("run").value(name, json()) != value) return fmt::format("{}", name);
    return {};
}

/// Rank 0's text.
std::string first_text(distributed::Communicator& world, std::string text) {
    std::uint64_t size = text.size();
    world.broadcast(std::as_writable_bytes(std::span(&size, 1)));
    text.resize(size);
    world.broadcast(std::as_writable_bytes(std::span(text)));
    return text;
}

}  // namespace

void check_choices(const distributed::Communicator& world, const TrainConfig& config) {
    if (world.alone()) return;
    for (std::size_t i = 0; i < stage_count(config); ++i)
        if (stage_config(config, i).batch == 0)
            fail_usage("--batch auto is for one process, and {} were started: give a number", world.size());
}

void check_processes(distributed::Communicator& world, const TrainConfig& config, const RunData& data) {
    if (world.alone()) return;
    const std::string those = fmt::format("{} processes", world.size());
    for (std::size_t i = 0; i < stage_count(config); ++i) {
        const TrainConfig stage = stage_config(config, i);
        const auto images = std::min<std::int64_t>(stage.batch, static_cast<std::int64_t>(data.train().size()));
        if (world.size() > images) {
            fail_usage("{} cannot share batches of {}: start {} at most, or give a larger --batch", those, images,
                       images);
        }
    }
    if (!is_host(*config.device)) world.on(*config.device);
}

void check_alike(distributed::Communicator& world, const TrainConfig& config, const RunData& data, const Model& model,
                 std::int64_t step) {
    if (world.alone()) return;
    const json own = {{"configuration", to_json(config)}, {"run", described(data, model, step)}};
    const json first = json::parse(first_text(world, own.dump()));
    std::string found;
    try {
        found = difference(first, own);
    } catch (const Error&) {  // options that this build does not know
        found = "version of Camber";
    }
    const std::vector<std::string> all = world.gather(found);
    for (std::size_t rank = 0; rank < all.size(); ++rank)
        if (!all[rank].empty()) fail("rank {} differs from rank 0: another {}", rank, all[rank]);
}

}  // namespace camber
