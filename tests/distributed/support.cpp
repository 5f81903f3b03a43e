#include "distributed/support.h"

#include <camber/synth.h>

namespace camber::testing {

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

}  // namespace camber::testing
