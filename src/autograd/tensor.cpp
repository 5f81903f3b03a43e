// What a tensor says of its gradient.
#include <camber/autograd.h>

namespace camber {

bool Tensor::requires_grad() const { return autograd_ && autograd_->requires_grad; }

Tensor& Tensor::set_requires_grad(bool value) {
    if (!autograd_) {
        autograd_ = std::make_shared<AutogradMeta>();
        autograd_->shape = shape_;
        autograd_->dtype = dtype_;
        autograd_->device = device();
    }
    autograd_->requires_grad = value;
    return *this;
}

Tensor Tensor::grad() const { return autograd_ && autograd_->has_grad ? autograd_->grad : Tensor(); }

}  // namespace camber
