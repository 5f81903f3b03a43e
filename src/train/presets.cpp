// Named starting points. docs/published_systems.md says where the numbers of the published ones come from.
#include <camber/names.h>
#include <camber/train.h>
#include <fmt/format.h>

namespace camber {
namespace {

TrainConfig keras_unet() {
    TrainConfig config;  // the defaults are the published network at the published size
    config.net_options = {{"up_kernel", 3}, {"head_kernel", 3}, {"dropout", 0.1}};
    return config;
}

/// `stop_at`: the iou_score at which the published run stopped.
TrainConfig segmentation_models(const char* net, double stop_at) {
    TrainConfig config;
    config.net = net;
    config.net_options = {{"input", "unit"}};
    config.freeze_encoder = true;
    config.height = config.width = 512;
    config.batch = 5;
    config.epoch_batches = 120;
    config.epochs = 40;
    config.augment = whole_frames();
    config.augment.flip = config.augment.flip_vertical = 0.1f;
    config.augment.emboss = config.augment.edges = config.augment.sharpen = 0.1f;
    config.augment.filters_together = true;
    config.augment.interpolation = Interpolation::nearest;
    config.optimizer = OptimizerKind::adam;
    config.weight_decay = 0;
    config.clip = 0;
    config.schedule = {.kind = ScheduleKind::constant};
    config.loss = {.dice = 1};
    config.learn_void = config.judge_void = true;  // one of the 32
    config.monitor = Metric::iou_score;
    config.stop_at = stop_at;
    return config;
}
TrainConfig segmentation_models_resnet34() { return segmentation_models("unet-resnet34", 0.38); }
TrainConfig segmentation_models_vgg16() { return segmentation_models("unet-vgg16", 0.42); }

/// Half size with the encoder frozen, then not; the same at full size.
TrainConfig fastai_camvid() {
    TrainConfig config;
    config.net = "dynamic-unet-resnet34";
    config.augment = whole_frames();
    config.augment.interpolation = Interpolation::bilinear_corners;
    config.augment.padding = FramePadding::reflection;
    config.augment.scale_max = 1.1f;
    config.augment.scale_distribution = Distribution::uniform;
    config.augment.rotate = 10;
    config.augment.warp = 0.2f;
    config.augment.affine_probability = 0.75f;
    config.augment.flip = 0.5f;
    config.augment.lighting = 0.2f;
    config.augment.lighting_probability = 0.75f;
    config.weight_decay = 1e-2;
    config.decay_all = true;
    config.beta2 = 0.99;
    config.clip = 0;
    config.monitor = Metric::pixel_accuracy;
    config.learn_void = true;  // acc_camvid leaves it out, the loss does not
    const auto stage = [](int height, int width, int batch, int epochs, double lr, double pct_start, bool frozen) {
        return nlohmann::json{
            {"height", height},
            {"width", width},
            {"batch", batch},
            {"epochs", epochs},
            {"lr", lr},
            {"encoder_lr", frozen ? std::vector{0.1} : std::vector{0.01, 0.1}},
            {"schedule",
             {{"kind", "one_cycle"}, {"pct_start", pct_start}, {"max_momentum", 0.95}, {"base_momentum", 0.85}}},
            {"freeze_encoder", frozen}};
    };
    config.stages = {stage(360, 480, 8, 10, 3e-3, 0.9, true), stage(360, 480, 8, 12, 7.5e-4, 0.8, false),
                     stage(720, 960, 3, 10, 1e-3, 0.8, true), stage(720, 960, 3, 10, 1e-4, 0.3, false)};
    return config;
}

TrainConfig torchvision_deeplabv3() {
    TrainConfig config;
    config.net = "deeplabv3-resnet101";
    config.height = config.width = 480;
    config.val_height = 520;
    config.val_width = 693;  // 4:3, as CamVid's frames
    config.batch = 8;
    config.epochs = 30;
    config.augment = whole_frames();
    config.augment.base_size = 520;
    config.augment.padding = FramePadding::black;
    config.augment.scale_distribution = Distribution::uniform;
    config.augment.scale_min = 0.5f;
    config.augment.scale_max = 2.0f;
    config.augment.flip = 0.5f;
    config.optimizer = OptimizerKind::sgd;
    config.lr = 1e-2;
    config.aux_lr = 10;
    config.decay_all = true;
    config.clip = 0;
    config.schedule = {.kind = ScheduleKind::polynomial, .power = 0.9};
    return config;
}

/// A quarter of the width at CamVid's own aspect: what two CPU cores train to a useful network in minutes. What was
/// tried, and what each gave: docs/recipe.md.
TrainConfig cpu() {
    TrainConfig config;
    config.net_options = {{"width", 16}, {"dropout", 0.0}, {"style", "pytorch"}};
    config.height = 192;
    config.width = 256;
    config.batch = 4;  // more steps in the same time: worth more here than steadier gradients
    config.lr = 3e-3;
    config.ema = 0.99;
    config.class_weights = ClassWeights::sqrt;
    config.loss.dice = 0.5;
    config.augment.scale_min = 0.9f;
    config.augment.scale_max = 1.4f;
    config.augment.brightness = config.augment.contrast = config.augment.saturation = 0.15f;
    config.validate_epochs = 2;
    config.minutes = 8;
    return config;
}

/// The whole network at half of CamVid's size: what a GPU trains to more than 70% mean IoU in minutes.
TrainConfig camvid_gpu() {
    TrainConfig config;
    config.net_options = {{"style", "pytorch"}, {"dropout", 0.1}, {"size_policy", "pad"}};
    config.height = 360;
    config.width = 480;
    config.batch = 12;
    config.lr = 2e-3;
    config.weight_decay = 1e-3;
    config.ema = 0.998;
    config.class_weights = ClassWeights::sqrt;
    config.loss.dice = 0.5;
    config.loss.label_smoothing = 0.05;
    config.minutes = 7.5;
    return config;
}

struct Preset {
    TrainPreset about;
    TrainConfig (*make)();
};
constexpr Preset presets[] = {
    {{"keras-unet", "the published 31 M U-Net at 256x256"}, keras_unet},
    {{"segmentation-models-resnet34", "Keras U-Net on a frozen ResNet34, Dice loss, 512x512"},
     segmentation_models_resnet34},
    {{"segmentation-models-vgg16", "the same on VGG16"}, segmentation_models_vgg16},
    {{"fastai-camvid", "DynamicUnet in four stages, 360x480 then 720x960"}, fastai_camvid},
    {{"torchvision-deeplabv3", "DeepLabV3 on ResNet101, crops of 480x480"}, torchvision_deeplabv3},
    {{"cpu", "a U-Net of a quarter of the width, minutes on two cores"}, cpu},
    {{"camvid-gpu", "the 31 M U-Net at 360x480, minutes on a GPU"}, camvid_gpu},
};

}  // namespace

std::vector<TrainPreset> train_presets() {
    std::vector<TrainPreset> list;
    for (const Preset& preset : presets) list.push_back(preset.about);
    return list;
}

TrainConfig train_preset(const std::string& name) {
    std::vector<std::string> known;
    for (const Preset& preset : presets) {
        if (name == preset.about.name) return preset.make();
        known.emplace_back(preset.about.name);
    }
    fail_usage("unknown preset '{}'{}: the presets are {}", name, did_you_mean(name, known), fmt::join(known, ", "));
}

}  // namespace camber
