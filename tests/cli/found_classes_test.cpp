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
}
