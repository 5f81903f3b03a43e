// camber export: what its options go with, and what is refused.
#include <camber/import.h>
#include <camber/nets.h>
#include <camber/parameter_buffer.h>
#include <camber/safetensors.h>
#include <doctest/doctest.h>

#include "cli/check_error.h"
#include "support/command.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

struct Made {
    explicit Made(const std::string& net, const nlohmann::json& options = {{"width", 4}}) {
        const auto made = nets::make_net(net, options);
        const nn::ParameterBuffer memory(*made, {.gradients = false});
        write_safetensors(folder / "w.safetensors", export_weights(*made));
        const CommandResult result =
            run_camber({"import", "--net", net, "--weights", at("w.safetensors"), "--out", at("c.safetensors")});
        INFO(result.errors);
        REQUIRE(result.exit_code == 0);
    }
    std::string at(const std::string& name) const { return (folder / name).string(); }
    CommandResult to(const std::string& name, std::vector<std::string> more = {}) const {
        more.insert(more.begin(), {"export", "--checkpoint", at("c.safetensors"), "--out", at(name)});
        return run_camber(more);
    }
    TemporaryFolder folder;
};

}  // namespace

TEST_CASE("export names the formats that it writes, and refuses what has no effect") {
    const Made unet("unet", {{"width", 4}, {"depth", 1}});
    const std::size_t files = unet.folder.file_count();
    check_error(unet.to("a.bin"), 2, {"a.bin", ".pth", ".keras", ".onnx"});
    for (const char* option : {"--preprocess", "--argmax", "--fold-batch-norms"})
        check_error(unet.to("a.pth", {option}), 2, {option, ".onnx", "a.pth"});
    check_error(unet.to("a.safetensors", {"--size", "32x32"}), 2, {"--size", ".onnx"});
    check_error(unet.to("a.h5", {"--batch", "2"}), 2, {"--batch", ".onnx"});
    check_error(unet.to("a.onnx", {"--batch", "0"}), 2, {"--batch"});
    check_error(unet.to("a.onnx", {"--size", "32"}), 2, {"32"});
    CHECK(unet.folder.file_count() == files);
}

TEST_CASE("export to a disk that is full says so, in every format, and leaves nothing") {
    const Made unet("unet", {{"width", 12}});
    const std::size_t files = unet.folder.file_count();
    for (const char* file : {"a.safetensors", "a.pth", "a.onnx"}) {
        CAPTURE(file);
        CommandLimits limits;
        limits.file_size = 1 << 20;  // a whole block of what is written at a time
        const CommandResult result =
            run_camber({"export", "--checkpoint", unet.at("c.safetensors"), "--out", unet.at(file)}, limits);
        if (!mentions(result.errors, {"libonnx-dev"})) check_error(result, 1, {"cannot write", file, "File too large"});
        CHECK(unet.folder.file_count() == files);
    }
}

TEST_CASE("export as .onnx says what goes in and what comes out") {
    const Made unet("unet", {{"width", 4}, {"depth", 1}});
    const CommandResult plain = unet.to("a.onnx");
    if (mentions(plain.errors, {"libonnx-dev"})) {
        CHECK(plain.exit_code == 1);
        return;
    }
    CHECK(plain.exit_code == 0);
    CHECK(
        mentions(plain.output, {"a.onnx", "image f32 [N, 3, H, W]", "logits f32 [N, 11, H, W]", "0.485 0.456 0.406"}));
    const CommandResult whole = unet.to("b.onnx", {"--preprocess", "--argmax", "--size", "30x50", "--batch", "2"});
    CHECK(whole.exit_code == 0);
    CHECK(mentions(whole.output, {"image u8 [2, 30, 50, 3]", "labels u8 [2, 30, 50]"}));
    CHECK_FALSE(mentions(whole.output, {"0.485"}));
    // Classes and preprocessing are there for other programs.
    const std::string bytes = read_text(unet.folder / "b.onnx");
    CHECK(mentions(bytes, {"\"inside\":true", "\"void\"", "Pavement"}));
}

TEST_CASE("a network of PyTorch's has no .keras") {
    const Made smp("smp-unet-resnet34");
    check_error(smp.to("a.keras"), 2, {"a.keras", "smp-unet-resnet34 is PyTorch's"});
}
