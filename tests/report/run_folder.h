#pragma once
#include <camber/class_table.h>
#include <camber/metrics.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/files.h"

namespace camber::testing {

/// What a run's folder holds, made up: enough of a run to test what becomes of it on a page.
struct MadeRun {
    std::vector<std::string> classes = {"Sky", "Road"};
    int epochs = 3;
    int stages = 1;
    bool validated = true;
    bool judged = true;  ///< has best_validation.json
    std::string fingerprint = "0123456789abcdef", net = "unet", state = "finished";

    ConfusionMatrix confusion() const {
        const auto n = static_cast<int>(classes.size());
        ConfusionMatrix matrix(n);
        std::vector<std::int64_t> counts(static_cast<std::size_t>(n * n));
        // The last class is never predicted and not in the truth.
        for (int c = 0; c + 1 < n; ++c) {
            counts[static_cast<std::size_t>(c * n + c)] = 90;
            counts[static_cast<std::size_t>(c * n)] += 10;
        }
        matrix.add(counts);
        return matrix;
    }

    nlohmann::json split(int frames) const {
        return {{"data", "/data <1>"},
                {"layout", "own"},
                {"split", "val"},
                {"frames", frames},
                {"fingerprint", fingerprint}};
    }
    nlohmann::json protocol() const {
        return {{"judged_on", validated ? split(7) : nlohmann::json()},
                {"trained_on", split(20)},
                {"pretraining", nullptr},
                {"classes", {{"table", "made"}, {"count", classes.size()}}},
                {"input_sizes", {{64, 96}}},
                {"label_sizes", {{128, 192}}},
                {"more_label_sizes", false},
                {"test_time_augmentation", nullptr},
                {"void", {{"name", "Void"}, {"id", 255}, {"learnt", false}}}};
    }

    void write(const std::filesystem::path& folder) const {
        std::filesystem::create_directories(folder);
        nlohmann::json stage_list = nlohmann::json::array();
        for (int i = 0; stages > 1 && i < stages; ++i) stage_list.push_back({{"epochs", epochs}});
        write_text(folder / "config.json",
                   nlohmann::json{{"net", net}, {"epochs", epochs}, {"stages", stage_list}}.dump());
        ClassTable table;
        table.name = "made";
        table.names = classes;
        table.colours.assign(classes.size(), Rgb{10, 20, 30});
        table.void_name = "Void";
        const nlohmann::json layer = {{"name", "conv2d"}, {"type", "Conv2D"}, {"output", {64, 96, 8}}, {"params", 224}};
        const nlohmann::json run = {
            {"camber", "0"},
            {"device", "cpu"},
            {"device_name", "some"},
            {"dtype", "f32"},
            {"processor", "one"},
            {"cores", 2},
            {"state", state},
            {"why", ""},
            {"classes", nlohmann::json::parse(class_table_json(table))},
            {"layers", {{"model", net}, {"layers", {layer}}, {"params", 224}, {"trainable", 224}}},
            {"protocol", protocol()}};
        write_text(folder / "run.json", run.dump());
        nlohmann::json scores = metrics_json(confusion(), classes);
        scores["loss"] = 0.5;
        scores["iou_score"] = 0.4;
        std::string lines;
        for (int i = 0; i < epochs * stages; ++i) {
            nlohmann::json line = {{"epoch", i},
                                   {"stage", i / std::max(epochs, 1)},
                                   {"step", 4 * (i + 1)},
                                   {"lr", 0.001},
                                   {"train", {{"loss", 1.0 / (i + 1)}, {"pixel_accuracy", 0.5}, {"mean_iou", nullptr}}},
                                   {"best", validated && i == 0},
                                   {"seconds", 2},
                                   {"seconds_in", {{"steps", 1}, {"validation", 0.5}, {"checkpoints", 0.1}}},
                                   {"elapsed", 2 * (i + 1)},
                                   {"images_per_second", 10},
                                   {"peak_bytes", {{"host", 200'000'000}}}};
            if (validated) line["val"] = scores, line["val"].erase("confusion");
            lines += line.dump() + "\n";
        }
        write_text(folder / "metrics.jsonl", lines);
        if (!judged || !validated) return;
        scores["epoch"] = 0;
        scores["frames"] = {{{"name", "a & b"}, {"pixel_accuracy", 0.2}, {"mean_iou", 0.1}},
                            {{"name", "all void"}, {"pixel_accuracy", nullptr}, {"mean_iou", nullptr}}};
        scores["shown"] = {{{"name", "a & b"},
                            {"pixel_accuracy", 0.2},
                            {"mean_iou", 0.1},
                            {"rank", 1},
                            {"input", "data:image/png;base64,AA=="},
                            {"truth", "data:image/png;base64,AA=="},
                            {"prediction", "data:image/png;base64,AA=="},
                            {"error", "https://example.org/x.png"}}};
        write_text(folder / "best_validation.json", scores.dump());
    }
};

}  // namespace camber::testing
