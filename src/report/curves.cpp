#include "report/curves.h"

#include <cmath>

namespace camber::report {

Series curve(const std::string& name, int colour, const RunRecord& run, const Figure& figure, bool dashed) {
    Series series{name, colour, dashed, {}};
    for (const EpochRecord& epoch : run.epochs)
        series.points.emplace_back(static_cast<double>(epoch.epoch + 1), figure(epoch));
    return series;
}

double val_loss(const EpochRecord& epoch) { return epoch.val ? epoch.val->loss : none; }
double val_mean_iou(const EpochRecord& epoch) { return epoch.val ? epoch.val->mean_iou : none; }
double val_pixel_accuracy(const EpochRecord& epoch) { return epoch.val ? epoch.val->pixel_accuracy : none; }

SecondsIn seconds_in(const RunRecord& run) {
    const auto known = [](double seconds) { return std::isfinite(seconds) ? seconds : 0; };
    SecondsIn sum;
    double before = 0;  // `elapsed` begins anew where the run was resumed
    for (const EpochRecord& epoch : run.epochs) {
        sum.steps += known(epoch.step_seconds);
        sum.validation += known(epoch.validation_seconds);
        sum.checkpoints += known(epoch.checkpoint_seconds);
        sum.report += known(epoch.report_seconds);
        const double elapsed = known(epoch.elapsed);
        sum.all += elapsed >= before ? elapsed - before : elapsed;
        before = elapsed;
    }
    return sum;
}

}  // namespace camber::report
