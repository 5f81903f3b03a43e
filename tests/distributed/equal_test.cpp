// N processes that share batches compute what one computes: under mpirun, on each rank, the same alone and shared.
#include <camber/autograd.h>
#include <camber/ops.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "backend/backend.h"
#include "distributed/gradient_reducer.h"
#include "distributed/shared_batch.h"
#include "distributed/support.h"
#include "train/evaluator.h"
#include "train/loss.h"

using namespace camber;
using namespace camber::testing;

TEST_CASE("losses of 20 steps are one process's") {
    const Dataset data = uneven_scenes(13, 40, 56);  // batches of 8 and 5
    for (const LossCase& loss : loss_cases()) {
        CAPTURE(loss.terms);
        CAPTURE(loss.per_image);
        TrainConfig config = small_run(8);
        loss.set(config);
        const Steps alone = train(config, data, 20, nullptr), shared = train(config, data, 20, &world()),
                    again = train(config, data, 20, &world());
        CHECK(largest_difference(alone.losses, shared.losses) < 1e-5);
        CHECK(*std::max_element(alone.losses.begin(), alone.losses.end()) > 1e-3);
        CHECK(again.losses == shared.losses);
        CHECK(again.weights == shared.weights);
        const auto total = [](const std::vector<std::int64_t>& counts) {
            std::int64_t sum = 0;
            for (const std::int64_t count : counts) sum += count;
            return sum;
        };
        CHECK(total(alone.confusion) == total(shared.confusion));
        if (world().alone()) CHECK(alone.weights == shared.weights);
    }
}

TEST_CASE("dropout draws what the whole batch draws, wherever a share begins") {
    constexpr std::int64_t batch = 9, row = 7 * 3;
    std::vector<float> values(batch * row, 1);
    for (const Device device : {Device::cpu, Device::reference, Device::emulated}) {
        if (!has_backend(device)) continue;
        const Tensor x = Tensor::from(values, {batch, 1, 7, 3}, device);
        const PhiloxKey key{4, Stream::dropout, 2};
        const std::vector<float> whole = ops::dropout(x, 0.5, key).to_vector<float>();
        for (std::int64_t first = 0; first < batch; ++first) {
            distributed::SharedBatch share(world());
            share.first = first;
            share.images = batch;
            const BatchShareScope scope(&share);
            const Tensor own = x.slice(first * row, {batch - first, 1, 7, 3});
            const std::vector<float> drawn = ops::dropout(own, 0.5, key).to_vector<float>();
            CHECK(std::equal(drawn.begin(), drawn.end(), whole.begin() + first * row));
        }
    }
}

TEST_CASE("accumulated steps, of which the last micro-batch reduces") {
    const Dataset data = uneven_scenes(13, 40, 56);
    TrainConfig config = small_run(7);  // and batches of 6
    config.accumulate = 3;
    config.augment.enabled = true;
    const Steps alone = train(config, data, 7, nullptr), shared = train(config, data, 7, &world());
    CHECK(largest_difference(alone.losses, shared.losses) < 1e-5);
}

TEST_CASE("all ranks have the same bits, and local statistics are something else") {
    const Dataset data = uneven_scenes(13, 40, 56);
    TrainConfig config = small_run(8);
    const Steps whole = train(config, data, 5, &world());
    config.local_batch_norm = true;
    const Steps local = train(config, data, 5, &world());
    for (const Steps* steps : {&whole, &local}) CHECK(same_everywhere(steps->weights));
    if (!world().alone()) CHECK(local.losses != whole.losses);
}

TEST_CASE("a batch of fewer images than processes is refused") {
    const Dataset data = uneven_scenes(13, 40, 56);
    LoaderConfig config;
    config.batch_size = 5;
    config.height = config.width = 16;
    config.shares = 4;
    CHECK_THROWS_WITH(Loader(data, config), "4 processes cannot share a batch of 3 images: start 3 at most");
    config.drop_last = true;
    CHECK(Loader(data, config).next().images.dim(0) == 1);
}

TEST_CASE("gradients in f64 on the reference device") {
    constexpr std::int64_t batch = 8;
    const auto gradients = [&](const char* net_name, const nlohmann::json& options, bool shares,
                               const SegmentationLossParams& loss_params) {
        const std::int64_t height = options.contains("width") ? 12 : 32, width = height + (height == 12 ? 8 : 0);
        const auto net = nets::make_net(net_name, options);
        net->context().seed = 3;
        nn::ParameterBuffer parameters(*net, {.device = Device::reference, .dtype = Dtype::f64, .seed = 1});
        net->train();
        const std::int64_t first = shares ? batch * world().rank() / world().size() : 0;
        const std::int64_t own = (shares ? batch * (world().rank() + 1) / world().size() : batch) - first;
        const Tensor images = Tensor::empty({own, height, width, 3}, Dtype::f64, Device::reference);
        std::vector<std::uint8_t> labels;
        for (std::int64_t i = 0; i < images.numel(); ++i) {
            const std::int64_t at = first * height * width * 3 + i;
            images.data<double>()[i] = std::sin(0.37 * static_cast<double>(at)) + 0.1 * static_cast<double>(at % 7);
        }
        for (std::int64_t i = 0; i < own * height * width; ++i) {
            const std::int64_t at = first * height * width + i, image = at / (height * width);
            const bool is_void = at % (image + 2) == 0 || image == 1;
            labels.push_back(static_cast<std::uint8_t>(is_void ? 5 : at / 3 % 5));
        }
        distributed::SharedBatch share(world());
        share.first = first;
        share.images = batch;
        const BatchShareScope scope(shares ? &share : nullptr);
        parameters.zero_grad();
        net->context().begin(4);
        const Tensor loss =
            ops::segmentation_loss(net->forward(images), Tensor::from(labels, {own, height, width}, Device::reference),
                                   loss_params)
                .loss;
        if (shares && !world().alone()) {
            distributed::GradientReducer reducer(world(), parameters, 4096);
            reducer.backward(loss);
            CHECK(reducer.buckets() > 2);
            CHECK(reducer.times().early == reducer.buckets());  // the last with the pass's last step
        } else {
            backward(loss);
            parameters.complete_gradients();
        }
        std::vector<double> result = parameters.gradients().to_vector<double>();
        result.push_back(loss.item());
        return result;
    };
    const std::vector<std::pair<const char*, nlohmann::json>> nets = {
        {"unet", {{"classes", 5}, {"width", 3}, {"depth", 2}, {"dropout", 0.3}}},
        {"smp-unet-resnet34", {{"classes", 5}}}};
    for (const auto& [net, options] : nets) {  // with poolings, and with residual sums
        for (const LossCase& loss : loss_cases()) {
            if (loss.weights || (net != nets[0].first && loss.terms != std::string("cross_entropy"))) continue;
            CAPTURE(net);
            CAPTURE(loss.terms);
            CAPTURE(loss.per_image);
            SegmentationLossParams params;
            parse_loss(loss.terms, params);
            params.ignore_index = 5;
            params.per_image = loss.per_image;
            const std::vector<double> alone = gradients(net, options, false, params),
                                      shared = gradients(net, options, true, params);
            double largest = 0;
            for (const double g : alone) largest = std::max(largest, std::abs(g));
            CHECK(largest > 1e-3);
            CHECK(largest_difference(alone, shared) < 1e-10 * std::max(1.0, largest));
        }
    }
}

TEST_CASE("validation is one process's, bit for bit") {
    for (const std::size_t frames : {11, 3}) {
        const Dataset data = uneven_scenes(frames, 40, 56);
        TrainConfig config = small_run(2);
        config.loss.dice = 0.5;
        Model model = make_model(config, camvid11(), true);
        Evaluator alone(model, data), shared(model, data, nullptr, &world());
        for (int round = 0; round < 2; ++round) {
            const EvalResult one = alone.run(), all = shared.run();
            CHECK(one.loss == all.loss);
            CHECK(one.iou_score == all.iou_score);
            CHECK(one.confusion.counts() == all.confusion.counts());
            REQUIRE(one.frames.size() == all.frames.size());
            for (std::size_t i = 0; i < one.frames.size(); ++i) {
                const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
                CHECK(same(one.frames[i].pixel_accuracy, all.frames[i].pixel_accuracy));
                CHECK(same(one.frames[i].mean_iou, all.frames[i].mean_iou));
            }
            model.net->train();
        }
    }
}
