#include <camber/data_folder.h>
#include <camber/error.h>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "data/annotations/annotations.h"
#include "data/convert.h"

namespace camber::cli {

namespace {

/// What is for label maps has nothing to work on in polygons, nor --images in label maps.
void refuse_unused(const CLI::App& command, bool drawn) {
    if (!drawn && command.count("--images") > 0)
        fail_usage("--images is for drawn polygons; a dataset's folder says itself where its pictures are");
    for (const char* option : {"--layout", "--classes", "--map", "--unknown"})
        if (drawn && command.count(option) > 0)
            fail_usage("{} is for label maps, not for drawn polygons; give it with the folder that is made of them",
                       option);
}

}  // namespace

void add_data_convert(CLI::App& app, Action& action) {
    struct Arguments {
        std::string from, out, images;
        FolderOptions source;
    };
    CLI::App* command = app.add_subcommand("convert",
                                           "Writes a dataset of any layout, or drawn polygons (COCO's JSON, a folder "
                                           "of LabelMe's, CVAT's XML), as ids with "
                                           "lists and classes.json");
    command->footer("Example:\n  camber data convert coco.json --out data/mine");
    auto a = std::make_shared<Arguments>();
    command->add_option("from", a->from, "Folder of the dataset, or file of polygons")->required();
    command->add_option("--out", a->out, "Folder to make")->required();
    command->add_option("--images", a->images, "Folder of the pictures that polygons are of [beside them]");
    add_folder_options(*command, a->source);
    command->callback([=, &action] {
        action = [=] {
            refuse_among_frames(a->out, a->out);
            ProgressLine line;
            struct Interrupted {};
            const std::atomic<bool>* stop = nullptr;
            const auto progress = [&](std::size_t done, std::size_t total) {
                if (*stop) throw Interrupted();
                line.update(static_cast<double>(done), static_cast<double>(total),
                            fmt::format("frame {}/{}", done, total));
            };
            const bool polygons = is_annotations(a->from);
            refuse_unused(*command, polygons);
            const auto converted = [&] {
                if (polygons) return read_annotations(a->from, a->images, a->source.val_fraction);
                const DataFolder folder = DataFolder::open(a->from, a->source);
                refuse_unused(a->source, folder);
                return drawn(folder);
            };
            const DrawnDataset data = converted();
            stop = &interruption();
            try {
                write_plain_dataset(data, a->out, progress);
            } catch (const Interrupted&) {
                return interrupted_exit;
            }
            std::size_t frames = 0;
            for (const DrawnDataset::Split& split : data.splits) frames += split.frames.size();
            line.print(fmt::format("{} frames of {} classes are in {}", frames, data.classes.count(), a->out));
            for (const std::string& note : data.notes) line.print(note);
            if (!data.left_out.empty()) line.print(fmt::format("left out: {}", fmt::join(data.left_out, ", ")));
            return 0;
        };
    });
}

}  // namespace camber::cli
