#include <cmath>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/parallel.h"

namespace camber::cpu {
namespace {

std::int64_t total_length(std::span<const ParameterSegment> segments) {
    std::int64_t total = 0;
    for (const auto& segment : segments) total += segment.end - segment.begin;
    return total;
}

/// Calls body(begin, end, group) for the pieces of the segments that lie within [begin, end) of their concatenation.
template <class F>
void for_pieces(std::span<const ParameterSegment> segments, std::int64_t begin, std::int64_t end, F&& body) {
    std::int64_t position = 0;  // of the segment in the concatenation
    for (const auto& segment : segments) {
        const std::int64_t from = std::max(segment.begin, segment.begin + begin - position);
        const std::int64_t to = std::min(segment.end, segment.begin + end - position);
        if (from < to) body(from, to, segment.group);
        position += segment.end - segment.begin;
    }
}

/// The numbers of one step that hold for one parameter group, as PyTorch folds them.
struct Step {
    float gradient_scale;
    float learning_rate, weight_decay;
    float step_size, inverse_root;  // Adam: learning rate / bias correction 1, 1 / sqrt(bias correction 2)
    float momentum, rest;           // 1 - momentum
    bool first;
    float ema_decay;
};

struct Buffers {
    float *parameter, *state1, *state2, *ema;
    const float* grad;
    bf16* rounded;
};

/// The updates of PyTorch's SGD, Adam and AdamW on elements [begin, end).
template <OptimizerKind kind, bool has_state1, bool has_ema>
void update(const Buffers& b, std::int64_t begin, std::int64_t end, const Step& s, const OptimizerParams& p) {
    const auto beta2 = static_cast<float>(p.beta2), rest2 = static_cast<float>(1 - p.beta2),
               eps = static_cast<float>(p.eps);
    const float decay = s.ema_decay, fresh = 1 - decay;
    const float shrink = kind == OptimizerKind::adamw ? s.learning_rate * s.weight_decay : 0;
    const float added = kind == OptimizerKind::adamw ? 0 : s.weight_decay;
    for_vectors(begin, end, [&](std::int64_t i, auto part) {
        Vec w = load(b.parameter + i, part), g = load(b.grad + i, part) * s.gradient_scale;
        g = fma(splat(added), w, g);
        if constexpr (kind == OptimizerKind::sgd) {
            if constexpr (has_state1) {
                const Vec m = s.first ? g : fma(splat(s.momentum), load(b.state1 + i, part), g);
                store(b.state1 + i, m, part);
                g = p.nesterov ? fma(splat(s.momentum), m, g) : m;
            }
            w = fma(splat(-s.learning_rate), g, w);
        } else {
            const Vec m = fma(splat(s.momentum), load(b.state1 + i, part), g * s.rest);
            const Vec v = fma(splat(beta2), load(b.state2 + i, part), g * g * rest2);
            store(b.state1 + i, m, part);
            store(b.state2 + i, v, part);
            w = fma(splat(-shrink), w, w);
            w -= s.step_size * m / fma(sqrt(v), splat(s.inverse_root), splat(eps));
        }
        store(b.parameter + i, w, part);
        if (b.rounded) store(b.rounded + i, w, part);
        if constexpr (has_ema) store(b.ema + i, fma(splat(decay), load(b.ema + i, part), w * fresh), part);
    });
}

template <bool has_ema>
auto choose(OptimizerKind kind, bool has_state1) {
    switch (kind) {
        case OptimizerKind::sgd:
            return has_state1 ? update<OptimizerKind::sgd, true, has_ema> : update<OptimizerKind::sgd, false, has_ema>;
        case OptimizerKind::adam:
            return update<OptimizerKind::adam, true, has_ema>;
        case OptimizerKind::adamw:
            break;
    }
    return update<OptimizerKind::adamw, true, has_ema>;
}

float* data_or_null(const Tensor& tensor) { return tensor ? tensor.data<float>() : nullptr; }

}  // namespace

void CpuBackend::grad_norm(const Tensor& grad, std::span<const ParameterSegment> segments, const Tensor& norm) {
    const float* g = grad.data<float>();
    const std::int64_t total = total_length(segments);
    // Chunks of fixed length: the sum does not depend on the number of threads.
    constexpr std::int64_t chunk = std::int64_t{1} << 16, block = std::int64_t{1} << 12;
    const std::int64_t chunks = (total + chunk - 1) / chunk;
    const Scratch scratch(static_cast<std::size_t>(chunks) * sizeof(double));
    double* partial = scratch.as<double>();
    parallel_for(chunks, chunk, [=](std::int64_t i) {
        partial[i] = 0;
        for_pieces(
            segments, i * chunk, std::min(total, (i + 1) * chunk), [&](std::int64_t begin, std::int64_t end, int) {
                for (std::int64_t from = begin; from < end; from += block) {
                    Vec squares[4] = {};
                    int k = 0;
                    for_vectors(from, std::min(end, from + block), [&](std::int64_t j, auto part) {
                        const Vec v = load(g + j, part);
                        squares[k] = fma(v, v, squares[k]);
                        k = (k + 1) % 4;
                    });
                    partial[i] += static_cast<double>(lane_sum(squares[0] + squares[1] + squares[2] + squares[3]));
                }
            });
    });
    double squares = 0;
    for (std::int64_t i = 0; i < chunks; ++i) squares += partial[i];
    *norm.data<float>() = static_cast<float>(std::sqrt(squares));
}

void CpuBackend::optimizer_step(const Tensor& parameter, const Tensor& rounded, const Tensor& grad,
                                const Tensor& state1, const Tensor& state2, const Tensor& ema, const Tensor& grad_norm,
                                const Tensor& scalars, std::span<const ParameterSegment> segments,
                                const OptimizerParams& p) {
    const Buffers buffers{parameter.data<float>(), data_or_null(state1), data_or_null(state2),
                          data_or_null(ema),       grad.data<float>(),   rounded ? rounded.data<bf16>() : nullptr};
    const float* numbers = scalars.data<float>();
    double gradient_scale = static_cast<double>(numbers[step_scalar::grad_scale]);
    if (p.max_grad_norm > 0) {
        // grad_norm is that of the raw gradient; what is clipped is the scaled one.
        const double norm = static_cast<double>(*grad_norm.data<float>()) * std::abs(gradient_scale);
        gradient_scale *= std::min(1.0, p.max_grad_norm / (norm + 1e-6));
    }
    const auto step_of = [&](int group) {
        const float rate = numbers[step_scalar::groups + 2 * group];
        return Step{.gradient_scale = static_cast<float>(gradient_scale),
                    .learning_rate = rate,
                    .weight_decay = numbers[step_scalar::groups + 2 * group + 1],
                    .step_size = rate / numbers[step_scalar::bias_correction1],
                    .inverse_root = 1 / std::sqrt(numbers[step_scalar::bias_correction2]),
                    .momentum = numbers[step_scalar::momentum],
                    .rest = numbers[step_scalar::rest],
                    .first = numbers[step_scalar::first_step] != 0,
                    .ema_decay = numbers[step_scalar::ema_decay]};
    };
    const auto apply = buffers.ema ? choose<true>(p.kind, buffers.state1 != nullptr)
                                   : choose<false>(p.kind, buffers.state1 != nullptr);
    const std::int64_t total = total_length(segments);
    parallel_ranges(total, lanes, total, [&](std::int64_t begin, std::int64_t end) {
        for_pieces(segments, begin, end,
                   [&](std::int64_t from, std::int64_t to, int group) { apply(buffers, from, to, step_of(group), p); });
    });
}

}  // namespace camber::cpu
