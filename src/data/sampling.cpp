#include "data/sampling.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace camber {
namespace {

/// A homography, row by row.
using Matrix = std::array<double, 9>;

Matrix product(const Matrix& a, const Matrix& b) {
    Matrix c{};
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j)
            for (std::size_t k = 0; k < 3; ++k) c[3 * i + j] += a[3 * i + k] * b[3 * k + j];
    return c;
}

/// x -> ax * x + bx, y -> ay * y + by.
Matrix stretch(double ax, double bx, double ay, double by) { return {ax, 0, bx, 0, ay, by, 0, 0, 1}; }

/// Solves n equations in n unknowns, an equation a row with its right side last, by Gauss's elimination.
template <std::size_t n>
std::array<double, n> solve(std::array<std::array<double, n + 1>, n> rows) {
    for (std::size_t i = 0; i < n; ++i) {
        const auto largest =
            std::max_element(rows.begin() + static_cast<std::ptrdiff_t>(i), rows.end(),
                             [i](const auto& a, const auto& b) { return std::abs(a[i]) < std::abs(b[i]); });
        std::swap(rows[i], *largest);
        for (std::size_t j = 0; j < n; ++j) {
            if (j == i) continue;
            const double factor = rows[j][i] / rows[i][i];
            for (std::size_t k = i; k <= n; ++k) rows[j][k] -= factor * rows[i][k];
        }
    }
    std::array<double, n> x{};
    for (std::size_t i = 0; i < n; ++i) x[i] = rows[i][n] / rows[i][i];
    return x;
}

/// fastai 1.0.61's symmetric_warp (vision/transform.py): what takes the moved corners of [-1, 1]^2 to where they were.
Matrix symmetric_warp(const std::array<float, 4>& m) {
    const double from[4][2] = {
        {-1.0 - m[3], -1.0 - m[1]}, {-1.0 - m[2], 1.0 + m[1]}, {1.0 + m[3], -1.0 - m[0]}, {1.0 + m[2], 1.0 + m[0]}};
    constexpr double to[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
    std::array<std::array<double, 9>, 8> rows{};
    for (std::size_t i = 0; i < 4; ++i) {
        const double x = from[i][0], y = from[i][1], u = to[i][0], v = to[i][1];
        rows[2 * i] = {x, y, 1, 0, 0, 0, -u * x, -u * y, u};
        rows[2 * i + 1] = {0, 0, 0, x, y, 1, -v * x, -v * y, v};
    }
    const std::array<double, 8> h = solve<8>(rows);
    return {h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1};
}

/// From the output's pixels to the source's, pixel i covering [i, i + 1): to [-1, 1]^2 of the crop, there the warp, to
/// that of the frame, there the rotation. As fastai, which warps first, then multiplies by its affine matrices.
Matrix homography(const AugmentParams& p, double height, double width, double out_height, double out_width) {
    const bool corners = p.interpolation == Interpolation::bilinear_corners;
    const auto to_unit = [corners](double size) {
        if (!corners) return std::pair(2 / size, -1.0);
        const double step = size > 1 ? 2 / (size - 1) : 0;
        return std::pair(step, -1 - step / 2);
    };
    const auto [ax, bx] = to_unit(out_width);
    const auto [ay, by] = to_unit(out_height);
    Matrix m = product(symmetric_warp(p.warp), stretch(ax, bx, ay, by));
    const double sx = p.width / width, sy = p.height / height;
    m = product(stretch(sx, 0, sy, 0), m);
    // A turn in the output's pixels, of which the whole frame is so many high and wide. The crop's middle turns in
    // [-1, 1]^2 itself, as fastai's does, which corrects its product of matrices for the shape afterwards.
    const double shape = (out_height / sy) / (out_width / sx), cos = std::cos(p.rotation), sin = std::sin(p.rotation),
                 x = 2 * p.left / width - 1 + sx, y = 2 * p.top / height - 1 + sy;
    m = product({cos, -sin * shape, cos * x - sin * y, sin / shape, cos, sin * x + cos * y, 0, 0, 1}, m);
    const double less = corners ? 1 : 0;
    return product(stretch((width - less) / 2, width / 2, (height - less) / 2, height / 2), m);
}

/// Rotation about the axis of equal red, green and blue.
std::array<double, 9> hue_matrix(double angle) {
    const double cos = std::cos(angle), sin = std::sin(angle) / std::sqrt(3.0), same = cos + (1 - cos) / 3,
                 next = (1 - cos) / 3 - sin, last = (1 - cos) / 3 + sin;
    return {same, next, last, last, same, next, next, last, same};
}

/// gamma, then fastai's lighting, which keeps its logits finite by 1e-7.
double tone(const AugmentParams& p, double x) {
    x = std::pow(x, static_cast<double>(p.gamma));
    if (p.logit_shift == 0 && p.logit_scale == 1) return x;
    x = std::clamp(x, 1e-7, 1 - 1e-7);
    return 1 / (1 + std::exp(-(std::log(x / (1 - x)) + p.logit_shift) * p.logit_scale));
}

pixel::Local& add_local(pixel::Sampling& s, int height, int width) {
    pixel::Local& local = s.local[s.locals++];
    local.height = height;
    local.width = width;
    return local;
}

void set_locals(pixel::Sampling& s, const AugmentParams& p) {
    if (p.blur > 0) {
        constexpr int reach = 4;
        double weights[2 * reach + 1], sum = 0;
        for (int i = -reach; i <= reach; ++i) sum += weights[i + reach] = std::exp(-0.5 * i * i / (p.blur * p.blur));
        for (pixel::Local* local : {&add_local(s, 1, 9), &add_local(s, 9, 1)})
            for (int i = 0; i < 9; ++i) local->weights[i] = static_cast<float>(weights[i] / sum);
    }
    for (int i = 0; i < p.filtered; ++i) {
        pixel::Local& local = add_local(s, 3, 3);
        std::copy_n(p.filter.begin() + std::ptrdiff_t{9} * i, 9, local.weights);
        local.mirrored = local.clipped = p.filters_clipped;
    }
}

/// What finish() does beyond the colour jitter and normalisation.
void set_extras(pixel::Sampling& s, const AugmentParams& p) {
    s.hued = p.hue != 0 ? 1 : 0;
    const std::array<double, 9> hue = hue_matrix(p.hue);
    std::copy(hue.begin(), hue.end(), s.hue);
    s.curved = p.gamma != 1 || p.logit_shift != 0 || p.logit_scale != 1 ? 1 : 0;
    for (int i = 0; s.curved && i <= pixel::curve_steps; ++i)
        s.curve[i] = static_cast<float>(tone(p, static_cast<double>(i) / pixel::curve_steps));
    s.noise = p.noise;
    std::copy(p.noise_key.begin(), p.noise_key.end(), s.noise_key);
    s.rectangles = p.rectangles;
    for (int i = 0; i < p.rectangles; ++i) {
        const std::array<int, 4>& r = p.rectangle[static_cast<std::size_t>(i)];
        s.rectangle[i] = {r[0], r[1], r[2], r[3]};
    }
    s.extras = s.hued || s.curved || s.noise > 0 || s.rectangles > 0 ? 1 : 0;
}

float luma(const std::array<float, 3>& rgb) { return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]; }

/// Of a network that sees one channel.
Normalisation grey(const Normalisation& rgb) {
    Normalisation grey;
    grey.mean.fill(luma(rgb.mean));
    grey.std.fill(luma(rgb.std));
    return grey;
}

pixel::Axis axis_of(float begin, float extent, int out, int taps, int size, Interpolation interpolation) {
    const bool corners = interpolation == Interpolation::bilinear_corners;
    constexpr int tiles = pixel::tiles_a_side;
    return {.begin = begin,
            .step = extent / static_cast<float>(out),
            .inv_taps = 1.0f / static_cast<float>(taps),
            .taps = taps,
            .size = size,
            .nearest = interpolation == Interpolation::nearest ? 1 : 0,
            .low = corners ? 0.5f : 0.0f,
            .span = static_cast<float>(corners ? size - 1 : size),
            .tiles = 1.0f / static_cast<float>((size + tiles - 1) / tiles)};
}

}  // namespace

pixel::Sampling sampling_of(const AugmentParams& params, int source_height, int source_width,
                            const Normalisation& normalisation, int channels, int out_height, int out_width) {
    pixel::Sampling s{};
    s.x = axis_of(params.left, params.width, out_width, params.taps_x, source_width, params.interpolation);
    s.y = axis_of(params.top, params.height, out_height, params.taps_y, source_height, params.interpolation);
    s.flip = params.flip;
    s.flip_vertical = params.flip_vertical;
    s.out_width = out_width;
    s.out_height = out_height;
    s.inv_samples = 1.0f / static_cast<float>(params.taps_x * params.taps_y);
    s.reflected = params.padding == FramePadding::reflection ? 1 : 0;
    if (params.rotation != 0 || params.warp != std::array<float, 4>{} || s.reflected ||
        params.interpolation == Interpolation::bilinear_corners) {
        s.warped = 1;
        const Matrix matrix = homography(params, source_height, source_width, out_height, out_width);
        std::transform(matrix.begin(), matrix.end(), s.matrix, [](double v) { return static_cast<float>(v); });
    }
    set_locals(s, params);
    s.gain = params.gain;
    s.mix = params.mix;
    s.offset = params.offset;
    set_extras(s, params);
    const Normalisation n = channels == 1 ? grey(normalisation) : normalisation;
    for (std::size_t c = 0; c < 3; ++c) {
        s.mean[c] = n.mean[c];
        s.inv_std[c] = 1.0f / n.std[c];
        if (params.padding == FramePadding::black) s.outside[c] = (0 - s.mean[c]) * s.inv_std[c];
    }
    s.inv_std[3] = 1;  // alpha, of mean 0
    return s;
}

}  // namespace camber
