#include "cudnn/network_calls.h"

#include <camber/autograd.h>
#include <camber/ops.h>

#include "backend/meta/meta.h"
#include "backend/meta/meta_backend.h"

namespace camber {
namespace {

class Recorder final : public MetaBackend {
  public:
    std::vector<ConvCall> calls;

    void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) override {
        calls.push_back(conv2d_call(x, w, bias, y, p));
    }
    void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx,
                              const Conv2dParams& p) override {
        calls.push_back(conv2d_backward_data_call(dy, w, bias, dx, p));
    }
    void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor&,
                                const Conv2dParams& p) override {
        calls.push_back(conv2d_backward_filter_call(x, dy, dw, p));
    }
};

Recorder& recorder() {
    static Recorder backend;
    return backend;
}

}  // namespace

// The linker takes this one instead of the library's.
Backend& meta_backend() { return recorder(); }

namespace testing {

std::vector<ConvCall> convolutions_of_step(nets::Net& net, std::int64_t batch, std::int64_t size, Dtype dtype) {
    for (const nn::NamedParameter& named : net.named_parameters()) named.parameter->tensor.set_requires_grad(true);
    recorder().calls.clear();
    const Tensor x = Tensor::empty({batch, size, size, net.in_channels()}, dtype, Device::meta);
    const Tensor logits = net.forward(x);
    const Tensor labels = Tensor::empty({logits.dim(0), logits.dim(1), logits.dim(2)}, Dtype::u8, Device::meta);
    backward(ops::segmentation_loss(logits, labels, {.cross_entropy = 1}).loss);
    return std::move(recorder().calls);
}

}  // namespace testing
}  // namespace camber
