#include <camber/checkpoint.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <random>
#include <thread>

#include "support/devices.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

Tensor constant(const Shape& shape, float value) {
    return Tensor::from(std::vector<float>(static_cast<std::size_t>(shape.numel()), value), shape, Device::cpu);
}

CheckpointInfo example_info() {
    CheckpointInfo info;
    info.config = {{"net", "unet"}, {"classes", 11}};
    info.epoch = 7;
    info.batch = 13;
    info.step = 1234567890123;
    info.seed = 18446744073709551615u;
    info.counters = {{"dropout", 9007199254740993u}};
    info.best_metric_name = "mean_iou";
    info.best_metric = 0.1 + 0.2;  // not a round number: must come back to the last bit
    info.best_epoch = 5;
    info.extra = {{"note", "x"}};
    return info;
}

std::vector<NamedTensor> network(int classes, float value) {
    return {{"conv.weight", constant({2, 3, 3, 1}, value)},
            {"bn.running_mean", constant({2}, value)},
            {"head.weight", constant({classes, 1, 1, 2}, value)},
            {"head.bias", constant({classes}, value)}};
}

/// Whether every element of every tensor is `value`.
bool all_are(const std::vector<NamedTensor>& tensors, float value) {
    return std::all_of(tensors.begin(), tensors.end(), [&](const NamedTensor& named) {
        const std::vector<float> values = named.tensor.to_vector<float>();
        return std::all_of(values.begin(), values.end(), [&](float x) { return x == value; });
    });
}

void save(const std::filesystem::path& file, const std::vector<NamedTensor>& model, CheckpointInfo info = {}) {
    Checkpoint checkpoint{std::move(info), {}};
    checkpoint.add("model.", model);
    save_checkpoint(file, checkpoint);
}

}  // namespace

TEST_CASE("a checkpoint comes back as it was saved") {
    const TemporaryFolder folder;
    save(folder / "a", network(11, 3), example_info());
    const CheckpointInfo expected = example_info();
    const Checkpoint loaded = load_checkpoint(folder / "a");
    const CheckpointInfo& info = loaded.info;
    CHECK(info.format_version == CheckpointInfo::current_format);
    CHECK(info.camber_version == CAMBER_VERSION);
    CHECK(info.config == expected.config);
    CHECK(info.epoch == expected.epoch);
    CHECK(info.batch == expected.batch);
    CHECK(info.step == expected.step);
    CHECK(info.seed == expected.seed);
    CHECK(info.counters == expected.counters);
    CHECK(info.best_metric_name == expected.best_metric_name);
    CHECK(info.best_metric == expected.best_metric);
    CHECK(info.best_epoch == expected.best_epoch);
    CHECK(info.extra == expected.extra);
    CHECK(loaded.tensors.size() == 4);
    CHECK(all_are(loaded.tensors, 3));
    CHECK(loaded.tensors[0].name == "model.conv.weight");
    CHECK(loaded.tensors[0].tensor.shape() == Shape{2, 3, 3, 1});

    const CheckpointFile file = CheckpointFile::open(folder / "a");
    CHECK(file.has("model."));
    CHECK_FALSE(file.has("ema."));
    const std::vector<NamedTensor> target = network(11, 0);
    file.load("model.", target);
    CHECK(all_are(target, 3));
}

TEST_CASE("no best metric yet, and one that is not a number, both come back as none") {
    const TemporaryFolder folder;
    save(folder / "a", network(1, 0));
    CHECK_FALSE(CheckpointFile::open(folder / "a").info().best_metric);
    CheckpointInfo info;
    info.best_metric = std::numeric_limits<double>::quiet_NaN();
    save(folder / "a", network(1, 0), info);
    CHECK_FALSE(CheckpointFile::open(folder / "a").info().best_metric);
}

TEST_CASE("a checkpoint of another network is refused with the likely cause, and nothing is loaded") {
    const TemporaryFolder folder;
    const std::string file = (folder / "a").string();
    save(file, network(32, 3));
    const CheckpointFile checkpoint = CheckpointFile::open(file);
    std::vector<NamedTensor> target = network(11, 0);
    const auto refusal = [&] {
        const std::string message = error_of([&] { checkpoint.load("model.", target); });
        CHECK(all_are(target, 0));
        return message;
    };
    CHECK(refusal() == "head.weight is [32, 1, 1, 2] in " + file +
                           ", but the network needs [11, 1, 1, 2]: was it trained with another --classes?");
    target = network(32, 0);
    target[0].tensor = constant({2, 3, 3, 4}, 0);
    CHECK(refusal().ends_with("was it trained with another number of input channels?"));
    target[0].tensor = constant({2, 1, 1, 1}, 0);
    CHECK(refusal().ends_with("was it trained with another network or another width? (1 shapes differ)"));
    target = network(32, 0);
    target[1].tensor = Tensor::zeros({2}, Dtype::i32, Device::cpu);
    CHECK(error_of([&] { checkpoint.load("model.", target); }) ==
          "bn.running_mean is f32 in " + file + ", but i32 is needed");
    target = network(32, 0);
    target.push_back({"extra.weight", constant({1}, 0)});
    CHECK(refusal() == file +
                           " has no tensor 'model.extra.weight' (1 of 5 are missing): is it of another network, or "
                           "trained otherwise?");
    target = network(32, 0);
    target.pop_back();
    CHECK(refusal() == file +
                           " has a tensor 'model.head.bias' for which there is no place here: is it of another "
                           "network, or trained otherwise?");
}

TEST_CASE("weights come from the average, the model or a plain file") {
    const TemporaryFolder folder;
    const std::vector<NamedTensor> target = network(2, 0);
    Checkpoint checkpoint;
    checkpoint.add("model.", network(2, 3));
    std::vector<NamedTensor> averages = network(2, 5);
    averages.erase(averages.begin() + 1);  // running statistics are not averaged
    checkpoint.add("ema.", averages);
    save_checkpoint(folder / "a", checkpoint);
    load_weights(folder / "a", target);
    CHECK(all_are({target[0], target[2], target[3]}, 5));
    CHECK(all_are({target[1]}, 3));
    load_weights(folder / "a", target, WeightsFrom::model);
    CHECK(all_are(target, 3));

    write_safetensors(folder / "plain", network(2, 7));
    load_weights(folder / "plain", target);
    CHECK(all_are(target, 7));
    std::vector<NamedTensor> prefixed = network(2, 9);
    for (NamedTensor& named : prefixed) named.name = "model." + named.name;
    write_safetensors(folder / "prefixed", prefixed);
    load_weights(folder / "prefixed", target);
    CHECK(all_are(target, 9));

    CHECK(error_of([&] { CheckpointFile::open(folder / "plain"); }).find("not a Camber checkpoint") !=
          std::string::npos);
    CHECK(error_of([&] { load_weights(folder / "plain", network(3, 0)); }).find("--classes") != std::string::npos);
}

TEST_CASE("a checkpoint of a later format and one with damaged information are refused") {
    const TemporaryFolder folder;
    const auto refusal = [&](const std::string& info) {
        write_safetensors(folder / "a", network(1, 0), {{"camber.checkpoint", info}});
        return error_of([&] { CheckpointFile::open(folder / "a"); });
    };
    CHECK(refusal(R"({"format":2,"camber":"9.0"})").find("was written by Camber 9.0 in checkpoint format 2") !=
          std::string::npos);
    CHECK(refusal("{}").find("damaged checkpoint") != std::string::npos);
    CHECK(refusal("{").find("or a damaged one") != std::string::npos);
    CHECK(refusal(R"({"format":1,"camber":3})").find("damaged checkpoint") != std::string::npos);
}

TEST_CASE("a checkpoint cut at any byte is refused") {
    const TemporaryFolder folder;
    save(folder / "a", network(3, 3), example_info());
    const std::string whole = read_text(folder / "a");
    const auto opens = [&] { return error_of([&] { CheckpointFile::open(folder / "a"); }).empty(); };
    REQUIRE(opens());
    std::size_t accepted = 0;
    for (std::size_t length = whole.size(); length-- > 0;) {
        std::filesystem::resize_file(folder / "a", length);
        accepted += opens();
    }
    CHECK(accepted == 0);
}

TEST_CASE("a checkpoint with a changed byte in its header is refused") {
    const TemporaryFolder folder;
    save(folder / "a", network(3, 3), example_info());
    std::uint64_t header_bytes = 0;
    const std::string whole = read_text(folder / "a");
    whole.copy(reinterpret_cast<char*>(&header_bytes), 8);

    const int file = ::open((folder / "a").c_str(), O_WRONLY);
    REQUIRE(file >= 0);
    for (std::size_t position = 0; position < 8 + header_bytes; ++position) {
        std::string variants = std::string("\0 9\"{},:\xff", 9);
        for (int bit = 0; bit < 8; ++bit) variants += static_cast<char>(whole[position] ^ (1 << bit));
        for (const char variant : variants) {
            if (variant == whole[position]) continue;
            REQUIRE(::pwrite(file, &variant, 1, static_cast<off_t>(position)) == 1);
            const std::vector<NamedTensor> target = network(3, 0);
            const std::string message = error_of([&] { CheckpointFile::open(folder / "a").load("model.", target); });
            CAPTURE(position);
            CAPTURE(variant);
            CHECK(!message.empty());
            CHECK(message.find('\n') == std::string::npos);
        }
        REQUIRE(::pwrite(file, &whole[position], 1, static_cast<off_t>(position)) == 1);
    }
    ::close(file);
    CHECK(read_text(folder / "a") == whole);
}

TEST_CASE("a flipped bit is found when its tensor is read, and named with it") {
    const TemporaryFolder folder;
    const std::string path = (folder / "a").string();
    // 'w' is of several pieces as they are checked.
    save(path, {{"b", constant({3}, 1)}, {"w", constant({300'000}, 2)}}, example_info());
    const std::string whole = read_text(path);
    const std::size_t data = whole.size() - 4 * 300'003;
    const auto wrong = [&](const std::string& name) {
        return path + ": damaged: the bytes of tensor '" + name +
               "' do not have the checksum that was written with them";
    };
    for (const std::size_t at : {data + 12, data + 700'001, whole.size() - 1}) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 4);
        write_text(path, flipped);
        const CheckpointFile file = CheckpointFile::open(path);
        CHECK_NOTHROW(file.tensors().read("model.b"));
        for (const Device device : computing_devices())
            CHECK(error_of([&] { file.tensors().read("model.w", device); }) == wrong("model.w"));
        CHECK(error_of([&] {
                  file.tensors().read_into("model.w", Tensor::empty({300'000}, Dtype::f64, Device::cpu));
              }) == wrong("model.w"));
        CHECK(error_of([&] { load_checkpoint(path); }) == wrong("model.w"));
        float value = 0;
        const SafetensorsFile::Entry& entry = *file.tensors().find("model.w");
        CHECK(error_of([&] { file.tensors().read_floats(entry, 5, &value, 1); }) == wrong("model.w"));
    }
    write_text(path, whole);
    CHECK(load_checkpoint(path).tensors.size() == 2);
}

TEST_CASE("a file without checksums is read, as checkpoints of before have none") {
    const TemporaryFolder folder;
    const std::string path = (folder / "a").string();
    save(path, network(3, 3), example_info());
    std::string text = read_text(path);
    std::uint64_t header_bytes = 0;
    text.copy(reinterpret_cast<char*>(&header_bytes), 8);
    const std::string said = R"(\"checksums\":true,)";
    const std::size_t begin = text.find(",\"camber.crc32c\":\""), end = text.find('"', begin + 19) + 1;
    text.erase(begin, end - begin);
    text.erase(text.find(said), said.size());
    header_bytes -= end - begin + said.size();
    std::memcpy(text.data(), &header_bytes, 8);
    write_text(path, text);
    const std::vector<NamedTensor> target = network(3, 0);
    CheckpointFile::open(path).load("model.", target);
    CHECK(all_are(target, 3));
}

TEST_CASE("a run killed at any moment leaves a checkpoint that loads") {
    const TemporaryFolder folder;
    const auto save_step = [&](std::int64_t step) {
        CheckpointInfo info;
        info.step = step;
        // 256 KB: long enough to be killed in the middle of.
        save(folder / "last", {{"w", constant({65536}, static_cast<float>(step))}}, info);
    };
    save_step(0);
    std::mt19937 random(1);
    std::int64_t last_step = 0;
    for (int round = 0; round < 40; ++round) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            try {
                for (std::int64_t step = last_step + 1;; ++step) save_step(step);
            } catch (...) {
            }
            ::_exit(1);  // reached only when saving failed
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        REQUIRE(WIFSIGNALED(status));

        const CheckpointFile file = CheckpointFile::open(folder / "last");
        const std::vector<NamedTensor> target = {{"w", constant({65536}, -1)}};
        file.load("model.", target);
        REQUIRE(file.info().step >= last_step);
        REQUIRE(all_are(target, static_cast<float>(file.info().step)));
        last_step = file.info().step;
    }
    CHECK(last_step > 0);
    save_step(last_step + 1);
    CHECK(folder.file_count() == 1);  // the next writer cleaned up
}
