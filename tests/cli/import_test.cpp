#include <camber/import.h>
#include <camber/nets.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include "cli/check_error.h"

using namespace camber;
using namespace camber::testing;

namespace {

const std::vector<std::string> small_unet = {"--net", "unet", "--width", "4", "--depth", "1", "--classes", "3"};

/// A small U-Net's weights in PyTorch's layout, as export writes them.
void write_weights(const std::filesystem::path& file, std::uint64_t seed) {
    const auto net = nets::make_net("unet", {{"width", 4}, {"depth", 1}, {"classes", 3}});
    const nn::ParameterBuffer memory(*net, {.seed = seed, .gradients = false});
    write_safetensors(file, export_weights(*net));
}

CommandResult import_file(const std::filesystem::path& weights, const std::filesystem::path& out,
                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"import", "--weights", weights.string(), "--out", out.string()};
    arguments.insert(arguments.end(), small_unet.begin(), small_unet.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_camber(arguments);
}

}  // namespace

TEST_CASE("import makes a checkpoint, export makes the file again") {
    const TemporaryFolder folder;
    write_weights(folder / "a.safetensors", 7);
    const CommandResult imported = import_file(folder / "a.safetensors", folder / "c.safetensors", {"--strict"});
    INFO(imported.errors);
    REQUIRE(imported.exit_code == 0);
    CHECK(imported.output.find("0 missing, 0 unexpected") != std::string::npos);
    const CommandResult exported = run_camber(
        {"export", "--checkpoint", (folder / "c.safetensors").string(), "--out", (folder / "b.safetensors").string()});
    INFO(exported.errors);
    REQUIRE(exported.exit_code == 0);
    const auto before = WeightFile::open(folder / "a.safetensors"), after = WeightFile::open(folder / "b.safetensors");
    REQUIRE(after->entries().size() == before->entries().size());
    for (const WeightEntry& entry : before->entries()) CHECK(after->read(entry.name) == before->read(entry.name));
    const CommandResult json = import_file(folder / "a.safetensors", folder / "c.safetensors", {"--json"});
    CHECK(nlohmann::json::parse(json.output)["missing"].empty());
}

TEST_CASE("imports that cannot be are one line, and leave no file") {
    const TemporaryFolder folder;
    const std::filesystem::path good = folder / "a.safetensors", bad = folder / "bad.pth",
                                out = folder / "out.safetensors";
    write_weights(good, 1);
    check_error(import_file(folder / "none.pth", out), 1, {"none.pth", "No such file"});
    write_text(bad, "these are words");
    check_error(import_file(bad, out), 1, {"bad.pth", "not a file of weights"});
    write_text(bad, read_text(good).substr(0, 3000));
    check_error(import_file(bad, out), 1, {"bad.pth"});
    check_error(import_file(std::filesystem::path(CAMBER_TEST_FIXTURES) / "weights/torch_module.pth", out), 1,
                {"wants to call torch.nn.modules.container.Sequential"});
    check_error(import_file(std::filesystem::path(CAMBER_TEST_FIXTURES) / "weights/torch_zip.pth", out), 1,
                {"none of its 18 tensors fits"});
    check_error(import_file(good, out, {"--from", "caffe"}), 2, {"caffe", "torchvision"});
    check_error(import_file(good, out, {"--from", "keras"}), 2, {"keras"});
    check_error(import_file(good, folder / "no/folder.safetensors"), 1, {"no folder"});
    check_error(run_camber({"import", "--net", "vnet", "--weights", good.string(), "--out", out.string()}), 2,
                {"vnet"});
    check_error(run_camber({"import", "--net", "unet", "--out", out.string()}), 2, {"--weights", "--encoder-weights"});
    check_error(run_camber({"import", "--net", "unet", "--encoder-weights", good.string(), "--out", out.string()}), 2,
                {"no encoder"});
    check_error(run_camber({"import", "--weights", good.string(), "--out", out.string()}), 2, {"--net"});
    check_error(run_camber({"import", "--net", "unet", "--depth", "1", "--classes", "3", "--strict", "--weights",
                            good.string(), "--out", out.string()}),
                1, {"of the wrong shape", "needs [64, 3, 3, 3]"});
    check_error(run_camber({"export", "--checkpoint", good.string(), "--out", out.string()}), 1,
                {"not a Camber checkpoint"});
    check_error(run_camber({"export", "--checkpoint", bad.string(), "--out", out.string()}), 1, {"bad.pth"});
    CHECK_FALSE(std::filesystem::exists(out));
}
