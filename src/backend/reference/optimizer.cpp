#include <algorithm>
#include <cmath>

#include "backend/reference/dispatch.h"
#include "backend/reference/reference_backend.h"

namespace camber::reference {
namespace {

/// Element `index` of the per-step numbers as a double.
double scalar(const Tensor& scalars, int index) {
    double value = 0;
    with_parameter(scalars.dtype(), [&]<class P>() { value = static_cast<double>(scalars.data<P>()[index]); });
    return value;
}

/// The numbers of one step that hold for one parameter group.
struct Step {
    double learning_rate, weight_decay;
    double bias_correction1, bias_correction2;
    double momentum, rest;
    bool first;
};

/// The updates of PyTorch's SGD, Adam and AdamW: each returns the new parameter and changes its moments in place.
double sgd(double parameter, double gradient, double* momentum, const Step& s, const OptimizerParams& p) {
    gradient += s.weight_decay * parameter;
    if (momentum) {
        *momentum = s.first ? gradient : s.momentum * *momentum + gradient;
        gradient = p.nesterov ? gradient + s.momentum * *momentum : *momentum;
    }
    return parameter - s.learning_rate * gradient;
}

double adam(double parameter, double gradient, double& m, double& v, const Step& s, const OptimizerParams& p) {
    if (p.kind == OptimizerKind::adamw)
        parameter -= s.learning_rate * s.weight_decay * parameter;
    else
        gradient += s.weight_decay * parameter;
    m = s.momentum * m + s.rest * gradient;
    v = p.beta2 * v + (1 - p.beta2) * gradient * gradient;
    return parameter - s.learning_rate * (m / s.bias_correction1) / (std::sqrt(v / s.bias_correction2) + p.eps);
}

}  // namespace

void ReferenceBackend::grad_norm(const Tensor& grad, std::span<const ParameterSegment> segments, const Tensor& norm) {
    with_parameter(grad.dtype(), [&]<class P>() {
        const P* g = grad.data<P>();
        double squares = 0;
        for (const auto& segment : segments)
            for (std::int64_t i = segment.begin; i < segment.end; ++i)
                squares += static_cast<double>(g[i]) * static_cast<double>(g[i]);
        *norm.data<P>() = static_cast<P>(std::sqrt(squares));
    });
}

void ReferenceBackend::optimizer_step(const Tensor& parameter, const Tensor& rounded, const Tensor& grad,
                                      const Tensor& state1, const Tensor& state2, const Tensor& ema,
                                      const Tensor& grad_norm, const Tensor& scalars,
                                      std::span<const ParameterSegment> segments, const OptimizerParams& p) {
    with_parameter(parameter.dtype(), [&]<class P>() {
        P* w = parameter.data<P>();
        const P* g = grad.data<P>();
        P* moment1 = data_or_null<P>(state1);
        P* moment2 = data_or_null<P>(state2);
        P* average = data_or_null<P>(ema);
        bf16* coarse = data_or_null<bf16>(rounded);

        double gradient_scale = scalar(scalars, step_scalar::grad_scale);
        if (p.max_grad_norm > 0) {
            // grad_norm is that of the raw gradient; what is clipped is the scaled one.
            const double norm = static_cast<double>(*grad_norm.data<P>()) * std::abs(gradient_scale);
            gradient_scale *= std::min(1.0, p.max_grad_norm / (norm + 1e-6));
        }
        const double decay = scalar(scalars, step_scalar::ema_decay);
        for (const auto& segment : segments) {
            const int group = step_scalar::groups + 2 * segment.group;
            const Step step{.learning_rate = scalar(scalars, group),
                            .weight_decay = scalar(scalars, group + 1),
                            .bias_correction1 = scalar(scalars, step_scalar::bias_correction1),
                            .bias_correction2 = scalar(scalars, step_scalar::bias_correction2),
                            .momentum = scalar(scalars, step_scalar::momentum),
                            .rest = scalar(scalars, step_scalar::rest),
                            .first = scalar(scalars, step_scalar::first_step) != 0};
            for (std::int64_t i = segment.begin; i < segment.end; ++i) {
                const double before = static_cast<double>(w[i]), gradient = gradient_scale * static_cast<double>(g[i]);
                double m = moment1 ? static_cast<double>(moment1[i]) : 0;
                double v = moment2 ? static_cast<double>(moment2[i]) : 0;
                const double after = p.kind == OptimizerKind::sgd
                                         ? sgd(before, gradient, moment1 ? &m : nullptr, step, p)
                                         : adam(before, gradient, m, v, step, p);
                w[i] = static_cast<P>(after);
                if (coarse) coarse[i] = bf16(w[i]);
                if (moment1) moment1[i] = static_cast<P>(m);
                if (moment2) moment2[i] = static_cast<P>(v);
                if (average) average[i] = static_cast<P>(decay * static_cast<double>(average[i]) + (1 - decay) * after);
            }
        }
    });
}

}  // namespace camber::reference
