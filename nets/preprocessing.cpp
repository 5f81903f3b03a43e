#include <camber/nets.h>

namespace camber::nets {

Preprocessing imagenet_preprocessing() {
    return {.scale = 1.0 / 255, .mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}};
}

Preprocessing caffe_preprocessing() {
    return {.scale = 1, .mean = {103.939, 116.779, 123.68}, .std = {1, 1, 1}, .order = ChannelOrder::bgr};
}

}  // namespace camber::nets
