// A differentiable operation of your own, outside the library: SiLU, y = x * sigmoid(x) (Hendrycks and Gimpel 2016).
// Its gradient is compared with central differences, then used. CONTRIBUTING.md says how one becomes part of the
// library, with kernels for every device.
#include <camber/autograd.h>
#include <camber/layers.h>
#include <camber/optim.h>
#include <camber/parameter_buffer.h>
#include <fmt/format.h>

#include <cmath>

using namespace camber;

namespace {

template <class T>
void apply(const Tensor& x, const Tensor& y) {
    for (std::int64_t i = 0; i < x.numel(); ++i) y.data<T>()[i] = x.data<T>()[i] / (1 + std::exp(-x.data<T>()[i]));
}

/// dx = dy * s * (1 + x * (1 - s)), s = sigmoid(x).
template <class T>
void apply_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) {
    for (std::int64_t i = 0; i < x.numel(); ++i) {
        const T value = x.data<T>()[i], s = 1 / (1 + std::exp(-value));
        dx.data<T>()[i] = dy.data<T>()[i] * s * (1 + value * (1 - s));
    }
}

/// Elementwise, any shape, f32 or f64 in host memory. Throws Error for others.
Tensor silu(const Tensor& x) {
    if (!is_host(x.device()) || (x.dtype() != Dtype::f32 && x.dtype() != Dtype::f64))
        fail("silu: takes f32 and f64 in host memory, not {} on {}", name(x.dtype()), name(x.device()));
    const bool f64 = x.dtype() == Dtype::f64;
    Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
    f64 ? apply<double>(x, y) : apply<float>(x, y);
    if (needs_grad({&x})) {
        record(y, {x}, [x = x.detach(), f64](BackwardContext& context) {
            const Tensor dx = context.out(0);  // to be overwritten
            f64 ? apply_backward<double>(x, context.grad(), dx) : apply_backward<float>(x, context.grad(), dx);
        });
    }
    return y;
}

/// x [N, 1, 1, 2] to the logits of two classes.
class Perceptron : public nn::Module {
  public:
    Perceptron() : hidden_(add<nn::Linear>("hidden", 2, 8)), logits_(add<nn::Linear>("logits", 8, 2)) {}
    Tensor forward(const Tensor& x) override { return logits_.forward(silu(hidden_.forward(x))); }

  private:
    nn::Linear &hidden_, &logits_;
};

}  // namespace

int main() {
    Tensor x = Tensor::from<double>({-4, -1, -0.5, 0, 0.25, 1, 2, 6}, {2, 2, 2}, Device::reference);
    x.set_requires_grad(true);
    const double error = gradcheck([](const std::vector<Tensor>& in) { return silu(in[0]); }, {x});
    fmt::print("largest difference from central differences: {:.1e}\n", error);
    if (error > 1e-8) return 1;

    // Between the library's own layers: exclusive or, which no network without it could learn.
    const Tensor pairs = Tensor::from<float>({0, 0, 0, 1, 1, 0, 1, 1}, {4, 1, 1, 2}, Device::cpu);
    const Tensor classes = Tensor::from<std::uint8_t>({0, 1, 1, 0}, {4, 1, 1}, Device::cpu);
    Perceptron net;
    nn::ParameterBuffer parameters(net, {.seed = 1});
    Optimizer optimizer(parameters.values(), parameters.gradients(), {{"all", 0, parameters.values().shape()}});
    double loss = 0;
    for (int step = 0; step < 100; ++step) {
        parameters.zero_grad();
        const Tensor mean = ops::segmentation_loss(net.forward(pairs), classes, {.cross_entropy = 1}).loss;
        backward(mean);
        optimizer.step(0.1);
        loss = mean.item();
    }
    fmt::print("exclusive or: loss {:.4f}\n", loss);
    return loss < 0.01 ? 0 : 1;
}
