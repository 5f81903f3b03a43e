#pragma once
#include <camber/train.h>

#include <concepts>

#include "core/number_range.h"

/// The fields of a configuration, each with its name in JSON and, for numbers, what they can be: what is written, read,
/// checked and offered as an option all comes from here.
namespace camber {

template <class T, class Config>
concept FieldsOf = std::same_as<std::remove_const_t<T>, Config>;

template <FieldsOf<AugmentConfig> Config, class Visit>
void visit_fields(Config& c, Visit&& visit) {
    const NumberRange share = from_to(0, 1);
    visit("enabled", c.enabled);
    visit("scale_min", c.scale_min, above(0));
    visit("scale_max", c.scale_max, above(0));
    visit("aspect", c.aspect, at_least(0));
    visit("flip", c.flip, share);
    visit("flip_vertical", c.flip_vertical, share);
    visit("emboss", c.emboss, share);
    visit("edges", c.edges, share);
    visit("sharpen", c.sharpen, share);
    visit("brightness", c.brightness, share);
    visit("contrast", c.contrast, share);
    visit("saturation", c.saturation, share);
}

template <FieldsOf<Normalisation> Config, class Visit>
void visit_fields(Config& c, Visit&& visit) {
    visit("mean", c.mean, NumberRange{});
    visit("std", c.std, above(0));
}

template <FieldsOf<SegmentationLossParams> Config, class Visit>
void visit_fields(Config& c, Visit&& visit) {
    visit("cross_entropy", c.cross_entropy, at_least(0));
    visit("dice", c.dice, at_least(0));
    visit("jaccard", c.jaccard, at_least(0));
    visit("focal", c.focal, at_least(0));
    visit("ignore_index", c.ignore_index, from_to(-1, 255));
    visit("label_smoothing", c.label_smoothing, from_to(0, 1));
    visit("smooth", c.smooth, at_least(0));
    visit("per_image", c.per_image);
    visit("focal_gamma", c.focal_gamma, at_least(0));
}

/// All but `schedule`, which has rules of its own (schedule.h).
template <FieldsOf<TrainConfig> Config, class Visit>
void visit_fields(Config& c, Visit&& visit) {
    visit("net", c.net);
    visit("net_options", c.net_options);
    visit("weights", c.weights);
    visit("encoder_weights", c.encoder_weights);
    visit("freeze_encoder", c.freeze_encoder);
    visit("freeze_batch_norms", c.freeze_batch_norms);
    visit("data", c.data);
    visit("height", c.height, at_least(1));
    visit("width", c.width, at_least(1));
    visit("batch", c.batch, at_least(1));
    visit("accumulate", c.accumulate, at_least(1));
    visit("augment", c.augment);
    visit("normalisation", c.normalisation);
    visit("device", c.device);
    visit("dtype", c.dtype);
    visit("seed", c.seed, at_least(0));
    visit("threads", c.threads, from_to(0, 1024));
    visit("epochs", c.epochs, at_least(1));
    visit("epoch_batches", c.epoch_batches, at_least(0));
    visit("minutes", c.minutes, from_to(0, 1e6));
    visit("optimizer", c.optimizer);
    visit("lr", c.lr, at_least(0));
    visit("weight_decay", c.weight_decay, at_least(0));
    visit("encoder_lr", c.encoder_lr, at_least(0));
    visit("beta2", c.beta2, from_below(0, 1));
    visit("momentum", c.momentum, from_below(0, 1));
    visit("nesterov", c.nesterov);
    visit("lr_step_size", c.lr_step_size, at_least(0));
    visit("clip", c.clip, at_least(0));
    visit("ema", c.ema, from_below(0, 1));
    visit("loss", c.loss);
    visit("class_weights", c.class_weights);
    visit("monitor", c.monitor);
    visit("stop_at", c.stop_at, at_least(0));
    visit("patience", c.patience, at_least(0));
    visit("checkpoint_minutes", c.checkpoint_minutes, at_least(0));
    visit("pictures", c.pictures, at_least(0));
    visit("stages", c.stages);
}

/// What the number called `name` can be; one within a part is called as "loss.label_smoothing".
NumberRange train_number(const std::string& name);

}  // namespace camber
