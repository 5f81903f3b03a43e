#include <camber/train.h>
#include <fmt/format.h>

#include <limits>
#include <new>

#include "distributed/communicator.h"
#include "train/batch_size.h"
#include "train/batch_source.h"
#include "train/plan.h"
#include "train/pretrained.h"
#include "train/stepper.h"

namespace camber {
namespace {

LrCurve tried_rates(const TrainConfig& stage, const RunData& data, const LrRange& range, TrainObserver& observer,
                    const std::function<void(const LrPoint&)>& on_point, const std::atomic<bool>& stop) {
    Model model = data.make_model(stage, true);
    if (!model.start.empty()) observer.on_message(model.start);
    freeze_encoder(*model.net, stage.freeze_encoder, stage.freeze_batch_norms);
    model.net->train();
    Stepper stepper(model, [&range](std::int64_t step) { return Stepper::Numbers{range.lr(step)}; });
    BatchSource source(data.train(), data.loader_config(model.config), nullptr, stepper.buffers(), 0, 0);
    LrCurve curve(range);
    for (bool goes_on = true; goes_on && !stop;) {
        const std::int64_t first = stepper.steps() * stage.accumulate;
        stepper.start_epoch();
        double loss = 0;
        try {
            for (int i = 0; i < stage.accumulate; ++i)
                stepper.micro_batch(source.next(), first + i, i, stage.accumulate);
            stepper.pull();
            loss = stepper.sums().loss / stage.accumulate;
        } catch (const Stepper::NotFinite&) {  // which is what the test looks for
            loss = std::numeric_limits<double>::quiet_NaN();
        }
        goes_on = curve.add(loss);
        on_point(curve.points().back());
    }
    return curve;
}

}  // namespace

LrCurve find_lr(TrainConfig config, const LrRange& range, TrainObserver& observer,
                const std::function<void(const LrPoint&)>& on_point, const std::atomic<bool>& stop) {
    if (const int processes = distributed::Communicator::world().size(); processes > 1)
        fail_usage("lr-find is for one process, and {} were started", processes);
    check_config(config);
    const std::unique_ptr<LimitScope> allowance = memory_allowance(config);
    const RunData data(config, observer);
    plan_run(config, data, observer);
    const TrainConfig stage = stage_config(config, 0);
    const auto advised = [&](const char* what) {
        return OutOfMemory(fmt::format("{}; {}", what, batch_advice(stage, data.planned(*stage.device))));
    };
    try {
        return tried_rates(stage, data, range, observer, on_point, stop);
    } catch (const OutOfMemory& error) {
        throw advised(error.what());
    } catch (const std::bad_alloc&) {  // within a library
        throw advised("out of memory");
    }
}

}  // namespace camber
