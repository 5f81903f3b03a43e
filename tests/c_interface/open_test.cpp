// What is no checkpoint, and what is misused, gives a code and a line.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <random>

#include "c_interface/checkpoints.h"
#include "io/weight_fixtures.h"
#include "support/errors.h"
#include "support/files.h"

using namespace camber;
using namespace camber::testing;

namespace {

/// What opening a file comes to: "CODE LINE".
std::string opened(const std::string& file, const camber_options* options = nullptr) {
    camber_model* model = reinterpret_cast<camber_model*>(1);
    const camber_status status = camber_open(file.c_str(), options, &model);
    if (status == CAMBER_OK) {
        camber_close(model);
        return "0";
    }
    CHECK(model == nullptr);
    const std::string text = camber_error_text();
    CHECK(text.find('\n') == text.npos);
    return std::to_string(status) + " " + text;
}

std::string opened(const std::filesystem::path& file, const std::string& contents) {
    write_text(file, contents);
    return opened(file.string());
}

/// "CODE LINE" of any call.
std::string said(camber_status status) {
    return status == CAMBER_OK ? "0" : std::to_string(status) + " " + camber_error_text();
}

}  // namespace

TEST_CASE("a checkpoint cut short anywhere is a bad file, and says so") {
    const TemporaryFolder folder;
    const std::string whole = read_text(write_checkpoint(folder / "a"));
    REQUIRE(opened((folder / "a").string()) == "0");
    std::vector<std::size_t> lengths = {0, 1, 7, 8, 9, 100, whole.size() / 2, whole.size() - 4, whole.size() - 1};
    for (std::size_t length = 500; length < whole.size(); length += whole.size() / 20) lengths.push_back(length);
    for (const std::size_t length : lengths) {
        CAPTURE(length);
        const std::string line = opened(folder / "cut", whole.substr(0, length));
        CHECK(line.starts_with("2 "));
        CHECK(line.find((folder / "cut").string()) != line.npos);
    }
}

TEST_CASE("a damaged checkpoint is a bad file or, where the damage does not matter, opens") {
    const TemporaryFolder folder;
    const std::string whole = read_text(write_checkpoint(folder / "a"));
    int refused = 0;
    for (unsigned seed = 0; seed < 150; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        std::string damaged = whole;
        for (unsigned change = 0; change < 1 + seed % 4; ++change) {
            // What says most lies at the begin.
            const std::size_t at = random() % (seed % 2 ? std::min<std::size_t>(whole.size(), 6000) : whole.size());
            damaged[at] = static_cast<char>(random());
        }
        const std::string line = opened(folder / "damaged", damaged);
        CHECK_MESSAGE((line == "0" || line.starts_with("2 ") || line.starts_with("4 ")), line);
        refused += line != "0";
    }
    CHECK(refused > 100);  // a flipped bit of a tensor is found by its checksum
}

TEST_CASE("foreign and wrong files are named for what they are") {
    const TemporaryFolder folder;
    const std::string path = (folder / "a").string();
    CHECK(opened(path) == "2 cannot read " + path + ": No such file or directory");
    for (const std::string& no_file : {folder.path().string(), std::string("/dev/zero")}) {
        const std::string line = opened(no_file);
        CHECK_MESSAGE(line.starts_with("2 "), line);
        CHECK_MESSAGE(line.find(no_file) != line.npos, line);
    }
    const struct {
        const char* fixture;
        const char* part;
    } foreign[] = {{"torch_zip.pth", "not a Camber checkpoint (a file of PyTorch's"},
                   {"keras_model.h5", "not a Camber checkpoint"},
                   {"plain_unet.keras", "not a Camber checkpoint"}};
    for (const auto& wrong : foreign) {
        const std::string line = opened(weight_fixture(wrong.fixture).string());
        CHECK_MESSAGE(line.starts_with("2 "), line);
        CHECK_MESSAGE(line.find(wrong.part) != line.npos, line);
    }
    CHECK(opened(folder / "a", "<html>not found</html>").starts_with("2 " + path));
    CHECK(opened(folder / "a", std::string(5000, '\xff')).starts_with("2 " + path));

    // Weights alone; a checkpoint that names no classes; one of a classifier; one of a network that there is not.
    Checkpoint checkpoint;
    checkpoint.add("model.", {std::array{NamedTensor{"x", Tensor::zeros({3}, Dtype::f32, Device::cpu)}}});
    write_safetensors(path, checkpoint.tensors, {});
    CHECK(opened(path).starts_with("2 " + path));
    save_checkpoint(path, checkpoint);
    CHECK(opened(path) ==
          "2 " + path + ": this checkpoint does not name its classes; it was not written by camber train");
    const auto with_config = [&](const nlohmann::json& change) {
        checkpoint.info.config = to_json(small_config({}));
        checkpoint.info.config.update(change);
        checkpoint.info.extra["classes"] = nlohmann::json::parse(class_table_json(numbered_classes(5)));
        save_checkpoint(path, checkpoint);
        return opened(path);
    };
    for (const nlohmann::json& change :
         {nlohmann::json{{"net", "unett"}}, nlohmann::json{{"net", 3}}, nlohmann::json{{"net_options", "x"}},
          nlohmann::json{{"net", "resnet34"}, {"net_options", {{"classes", 5}}}},
          nlohmann::json{{"net_options", {{"classes", 6}}}}, nlohmann::json{{"height", -1}},
          nlohmann::json::object()}) {
        const std::string line = with_config(change);
        CHECK_MESSAGE(line.starts_with("2 "), line);
        CHECK_MESSAGE(line.find(path) != line.npos, line);
    }
}

TEST_CASE("weights that are not finite are a bad file") {
    const TemporaryFolder folder;
    write_checkpoint(folder / "a");
    Checkpoint checkpoint = load_checkpoint(folder / "a");
    checkpoint.tensors.front().tensor.data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    save_checkpoint(folder / "a", checkpoint);
    const std::string line = opened((folder / "a").string());
    CHECK_MESSAGE(line.starts_with("2 "), line);
    CHECK(line.find("is not finite") != line.npos);
}

TEST_CASE("options that there are not are the caller's mistake") {
    const TemporaryFolder folder;
    const std::string file = write_checkpoint(folder / "a");
    const auto with = [&](const std::function<void(camber_options&)>& set) {
        camber_options wanted = options();
        set(wanted);
        return opened(file, &wanted);
    };
    CHECK(with([](camber_options&) {}) == "0");
    CHECK(with([](camber_options& o) { o.device = "cpu", o.dtype = "bf16", o.threads = 3; }) == "0");
    CHECK(with([](camber_options& o) { o.device = "gpu"; }) ==
          "1 there is no device 'gpu': cuda, cpu, emulated or reference");
    CHECK(with([](camber_options& o) { o.device = "meta"; }).starts_with("1 there is no device 'meta'"));
    CHECK(with([](camber_options& o) { o.dtype = "f64"; }) == "1 there is no dtype 'f64': f32 or bf16");
    CHECK(with([](camber_options& o) { o.threads = -1; }).starts_with("1 -1 threads"));
    CHECK(with([](camber_options& o) { o.threads = 1 << 20; }).starts_with("1 1048576 threads"));
    CHECK(with([](camber_options& o) { o.height = 64; }).starts_with("1 an input of 64x0"));
    CHECK(with([](camber_options& o) { o.height = o.width = 33; }).starts_with("1 "));
    CHECK(with([](camber_options& o) { o.tile_height = o.tile_width = 33; }) ==
          "1 tiles of 33x33: unet takes sizes that are multiples of 4");
    CHECK(with([](camber_options& o) { o.height = o.width = 64, o.own_size = 1; }).starts_with("1 "));
    CHECK(with([](camber_options& o) { o.overlap = 0.5f; }) == "1 overlap has no effect without tiles");
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const float overlap : {0.96f, -0.5f, nan})
        CHECK(with([&](camber_options& o) {
                  o.tile_height = o.tile_width = 32, o.overlap = overlap;
              }).starts_with("1 overlap "));
    camber_options none = options();
    none.device = "cuda";
    if (!has_backend(Device::cuda)) CHECK(opened(file, &none).starts_with("3 device 'cuda' cannot be used: "));
    camber_model* model = nullptr;
    CHECK(said(camber_open(nullptr, nullptr, &model)) == "1 camber_open: a null pointer");
    CHECK(said(camber_open(file.c_str(), nullptr, nullptr)) == "1 camber_open: a null pointer");
    camber_close(nullptr);
}

TEST_CASE("structs of other versions") {
    const TemporaryFolder folder;
    const std::string file = write_checkpoint(folder / "a");
    camber_options forgotten{};
    CHECK(opened(file, &forgotten) == "1 struct_size is 0: set it to sizeof(camber_options)");
    struct Newer {
        camber_options known;
        std::int64_t more;
    } newer{};
    newer.known.struct_size = sizeof newer;
    CHECK(opened(file, &newer.known) == "0");
    newer.more = 1;
    CHECK(opened(file, &newer.known) ==
          std::string("1 the camber_options asks for something that libcamber ") + CAMBER_VERSION + " does not know");
    // One that ends after `device`, with what is no field behind it.
    camber_options older = options();
    std::memset(&older, 0xff, sizeof older);
    older.struct_size = offsetof(camber_options, dtype);
    older.device = "cpu";
    CHECK(opened(file, &older) == "0");

    const Handle handle(file);
    camber_description described{};
    std::memset(&described, 0xff, sizeof described);
    described.struct_size = offsetof(camber_description, device);
    CHECK(camber_describe(handle.model, &described) == CAMBER_OK);
    CHECK(described.network == std::string("unet"));
    CHECK(described.struct_size == offsetof(camber_description, device));
    CHECK(described.classes == -1);  // untouched
}

TEST_CASE("a network is described") {
    const TemporaryFolder folder;
    camber_options wanted = options();
    wanted.threads = 2;
    const Handle handle(write_checkpoint(folder / "a"), &wanted);
    camber_description d{};
    d.struct_size = sizeof d;
    REQUIRE(camber_describe(handle.model, &d) == CAMBER_OK);
    CHECK(d.network == std::string("unet"));
    CHECK(d.device == std::string("cpu"));
    CHECK(d.dtype == std::string("f32"));
    CHECK(d.resizing == std::string("antialias"));
    CHECK(d.table == numbered_classes(5).name);
    CHECK(d.threads == 2);
    CHECK(d.height == 32);
    CHECK(d.width == 48);
    CHECK(d.size_multiple == 4);
    CHECK(d.channels == 3);
    CHECK(d.classes == 5);
    CHECK(d.void_id == 255);
    CHECK(d.mean[1] == 0.456f);
    CHECK(d.std[2] == 0.225f);
    camber_class one{};
    one.struct_size = sizeof one;
    for (const int id : {0, 4, 255}) {
        REQUIRE(camber_describe_class(handle.model, id, &one) == CAMBER_OK);
        const ClassTable table = numbered_classes(5);
        CHECK(one.name == table.name_of(id));
        CHECK(Rgb{one.colour[0], one.colour[1], one.colour[2]} == table.colour_of(id));
    }
    for (const int id : {-1, 5, 254, 256})
        CHECK(said(camber_describe_class(handle.model, id, &one)).starts_with("1 there is no class "));
    CHECK(said(camber_describe(handle.model, nullptr)) == "1 the camber_description is a null pointer");
    CHECK(said(camber_describe(nullptr, &d)) == "1 camber_describe: a null pointer");
    CHECK(said(camber_describe_class(nullptr, 0, &one)) == "1 camber_describe_class: a null pointer");

    wanted.own_size = 1;
    const Handle whole((folder / "a").string(), &wanted);
    REQUIRE(camber_describe(whole.model, &d) == CAMBER_OK);
    CHECK(d.height == 0);
    CHECK(d.width == 0);
}

TEST_CASE("frames that cannot be are the caller's mistake, and the handle goes on") {
    const TemporaryFolder folder;
    const Handle handle(write_checkpoint(folder / "a"));
    const Image image = noise(20, 30);
    std::vector<std::uint8_t> labels(image.pixels());
    const auto with = [&](const std::function<void(camber_frame&)>& set) {
        camber_frame frame = frame_of(image);
        frame.labels = labels.data();
        set(frame);
        return said(camber_run(handle.model, &frame));
    };
    CHECK(with([](camber_frame& f) { f.pixels = nullptr; }) == "1 the pixels are a null pointer");
    CHECK(with([](camber_frame& f) { f.labels = nullptr; }).starts_with("1 nothing is wanted of the frame"));
    for (const int size : {0, -1, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()})
        CHECK(with([&](camber_frame& f) { f.height = size, f.width = 100000; }).starts_with("1 a picture of "));
    CHECK(with([](camber_frame& f) { f.channels = 2; }).starts_with("1 a picture of 2 channels"));
    CHECK(with([](camber_frame& f) { f.row_bytes = 89; }) == "1 rows begin 89 bytes apart, but one has 90");
    CHECK(with([](camber_frame& f) { f.struct_size = 0; }).starts_with("1 struct_size is 0"));
    camber_frame frame = frame_of(image);
    CHECK(said(camber_run(nullptr, &frame)) == "1 camber_run: a null pointer");
    CHECK(said(camber_run(handle.model, nullptr)) == "1 the camber_frame is a null pointer");
    CHECK(with([](camber_frame&) {}) == "0");
}

TEST_CASE("pictures are read and written") {
    const TemporaryFolder folder;
    const Image image = noise(5, 7);
    const std::string file = (folder / "a.png").string();
    REQUIRE(camber_write_png(file.c_str(), image.data.data(), 5, 7, 3) == CAMBER_OK);
    std::uint8_t* pixels = nullptr;
    int height = 0, width = 0;
    REQUIRE(camber_read_picture(file.c_str(), 3, &pixels, &height, &width) == CAMBER_OK);
    CHECK(height == 5);
    CHECK(width == 7);
    CHECK(std::memcmp(pixels, image.data.data(), image.data.size()) == 0);
    camber_free_picture(pixels);
    CHECK(said(camber_read_picture((folder / "b").c_str(), 3, &pixels, &height, &width)).starts_with("2 "));
    CHECK(pixels == nullptr);
    CHECK(said(camber_read_picture(file.c_str(), 2, &pixels, &height, &width)).starts_with("1 "));
    CHECK(said(camber_read_picture(file.c_str(), 3, nullptr, &height, &width)).starts_with("1 "));
    write_text(file, read_text(file).substr(0, 60));
    CHECK(said(camber_read_picture(file.c_str(), 3, &pixels, &height, &width)).starts_with("2 " + file));
    CHECK(said(camber_write_png(file.c_str(), image.data.data(), 5, 7, 4)).starts_with("1 "));
    CHECK(said(camber_write_png((folder / "no/a.png").c_str(), image.data.data(), 5, 7, 3)).starts_with("5 "));
    camber_free_picture(nullptr);
}

TEST_CASE("after a fork the child is refused in words, where OpenMP would wait for ever") {
    const TemporaryFolder folder;
    const Handle handle(write_checkpoint(folder / "a"));
    const Image image = noise(20, 30);
    REQUIRE(run_labels(handle.model, image).status == CAMBER_OK);
    const pid_t child = fork();
    if (child == 0) {
        const bool refused = run_labels(handle.model, image).status == CAMBER_NO_DEVICE &&
                             opened((folder / "a").string()).find("this process was forked") != std::string::npos;
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(run_labels(handle.model, image).status == CAMBER_OK);
}
