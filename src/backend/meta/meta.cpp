#include "backend/meta/meta.h"

#include "backend/meta/meta_backend.h"

namespace camber {
namespace {

/// Takes the memory that another device's convolutions take for the time of a call.
class PlanningBackend final : public MetaBackend {
    void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) override {
        take(ConvPass::forward, x, w, y, bias.defined(), p);
    }
    void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& bias, const Tensor& dx,
                              const Conv2dParams& p) override {
        take(ConvPass::backward_data, dx, w, dy, bias.defined(), p);
    }
    void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                const Conv2dParams& p) override {
        take(ConvPass::backward_filter, x, dw, dy, db.defined(), p);
    }

    static void take(ConvPass pass, const Tensor& image, const Tensor& w, const Tensor& output, bool has_bias,
                     const Conv2dParams& p) {
        if (PlannedBackend* const planned = PlannedBackend::current())
            planned->convolve(pass, image, w, output, has_bias, p);
    }
};

}  // namespace

Backend& meta_backend() {
    static PlanningBackend planning;
    return MetaScope::current() ? *MetaScope::current() : planning;
}

}  // namespace camber
