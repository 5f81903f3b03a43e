#include <camber/error.h>
#include <fmt/format.h>

#include "report/number_text.h"
#include "report/page.h"
#include "report/report.h"
#include "report/sections.h"

namespace camber::report {

std::string evaluation_page(const nlohmann::json& evaluation) {
    const Judgement judgement = judgement_from(evaluation, "the evaluation");
    const std::vector<ClassLook> looks = class_looks(evaluation.value("class_table", nlohmann::json()));
    const std::string checkpoint = evaluation.at("checkpoint").get<std::string>();
    const Scores& scores = judgement.scores;
    Markup body =
        element("header", {},
                element("h1", {}, checkpoint) +
                    element("p", {{"class", "about"}},
                            fmt::format("Evaluation of {} frames, at {} images/s on {}", judgement.frames.size(),
                                        fixed(evaluation.at("images_per_second").get<double>(), 1),
                                        evaluation.at("device").get<std::string>())));
    body += tiles({{"Mean IoU", percent(scores.mean_iou), "over classes"},
                   {"Pixel accuracy", percent(scores.pixel_accuracy), "over counted pixels"},
                   {"Class accuracy", percent(scores.mean_accuracy), "mean recall"},
                   {"Loss", fixed(scores.loss, 4), "at the network's own size"},
                   {"Soft iou_score", fixed(scores.iou_score, 4), "segmentation_models', mean over batches"}});
    body += section("protocol", "Protocol", protocol_card(evaluation.value("protocol", nlohmann::json())));
    body += section("classes", "Classes", class_table(scores, looks));
    body += section("confusion", "Confusion matrix", confusion_cards(judgement));
    body += section("frames", "Frames, worst first", frame_cards(judgement, looks));
    return page("Evaluation of " + checkpoint + " \u2013 Camber", body);
}

}  // namespace camber::report
