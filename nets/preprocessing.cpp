#include <camber/nets.h>
#include <fmt/format.h>

namespace camber::nets {

Preprocessing imagenet_preprocessing() {
    return {.scale = 1.0 / 255, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
}

Preprocessing caffe_preprocessing() {
    return {.scale = 1, .mean = {103.939, 116.779, 123.68}, .std = {1, 1, 1}, .order = ChannelOrder::bgr};
}

std::string describe(const Preprocessing& p) {
    std::string text = p.order == ChannelOrder::rgb ? "RGB" : "BGR";
    text += p.scale == 1 ? " from 0 to 255" : fmt::format(" from 0 to {:g}", 255 * p.scale);
    if (p.mean != Preprocessing().mean) text += fmt::format(", less {:g}", fmt::join(p.mean, " "));
    if (p.std != Preprocessing().std) text += fmt::format(", over {:g}", fmt::join(p.std, " "));
    return text;
}

}  // namespace camber::nets
