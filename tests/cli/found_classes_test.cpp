// What labels are taken to be, where a dataset's classes are not the network's or are too few.
#include <camber/class_table.h>
#include <camber/label_picture.h>
#include <doctest/doctest.h>

#include <algorithm>

#include "cli/check_error.h"
#include "cli/scenes.h"
#include "support/errors.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("eval says which classes of a dataset are void to the network; of one class nothing is trained") {
    const TemporaryFolder folder;
    const std::filesystem::path data = folder / "data", run = folder / "run";
    write_scenes(data);
    REQUIRE(run_camber(train_arguments(data, run, {"--epochs", "1"})).exit_code == 0);
    ClassTable other = camvid11();
    other.names[0] = "Heaven";
    write_text(data / "classes.json", class_table_json(other));
    const CommandResult judged =
        run_camber({"eval", "--classes", "camvid11", "--checkpoint", (run / "best.safetensors").string()});
    INFO(judged.errors);
    CHECK(judged.exit_code == 0);
    CHECK(judged.errors.empty());
    CHECK(mentions(judged.output, {"void, since camvid11 has nothing for them: Heaven"}));

    for (const char* split : {"trainannot", "valannot"})
        for (const auto& entry : std::filesystem::directory_iterator(data / split)) {
            Image ids = read_label(entry.path());
            std::fill(ids.data.begin(), ids.data.end(), std::uint8_t{0});
            write_png(entry.path(), ids);
        }
    write_text(data / "classes.json", class_table_json(numbered_classes(1)));
    check_error(run_camber(train_arguments(data, folder / "one")), 1, {"one class alone, class0", "classes.csv"});
    const std::string found = run_camber({"data", "info", data}).output;
    CHECK(found.find("warning: there is one class") != std::string::npos);
}

TEST_CASE("what eval is given goes before what the checkpoint keeps, and a kept --map is said") {
    const TemporaryFolder folder;
    const std::filesystem::path data = folder / "data", run = folder / "run";
    write_scenes(data);
    REQUIRE(run_camber(train_arguments(
                           data, run,
                           {"--epochs", "1", "--classes", "camvid11", "--map", "3=Sky,77=Sky", "--unknown", "void"}))
                .exit_code == 0);
    for (const auto& entry : std::filesystem::directory_iterator(data / "valannot")) {
        Image ids = read_label(entry.path());
        ids.data[0] = 99;
        ids.data[1] = 77;
        write_png(entry.path(), ids);
    }
    const auto eval = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"eval", "--checkpoint", (run / "best.safetensors").string()});
        return run_camber(more);
    };
    const CommandResult kept = eval({});
    CHECK(kept.exit_code == 0);
    CHECK(mentions(kept.output, {"--map 3=Sky,77=Sky of the checkpoint", "--unknown void: 99"}));
    check_error(eval({"--unknown", "refuse"}), 1, {"id 99"});
    const CommandResult cleared = eval({"--map", ""});
    CHECK(cleared.exit_code == 0);
    CHECK(mentions(cleared.output, {"--classes camvid11: 11 classes", "--unknown void: 77, 99"}));
    CHECK(cleared.output.find("--map") == std::string::npos);
    std::filesystem::copy(data, folder / "other", std::filesystem::copy_options::recursive);
    CHECK(mentions(eval({"--data", (folder / "other").string()}).output,
                   {"warning: --map 3=Sky,77=Sky of the checkpoint is for", "3 is Road"}));
    check_error(run_camber(train_arguments(data, folder / "none", {"--val-fraction", "0"})), 2, {"--val-fraction"});
}
