#include <doctest/doctest.h>

#include "backend/conv_cases.h"
#include "support/compare.h"
#include "support/devices.h"

using namespace camber;
using namespace camber::testing;

namespace {

void check_convolution(const Geometry& g, Bias bias = Bias::both) { check(convolution(g, bias)); }

/// The convolutions whose roles ops::conv_transpose2d exchanges: from what it makes of [n, h, w, cin] to that.
void check_transposed(const Geometry& g) {
    const Conv2dParams& p = g.params;
    check(convolution({g.n, (g.h - 1) * p.stride_h + g.kh - p.padding.top - p.padding.bottom,
                       (g.w - 1) * p.stride_w + g.kw - p.padding.left - p.padding.right, g.cout, g.cin, g.kh, g.kw, p},
                      Bias::transposed));
}

const Padding same{1, 1, 1, 1};

}  // namespace

TEST_CASE("convolutions with tiny and odd shapes") {
    for (const std::int64_t cin : {1, 3, 17})
        for (const std::int64_t cout : {1, 3, 17}) {
            check_convolution({1, 1, 1, cin, cout, 1, 1});
            check_convolution({1, 1, 1, cin, cout, 3, 3, {.padding = same}});
            check_convolution({1, 5, 7, cin, cout, 3, 3, {.padding = same}});
            check_convolution({3, 5, 7, cin, cout, 3, 3, {.stride_h = 2, .stride_w = 2, .padding = {0, 1, 0, 1}}});
        }
}

TEST_CASE("convolutions with every parameter") {
    check_convolution({2, 13, 11, 16, 32, 1, 1, {.stride_h = 2, .stride_w = 2, .padding = {}}});
    check_convolution({2, 13, 11, 16, 32, 1, 1, {.padding = {1, 0, 2, 1}}});
    check_convolution({1, 12, 9, 5, 7, 2, 3, {.padding = {0, 1, 1, 1}}});
    check_convolution({1, 12, 9, 5, 7, 4, 4, {.stride_h = 2, .stride_w = 3, .padding = {1, 2, 0, 3}}});
    check_convolution({1, 15, 14, 3, 64, 7, 7, {.stride_h = 2, .stride_w = 2, .padding = {3, 3, 3, 3}}});
    check_convolution({1, 9, 9, 32, 16, 3, 3, {.dilation_h = 2, .dilation_w = 2, .padding = {2, 2, 2, 2}}});
    check_convolution({1, 9, 9, 6, 5, 3, 3, {.dilation_h = 4, .dilation_w = 3, .padding = {4, 4, 3, 3}}});
    check_convolution({1, 5, 5, 6, 5, 3, 3, {.dilation_h = 6, .dilation_w = 6, .padding = {6, 6, 6, 6}}});
    check_convolution({2, 9, 8, 6, 5, 3, 3, {.padding = {2, 0, 0, 2}}});
    check_convolution({2, 9, 8, 6, 5, 3, 3, {.padding = {-1, 1, 2, -2}}});
    check_convolution({1, 9, 8, 6, 5, 3, 3, {.stride_h = 2, .stride_w = 2, .padding = {-2, 4, 3, -1}}});
    check_convolution({1, 3, 3, 4, 4, 3, 3, {.padding = {5, 6, 7, 5}}});
}

TEST_CASE("convolutions as networks have them") {
    check_convolution({2, 32, 48, 3, 64, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({1, 32, 32, 64, 64, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({2, 16, 20, 128, 64, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({1, 17, 19, 48, 80, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({4, 8, 8, 256, 96, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({2, 24, 24, 64, 11, 1, 1}, Bias::with);
    check_convolution({2, 24, 24, 64, 11, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({2, 16, 16, 64, 128, 3, 3, {.stride_h = 2, .stride_w = 2, .padding = {0, 1, 0, 1}}}, Bias::with);
    check_convolution({64, 1, 1, 100, 1000, 1, 1}, Bias::with);
}

TEST_CASE("dilated convolutions") {
    const auto square = [](int dilation, Padding padding) {
        return Conv2dParams{.dilation_h = dilation, .dilation_w = dilation, .padding = padding};
    };
    // Pixels a dilation apart are images of their own, of several sizes.
    check_convolution({2, 24, 25, 32, 48, 3, 3, square(2, {2, 2, 2, 2})}, Bias::with);
    check_convolution({1, 32, 32, 64, 32, 3, 3, square(4, {4, 4, 4, 4})}, Bias::with);
    check_convolution({1, 21, 26, 48, 17, 3, 3, square(3, {0, 3, 6, 0})}, Bias::with);
    check_convolution({2, 24, 24, 32, 48, 3, 3, square(2, {6, 6, 6, 6})}, Bias::with);  // padding beyond the kernel
    // Many taps, or all but those of one, are outside.
    check_convolution({2, 12, 10, 16, 24, 3, 3, square(6, {6, 6, 6, 6})}, Bias::with);
    check_convolution({2, 13, 12, 40, 24, 3, 3, square(9, {9, 9, 9, 9})}, Bias::with);
    check_convolution({1, 8, 8, 64, 32, 3, 3, square(12, {12, 12, 12, 12})}, Bias::with);
    check_convolution({1, 14, 9, 24, 16, 5, 3, {.dilation_h = 3, .dilation_w = 5, .padding = {6, 5, 5, 4}}},
                      Bias::with);
    check_convolution({2, 9, 9, 24, 16, 3, 3, square(4, {9, 8, 8, 10})}, Bias::with);  // padding beyond the kernel
}

TEST_CASE("convolutions of enough pixels for the largest tiles") {
    check_convolution({1, 129, 128, 40, 72, 1, 1}, Bias::with);
    check_convolution({2, 129, 128, 8, 24, 1, 1}, Bias::with);
}

TEST_CASE("convolutions by warpgroups") {
    check_convolution({2, 48, 46, 64, 64, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({4, 24, 23, 64, 128, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({1, 25, 24, 128, 192, 3, 3, {.padding = same}}, Bias::with);
    check_convolution({1, 24, 50, 64, 256, 2, 2, {.stride_h = 2, .stride_w = 2, .padding = {}}});
    check_convolution({1, 17, 19, 128, 128, 3, 3, {.dilation_h = 2, .dilation_w = 2, .padding = {2, 2, 2, 2}}});
    check_convolution({1, 24, 24, 256, 320, 1, 1});
}

TEST_CASE("convolutions of few channels") {
    check_convolution({2, 19, 45, 3, 64, 3, 3, {.padding = same}});
    check_convolution({1, 33, 65, 1, 16, 3, 3, {.padding = same}});
    check_convolution({2, 9, 37, 2, 24, 4, 4, {.padding = {1, 2, 1, 2}}});
    check_convolution({3, 21, 70, 3, 40, 3, 3, {.stride_h = 2, .stride_w = 3, .padding = {0, 1, 2, 0}}});
    check_convolution({1, 20, 40, 3, 136, 3, 3, {.dilation_h = 2, .dilation_w = 5, .padding = {2, 2, 5, 5}}});
    check_convolution({2, 17, 33, 1, 32, 5, 5, {.padding = {-1, 3, 4, -2}}});
    check_convolution({1, 10, 35, 31, 8, 1, 1});
    check_convolution({1, 12, 40, 3, 20, 3, 3, {.padding = same}});  // pixels that are not whole vectors
    check_convolution({1, 12, 40, 4, 16, 3, 3, {.padding = same}});  // 36 products, more than a pixel's may be
    check_convolution({1, 9, 40, 3, 16, 3, 3, {.dilation_h = 50, .dilation_w = 60, .padding = {50, 50, 60, 60}}});
    check_convolution({1, 9, 40, 1, 24, 2, 2, {.stride_h = 40, .stride_w = 40, .padding = {40, 40, 40, 40}}});
}

TEST_CASE("convolutions of tensors that start anywhere") {
    for (const Device device : computing_devices())
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
            if (device == Device::reference || !backend(device).why_not_in(dtype).empty()) continue;
            CAPTURE(run_name(dtype, device));
            const auto shifted = [](const Tensor& t) {
                const Tensor buffer = Tensor::empty({t.numel() + 1}, t.dtype(), t.device());
                const Tensor slice = buffer.slice(1, t.shape());
                slice.copy_from(t);
                return slice;
            };
            const Conv2dParams p{.padding = same};
            const auto run = [&](Device on, Dtype activations, const auto& place) {
                const auto input = [&](Shape shape, std::uint64_t seed, Dtype as) {
                    return place(converted(converted(uniform(shape, seed), dtype, Device::reference), as, on));
                };
                const Dtype parameters = parameter_dtype(activations);
                const Tensor x = input({2, 6, 7, 16}, 1, activations), dy = input({2, 6, 7, 24}, 2, activations);
                const Tensor w = input({24, 3, 3, 16}, 3, parameters), bias = input({24}, 4, parameters);
                const std::vector<Tensor> out = {place(Tensor::zeros(dy.shape(), activations, on)),
                                                 place(Tensor::zeros(x.shape(), activations, on)),
                                                 place(Tensor::zeros(w.shape(), parameters, on)),
                                                 place(Tensor::zeros(bias.shape(), parameters, on))};
                backend(on).conv2d(x, w, bias, out[0], p);
                backend(on).conv2d_backward_data(dy, w, {}, out[1], p);
                backend(on).conv2d_backward_filter(x, dy, out[2], out[3], p);
                return out;
            };
            const auto expected = run(Device::reference, Dtype::f64, [](const Tensor& t) { return t; });
            const auto actual = run(device, dtype, shifted);
            for (std::size_t i = 0; i < expected.size(); ++i)
                CHECK(relative_error(actual[i], expected[i]) <= (dtype == Dtype::bf16 ? 1e-2 : 1e-5));
        }
}

TEST_CASE("transposed convolutions") {
    const auto stride2 = [](const Padding& crop) {
        return Conv2dParams{.stride_h = 2, .stride_w = 2, .padding = crop};
    };
    for (const std::int64_t cin : {1, 3, 17})
        for (const std::int64_t cout : {1, 3, 17}) {
            check_transposed({1, 1, 1, cin, cout, 2, 2, stride2({})});
            check_transposed({2, 5, 7, cin, cout, 2, 2, stride2({})});
            check_transposed({1, 5, 7, cin, cout, 3, 3, stride2({1, 0, 1, 0})});
        }
    check_transposed({2, 5, 7, 6, 4, 3, 3, stride2({0, 1, 0, 1})});
    check_transposed({2, 5, 7, 6, 4, 4, 4, stride2(same)});
    check_transposed({1, 5, 4, 6, 4, 3, 3, {.padding = same}});
    check_transposed({1, 5, 4, 6, 4, 2, 3, {.stride_h = 3, .stride_w = 2, .padding = {0, -2, -1, 0}}});
    check_transposed({2, 5, 4, 6, 4, 2, 2, stride2({1, 0, 0, 1})});
    check_transposed({2, 16, 16, 128, 64, 2, 2, stride2({})});
    check_transposed({1, 12, 20, 64, 48, 3, 3, stride2({0, 1, 0, 1})});
    check_transposed({1, 16, 16, 256, 128, 2, 2, stride2({})});
}

TEST_CASE("a convolution follows its weight from version to version and keeps nothing of an earlier one") {
    for (const Device device : computing_devices())
        for (const int kernel : {1, 3}) {
            CAPTURE(name(device));
            const Conv2dParams p{.padding = ops::symmetric_padding(kernel / 2)};
            const Tensor x = converted(uniform({1, 16, 16, 32}, 1), Dtype::f32, device);
            const Tensor w = converted(uniform({48, kernel, kernel, 32}, 2), Dtype::f32, device);
            const auto results = [&](Device on, const Tensor& weight) {
                const Tensor y = Tensor::empty({1, 16, 16, 48}, Dtype::f32, on);
                const Tensor dx = Tensor::empty(x.shape(), Dtype::f32, on);
                backend(on).conv2d(x.to(on), weight.to(on), {}, y, p);
                backend(on).conv2d_backward_data(y, weight.to(on), {}, dx, p);
                return dx;
            };
            for (int version = 0; version < 3; ++version) {
                const Tensor expected = results(Device::reference, w);
                for (int use = 0; use < 3; ++use) CHECK(relative_error(results(device, w), expected) <= 1e-5);
                w.copy_from(
                    converted(uniform(w.shape(), 10 + static_cast<std::uint64_t>(version)), Dtype::f32, device));
            }
        }
}
