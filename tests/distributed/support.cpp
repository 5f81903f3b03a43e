#include "distributed/support.h"

#include <camber/synth.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "train/batch_source.h"
#include "train/loss.h"
#include "train/stepper.h"

namespace camber::testing {
namespace {

LoaderConfig loader_of(const TrainConfig& config, distributed::Communicator* shared) {
    LoaderConfig loader;
    loader.batch_size = config.batch;
    loader.height = config.height;
    loader.width = config.width;
    loader.augment = config.augment;
    loader.shuffle = true;
    loader.threads = 1;
    if (shared) {
        loader.share = shared->rank();
        loader.shares = shared->size();
    }
    return loader;
}

}  // namespace

Dataset uneven_scenes(std::size_t count, int height, int width) {
    std::vector<Image> images, labels;
    const ClassTable table = camvid11();
    for (std::size_t i = 0; i < count; ++i) {
        Scene scene = generate_scene(3, i, height, width);
        // Of the first frame all is void, of the others more and more of the rows are not.
        const auto rows = static_cast<std::size_t>(height) * (count - i) / count;
        std::fill_n(scene.label.data.begin(), rows * static_cast<std::size_t>(width),
                    static_cast<std::uint8_t>(table.void_id));
        images.push_back(std::move(scene.image));
        labels.push_back(std::move(scene.label));
    }
    return Dataset::from_samples(std::move(images), std::move(labels), table);
}

TrainConfig small_run(int batch) {
    TrainConfig config;
    config.net_options = {{"classes", camvid11().count()}, {"width", 4}, {"depth", 2}, {"dropout", 0.2}};
    config.height = 16;
    config.width = 20;
    config.batch = batch;
    config.device = Device::cpu;
    config.dtype = Dtype::f32;
    config.clip = 0.5;
    config.lr = 1e-3;
    return config;
}

Steps train(const TrainConfig& config, const Dataset& data, int steps, distributed::Communicator* shared) {
    Model model = make_model(config, camvid11(), true);
    model.class_weights = weights_tensor(loss_weights(config, data), model.device());
    model.net->train();
    const Stepper::Rate rate = Stepper::scheduled(model.config, steps);
    std::optional<Stepper> stepper;
    if (shared) {
        stepper.emplace(model, rate, *shared);
    } else {
        stepper.emplace(model, rate);
    }
    std::int64_t room = most_resident_bytes;
    const auto resident = is_host(model.device()) ? nullptr : ResidentDataset::make(data, model.device(), room);
    BatchSource source(data, loader_of(config, shared), resident.get(), stepper->buffers(), 0, 0);
    Steps found;
    ConfusionMatrix confusion(model.classes.count());
    for (int i = 0; i < steps * config.accumulate; ++i) {
        const int position = i % config.accumulate;
        if (position == 0) {
            stepper->pull();
            confusion.add(stepper->sums().confusion.counts());
            stepper->start_epoch();
        }
        const double before = stepper->sums().loss;
        stepper->micro_batch(source.next(), i, position, config.accumulate);
        stepper->pull();
        found.losses.push_back(stepper->sums().loss - before);
    }
    confusion.add(stepper->sums().confusion.counts());
    CHECK(stepper->why_not_recorded() == "");
    found.weights = model.parameters->values().to_vector<float>();
    found.confusion = confusion.counts();
    return found;
}

bool same_everywhere(const std::vector<float>& values) {
    std::vector<std::byte> first(values.size() * sizeof(float));
    std::memcpy(first.data(), values.data(), first.size());
    world().broadcast(first);
    return std::memcmp(first.data(), values.data(), first.size()) == 0;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
}

std::vector<LossCase> loss_cases() {
    return {{"cross_entropy"},
            {"dice"},
            {"jaccard"},
            {"focal"},
            {"cross_entropy", false, 0.1, true},
            {"dice", true},
            {"jaccard", true},
            {"cross_entropy+dice:0.5+jaccard:0.5+focal:2"}};
}

void LossCase::set(TrainConfig& config) const {
    parse_loss(terms, config.loss);
    config.loss.per_image = per_image;
    config.loss.label_smoothing = smoothing;
    if (weights) config.class_weights = ClassWeights::median;
}

}  // namespace camber::testing
