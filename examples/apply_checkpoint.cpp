// Applies a checkpoint, of a run or of `camber import`, to a picture: paints the classes over it and says what share of
// it each has.
//   apply_checkpoint CHECKPOINT PICTURE OUT.png
#include <camber/image.h>
#include <camber/label_picture.h>
#include <camber/train.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

using namespace camber;

int main(int count, char** arguments) try {
    if (count != 4) fail_usage("takes CHECKPOINT PICTURE OUT.png");
    Model model = load_model(arguments[1]);
    const Image picture = read_image(arguments[2]);
    const Image labels = predict(model, picture);
    write_png(arguments[3], overlay_labels(picture, labels, model.classes));

    fmt::print("{} on {}, {}x{}\n", model.net->name(), name(model.device()), picture.height, picture.width);
    for (int id = 0; id < model.classes.count(); ++id) {
        const auto pixels = std::count(labels.data.begin(), labels.data.end(), static_cast<std::uint8_t>(id));
        const double share = 100.0 * static_cast<double>(pixels) / static_cast<double>(labels.pixels());
        if (pixels > 0) fmt::print("{:12} {:5.1f}%\n", model.classes.name_of(id), share);
    }
} catch (const Error& error) {  // one line that says what is wrong and what to do
    fmt::print(stderr, "apply_checkpoint: {}\n", error.what());
    return 1;
}
