#include <doctest/doctest.h>

#include <camber/autograd.h>
#include <camber/ops.h>

#include "support/errors.h"

/// Wrong shapes, dtypes and devices are refused with a message that names the operation and what does not fit.
using namespace camber;
using namespace camber::testing;

namespace {

Tensor floats(const Shape& shape, Device device = Device::reference) {
    return Tensor::zeros(shape, Dtype::f32, device);
}

void check_refused(const std::string& what, std::initializer_list<const char*> parts,
                   const std::function<void()>& action) {
    CAPTURE(what);
    const std::string message = error_of(action);
    CAPTURE(message);
    CHECK(mentions(message, parts));
}

}  // namespace

TEST_CASE("conv2d refuses what does not fit") {
    const Tensor x = floats({2, 5, 7, 3}), w = floats({4, 3, 3, 3}), bias = floats({4});
    check_refused("channels", {"conv2d", "[2, 5, 7, 3]", "[4, 3, 3, 2]"}, [&] {
        ops::conv2d(x, floats({4, 3, 3, 2}), {});
    });
    check_refused("bias", {"conv2d", "bias", "[4]", "[3]"}, [&] { ops::conv2d(x, w, floats({3})); });
    check_refused("rank of the input", {"conv2d", "[2, 5, 7]"}, [&] { ops::conv2d(floats({2, 5, 7}), w, bias); });
    check_refused("rank of the weight", {"conv2d", "[4, 27]"}, [&] { ops::conv2d(x, floats({4, 27}), bias); });
    check_refused("no weight", {"conv2d", "weight"}, [&] { ops::conv2d(x, {}, bias); });
    check_refused("no input", {"conv2d", "undefined"}, [&] { ops::conv2d({}, w, bias); });
    check_refused("empty batch", {"conv2d", "[0, 5, 7, 3]", "empty"}, [&] {
        ops::conv2d(floats({0, 5, 7, 3}), w, bias);
    });
    check_refused("kernel larger than the image", {"conv2d", "[2, 5, 7, 3]", "[4, 6, 3, 3]"}, [&] {
        ops::conv2d(x, floats({4, 6, 3, 3}), bias);
    });
    check_refused("stride 0", {"conv2d", "stride"}, [&] { ops::conv2d(x, w, bias, {.stride_h = 0, .padding = {}}); });
    check_refused("dilation 0", {"conv2d", "dilation"},
                  [&] { ops::conv2d(x, w, bias, {.dilation_w = 0, .padding = {}}); });
    check_refused("integers", {"conv2d", "i32"}, [&] {
        ops::conv2d(Tensor::zeros({1, 5, 7, 3}, Dtype::i32, Device::reference), w, bias);
    });
    check_refused("weight of another dtype", {"conv2d", "weight", "f32", "bf16"},
                  [&] { ops::conv2d(x, Tensor::zeros(w.shape(), Dtype::bf16, Device::reference), bias); });
    check_refused("weight on another device", {"conv2d", "weight", "meta", "reference"},
                  [&] { ops::conv2d(x, floats(w.shape(), Device::meta), bias); });
}

TEST_CASE("conv_transpose2d and linear refuse what does not fit") {
    const Tensor x = floats({1, 2, 2, 3});
    check_refused("channels", {"conv_transpose2d", "[1, 2, 2, 3]", "[4, 2, 2, 3]"}, [&] {
        ops::conv_transpose2d(x, floats({4, 2, 2, 3}), {});
    });
    check_refused("bias", {"conv_transpose2d", "bias", "[5]", "[3]"}, [&] {
        ops::conv_transpose2d(x, floats({3, 2, 2, 5}), floats({3}));
    });
    check_refused("everything cropped", {"conv_transpose2d", "crop"}, [&] {
        ops::conv_transpose2d(x, floats({3, 2, 2, 5}), {}, {.crop = {2, 2, 0, 0}});
    });
    check_refused("stride 0", {"conv_transpose2d", "stride"}, [&] {
        ops::conv_transpose2d(x, floats({3, 2, 2, 5}), {}, {.stride_w = 0, .crop = {}});
    });
    check_refused("linear's rank", {"linear", "[1, 2, 3]"}, [&] {
        ops::linear(floats({1, 2, 3}), floats({4, 3}), {});
    });
    check_refused("linear's weight", {"linear", "[Cout, Cin]"}, [&] { ops::linear(x, floats({4, 1, 1, 3}), {}); });
    check_refused("linear's channels", {"linear", "[4, 2]", "[4, 3]"}, [&] { ops::linear(x, floats({4, 2}), {}); });
    check_refused("linear's bias", {"linear", "bias", "[4]", "[3]"}, [&] {
        ops::linear(x, floats({4, 3}), floats({3}));
    });
}

TEST_CASE("batch_norm refuses what does not fit") {
    const Tensor x = floats({2, 3, 3, 4}), four = floats({4}), five = floats({5});
    check_refused("gamma", {"batch_norm", "gamma", "[4]", "[5]"}, [&] {
        ops::batch_norm(x, {five, four, four, four}, true);
    });
    check_refused("beta", {"batch_norm", "beta", "[5]"}, [&] { ops::batch_norm(x, {four, five, four, four}, true); });
    check_refused("running_mean", {"batch_norm", "running_mean", "[5]"}, [&] {
        ops::batch_norm(x, {four, four, five, four}, false);
    });
    check_refused("running_var", {"batch_norm", "running_var", "undefined"}, [&] {
        ops::batch_norm(x, {four, four, four, {}}, false);
    });
    check_refused("rank", {"batch_norm", "[6, 4]"}, [&] {
        ops::batch_norm(floats({6, 4}), {four, four, four, four}, true);
    });
}

TEST_CASE("pooling and resizing refuse what does not fit") {
    const Tensor x = floats({1, 3, 4, 2});
    check_refused("window larger than the image", {"max_pool2d", "[1, 3, 4, 2]", "4x4"}, [&] {
        ops::max_pool2d(x, {4, 4, 1, 1, {}});
    });
    check_refused("padding as large as the window", {"avg_pool2d", "padding", "2x2"}, [&] {
        ops::avg_pool2d(x, {2, 2, 2, 2, {2, 0, 0, 0}});
    });
    check_refused("negative padding", {"max_pool2d", "padding"}, [&] {
        ops::max_pool2d(x, {2, 2, 2, 2, {0, 0, -1, 0}});
    });
    check_refused("stride 0", {"max_pool2d", "stride"}, [&] { ops::max_pool2d(x, {2, 2, 0, 2, {}}); });
    check_refused("rank", {"global_avg_pool", "[3, 4]"}, [&] { ops::global_avg_pool(floats({3, 4})); });
    check_refused("resize to nothing", {"resize", "0x5"}, [&] { ops::resize(x, 0, 5, ResizeMode::nearest); });
}

TEST_CASE("elementwise and shape operations refuse what does not fit") {
    const Tensor x = floats({1, 3, 4, 2});
    check_refused("add", {"add", "[1, 3, 4, 2]", "[1, 4, 3, 2]"}, [&] { ops::add(x, floats({1, 4, 3, 2})); });
    check_refused("add of two dtypes", {"add", "f32", "bf16"},
                  [&] { ops::add(x, Tensor::zeros(x.shape(), Dtype::bf16, Device::reference)); });
    check_refused("relu", {"relu", "u8"}, [&] { ops::relu(Tensor::zeros({3}, Dtype::u8, Device::reference)); });
    check_refused("softmax of a scalar", {"softmax", "scalar"}, [&] { ops::softmax(floats({})); });
    check_refused("cast to integers", {"cast", "i32"}, [&] { ops::cast(x, Dtype::i32); });
    check_refused("dropout of everything", {"dropout", "rate"}, [&] { ops::dropout(x, 1.0, {}); });
    check_refused("negative dropout", {"dropout", "rate", "-0.1"}, [&] { ops::dropout(x, -0.1, {}); });
    check_refused("pad2d", {"pad2d", "[1, 3, 4, 2]"}, [&] { ops::pad2d(x, {-2, -1, 0, 0}); });
    check_refused("concat of nothing", {"concat"}, [&] { ops::concat({}); });
    check_refused("concat", {"concat", "[1, 3, 4, 5]", "[1, 3, 5, 5]"}, [&] {
        ops::concat({x, floats({1, 3, 5, 5})});
    });
    check_refused("pixel_shuffle", {"pixel_shuffle", "[1, 3, 4, 2]", "3"}, [&] { ops::pixel_shuffle(x, 3); });
    check_refused("pixel_shuffle by nothing", {"pixel_shuffle", "0"}, [&] { ops::pixel_shuffle(x, 0); });
    check_refused("reshape", {"[1, 3, 4, 2]", "[5, 5]"}, [&] { ops::reshape(x, {5, 5}); });
    check_refused("argmax", {"argmax", "300"}, [&] { ops::argmax(floats({1, 1, 1, 300})); });
}

TEST_CASE("segmentation_loss refuses what does not fit") {
    const Tensor logits = floats({1, 3, 4, 5}), labels = Tensor::zeros({1, 3, 4}, Dtype::u8, Device::reference);
    const SegmentationLossParams p = {.cross_entropy = 1};
    check_refused("size of the labels", {"segmentation_loss", "labels", "[1, 3, 4]", "[1, 4, 3]"}, [&] {
        ops::segmentation_loss(logits, Tensor::zeros({1, 4, 3}, Dtype::u8, Device::reference), p);
    });
    check_refused("dtype of the labels", {"segmentation_loss", "labels", "u8", "i32"}, [&] {
        ops::segmentation_loss(logits, Tensor::zeros({1, 3, 4}, Dtype::i32, Device::reference), p);
    });
    check_refused("class weights", {"segmentation_loss", "class_weights", "[5]", "[4]"},
                  [&] { ops::segmentation_loss(logits, labels, p, floats({4})); });
    check_refused("focal alpha", {"segmentation_loss", "focal_alpha", "[5]", "[6]"},
                  [&] { ops::segmentation_loss(logits, labels, p, {}, floats({6})); });
    check_refused("label smoothing", {"segmentation_loss", "smoothing", "1.5"},
                  [&] { ops::segmentation_loss(logits, labels, {.cross_entropy = 1, .label_smoothing = 1.5}); });
    check_refused("a label out of range", {"label 7", "5 classes"}, [&] {
        ops::segmentation_loss(logits, Tensor::from(std::vector<std::uint8_t>(12, 7), {1, 3, 4}, Device::reference), p);
    });
}
