#include "backend/profiler.h"

#include <camber/error.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <vector>

#include "backend/traffic.h"

namespace camber {
namespace {

using traffic::once;
using traffic::twice;

class ProfilingBackend : public Backend {
  public:
    explicit ProfilingBackend(Backend& inner) : inner_(inner), timeline_(inner.timeline()) {}

    const Profile& profile() {
        collect();
        return profile_;
    }
    void reset() {
        collect();
        profile_.clear();
    }

    Device device() const override { return inner_.device(); }
    std::string describe() const override { return inner_.describe(); }
    void synchronize() override { inner_.synchronize(); }
    std::unique_ptr<Recording> record(const std::function<void()>&) override {
        return nullptr;  // its primitives would be timed once, while they are not run
    }

    void conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, const Conv2dParams& p) override {
        const Timer timer(*this, "conv2d", once(x, bias, y) + traffic::weights(w, x));
        inner_.conv2d(x, w, bias, y, p);
    }
    void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx, const Conv2dParams& p) override {
        const Timer timer(*this, "conv2d_backward_data", once(dy, dx) + traffic::weights(w, dy));
        inner_.conv2d_backward_data(dy, w, dx, p);
    }
    void conv2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                const Conv2dParams& p) override {
        const Timer timer(*this, "conv2d_backward_filter", traffic::filter_gradient(x, dy, dw, db));
        inner_.conv2d_backward_filter(x, dy, dw, db, p);
    }
    void conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                          const ConvTranspose2dParams& p) override {
        const Timer timer(*this, "conv_transpose2d", once(x, bias, y) + traffic::weights(w, x));
        inner_.conv_transpose2d(x, w, bias, y, p);
    }
    void conv_transpose2d_backward_data(const Tensor& dy, const Tensor& w, const Tensor& dx,
                                        const ConvTranspose2dParams& p) override {
        const Timer timer(*this, "conv_transpose2d_backward_data", once(dy, dx) + traffic::weights(w, dy));
        inner_.conv_transpose2d_backward_data(dy, w, dx, p);
    }
    void conv_transpose2d_backward_filter(const Tensor& x, const Tensor& dy, const Tensor& dw, const Tensor& db,
                                          const ConvTranspose2dParams& p) override {
        const Timer timer(*this, "conv_transpose2d_backward_filter", traffic::filter_gradient(x, dy, dw, db));
        inner_.conv_transpose2d_backward_filter(x, dy, dw, db, p);
    }
    void batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                          const Tensor& offset, const Tensor& running_mean, const Tensor& running_var,
                          const ChannelSlice& y, const Tensor& pooled, const Tensor& mean, const Tensor& invstd,
                          const BatchNormParams& p) override {
        const Timer timer(*this, "batch_norm_train", twice(x) + once(y, x) + once(residual, pooled));
        inner_.batch_norm_train(x, residual, gamma, beta, offset, running_mean, running_var, y, pooled, mean, invstd,
                                p);
    }
    void batch_norm_inference(const Tensor& x, const Tensor& residual, const Tensor& gamma, const Tensor& beta,
                              const Tensor& running_mean, const Tensor& running_var, const ChannelSlice& y,
                              const Tensor& pooled, const BatchNormParams& p) override {
        const Timer timer(*this, "batch_norm_inference", once(x, residual, pooled) + once(y, x));
        inner_.batch_norm_inference(x, residual, gamma, beta, running_mean, running_var, y, pooled, p);
    }
    void batch_norm_backward(const Tensor& x, const Tensor& y, const ChannelSlice& dy, const Tensor& dpooled,
                             const Tensor& gamma, const Tensor& beta, const Tensor& mean, const Tensor& invstd,
                             const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma, const Tensor& dbeta,
                             const BatchNormParams& p) override {
        // With dresidual, the second pass reads that instead of dy and y.
        const Timer timer(*this, "batch_norm_backward",
                          twice(x, dpooled, dresidual) + (dresidual ? 1 : 2) * (once(dy, x) + once(y)) + once(dx));
        inner_.batch_norm_backward(x, y, dy, dpooled, gamma, beta, mean, invstd, dx, dresidual, dgamma, dbeta, p);
    }
    void batch_norm_inference_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& gamma,
                                       const Tensor& beta, const Tensor& running_mean, const Tensor& running_var,
                                       const Tensor& dx, const Tensor& dresidual, const Tensor& dgamma,
                                       const Tensor& dbeta, const BatchNormParams& p) override {
        const Timer timer(*this, "batch_norm_inference_backward", once(x, y, dy, dx, dresidual));
        inner_.batch_norm_inference_backward(x, y, dy, gamma, beta, running_mean, running_var, dx, dresidual, dgamma,
                                             dbeta, p);
    }
    void relu(const Tensor& x, const Tensor& y) override {
        const Timer timer(*this, "relu", once(x, y));
        inner_.relu(x, y);
    }
    void relu_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) override {
        const Timer timer(*this, "relu_backward", once(y, dy, dx));
        inner_.relu_backward(y, dy, dx);
    }
    void add(const Tensor& a, const Tensor& b, const Tensor& y) override {
        const Timer timer(*this, "add", once(a, b, y));
        inner_.add(a, b, y);
    }
    void scale(const Tensor& x, double alpha, const Tensor& y) override {
        const Timer timer(*this, "scale", once(x, y));
        inner_.scale(x, alpha, y);
    }
    void fill(const Tensor& y, double value) override {
        const Timer timer(*this, "fill", once(y));
        inner_.fill(y, value);
    }
    void broadcast(const Tensor& value, const Tensor& y) override {
        const Timer timer(*this, "broadcast", once(y));
        inner_.broadcast(value, y);
    }
    void cast(const Tensor& x, const Tensor& y) override {
        const Timer timer(*this, "cast", once(x, y));
        inner_.cast(x, y);
    }
    void dropout(const Tensor& x, const Tensor& y, double rate, const PhiloxKey& key, const Tensor& step) override {
        const Timer timer(*this, "dropout", once(x, y));
        inner_.dropout(x, y, rate, key, step);
    }
    void softmax(const Tensor& x, const Tensor& y) override {
        const Timer timer(*this, "softmax", once(x, y));
        inner_.softmax(x, y);
    }
    void softmax_backward(const Tensor& y, const Tensor& dy, const Tensor& dx) override {
        const Timer timer(*this, "softmax_backward", once(y, dy, dx));
        inner_.softmax_backward(y, dy, dx);
    }
    void max_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) override {
        const Timer timer(*this, "max_pool2d", once(x, y));
        inner_.max_pool2d(x, y, p);
    }
    void max_pool2d_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const ChannelSlice& addend,
                             const Tensor& dx, const Pool2dParams& p) override {
        const Timer timer(*this, "max_pool2d_backward", once(x, dy, dx) + once(addend, x));
        inner_.max_pool2d_backward(x, y, dy, addend, dx, p);
    }
    void avg_pool2d(const Tensor& x, const Tensor& y, const Pool2dParams& p) override {
        const Timer timer(*this, "avg_pool2d", once(x, y));
        inner_.avg_pool2d(x, y, p);
    }
    void avg_pool2d_backward(const Tensor& dy, const Tensor& dx, const Pool2dParams& p) override {
        const Timer timer(*this, "avg_pool2d_backward", once(dy, dx));
        inner_.avg_pool2d_backward(dy, dx, p);
    }
    void resize(const Tensor& x, const Tensor& y, ResizeMode mode) override {
        const Timer timer(*this, "resize", once(x, y));
        inner_.resize(x, y, mode);
    }
    void resize_backward(const Tensor& dy, const Tensor& dx, ResizeMode mode) override {
        const Timer timer(*this, "resize_backward", once(dy, dx));
        inner_.resize_backward(dy, dx, mode);
    }
    void pad2d(const Tensor& x, const Tensor& y, int top, int left) override {
        // Of x what is not cropped.
        const Timer timer(*this, "pad2d", once(y) + std::min(once(x), once(y)));
        inner_.pad2d(x, y, top, left);
    }
    void copy_channels(const Tensor& x, std::int64_t x_begin, const Tensor& y, std::int64_t y_begin, std::int64_t count,
                       const Tensor& sums) override {
        const Timer timer(*this, "copy_channels",
                          2 * count * (y.numel() / y.shape().back()) * static_cast<std::int64_t>(size_of(y.dtype())));
        inner_.copy_channels(x, x_begin, y, y_begin, count, sums);
    }
    void pixel_shuffle(const Tensor& x, const Tensor& y, int factor) override {
        const Timer timer(*this, "pixel_shuffle", once(x, y));
        inner_.pixel_shuffle(x, y, factor);
    }
    void pixel_unshuffle(const Tensor& x, const Tensor& y, int factor) override {
        const Timer timer(*this, "pixel_unshuffle", once(x, y));
        inner_.pixel_unshuffle(x, y, factor);
    }
    void sum(const Tensor& x, const Tensor& y) override {
        const Timer timer(*this, "sum", once(x));
        inner_.sum(x, y);
    }
    void segmentation_loss(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                           const Tensor& focal_alpha, const Tensor& loss, const Tensor& stats, const Tensor& counts,
                           const SegmentationLossParams& p) override {
        const Timer timer(*this, "segmentation_loss", once(logits, labels));
        inner_.segmentation_loss(logits, labels, class_weights, focal_alpha, loss, stats, counts, p);
    }
    void segmentation_loss_backward(const Tensor& logits, const Tensor& labels, const Tensor& class_weights,
                                    const Tensor& focal_alpha, const Tensor& stats, const Tensor& grad_loss,
                                    const Tensor& dlogits, const SegmentationLossParams& p) override {
        const Timer timer(*this, "segmentation_loss_backward", once(logits, labels, dlogits));
        inner_.segmentation_loss_backward(logits, labels, class_weights, focal_alpha, stats, grad_loss, dlogits, p);
    }
    void argmax(const Tensor& x, const Tensor& labels) override {
        const Timer timer(*this, "argmax", once(x, labels));
        inner_.argmax(x, labels);
    }
    void confusion_matrix(const Tensor& prediction, const Tensor& truth, const Tensor& counts,
                          int ignore_index) override {
        const Timer timer(*this, "confusion_matrix", once(prediction, truth));
        inner_.confusion_matrix(prediction, truth, counts, ignore_index);
    }
    void count_predictions(const Tensor& logits, const Tensor& source, const Tensor& maps, const Tensor& counts,
                           int ignore_index) override {
        const Timer timer(*this, "count_predictions", once(logits));
        inner_.count_predictions(logits, source, maps, counts, ignore_index);
    }
    void augment(const Tensor& source, const Tensor& samples, int void_id, const Tensor& x,
                 const Tensor& labels) override {
        const Timer timer(*this, "augment", once(x, labels));
        inner_.augment(source, samples, void_id, x, labels);
    }
    void color_labels(const Tensor& labels, const Tensor& palette, const Tensor& y) override {
        const Timer timer(*this, "color_labels", once(labels, y));
        inner_.color_labels(labels, palette, y);
    }
    void overlay(const Tensor& image, const Tensor& labels, const Tensor& palette, int opacity,
                 const Tensor& y) override {
        const Timer timer(*this, "overlay", once(image, labels, y));
        inner_.overlay(image, labels, palette, opacity, y);
    }
    void grad_norm(const Tensor& grad, std::span<const ParameterSegment> segments, const Tensor& norm) override {
        const Timer timer(*this, "grad_norm", once(segments, grad));
        inner_.grad_norm(grad, segments, norm);
    }
    void optimizer_step(const Tensor& parameter, const Tensor& rounded, const Tensor& grad, const Tensor& state1,
                        const Tensor& state2, const Tensor& ema, const Tensor& grad_norm, const Tensor& scalars,
                        std::span<const ParameterSegment> segments, const OptimizerParams& p) override {
        const Timer timer(*this, "optimizer_step",
                          2 * once(segments, parameter, state1, state2, ema) + once(segments, rounded, grad));
        inner_.optimizer_step(parameter, rounded, grad, state1, state2, ema, grad_norm, scalars, segments, p);
    }

  private:
    /// A primitive, from where it is made to where it ends, unless by an exception.
    class Timer {
      public:
        Timer(ProfilingBackend& owner, const char* name, std::int64_t bytes)
            : owner_(owner),
              name_(name),
              bytes_(bytes),
              begin_(owner.timeline_->mark()),
              exceptions_(std::uncaught_exceptions()) {}
        ~Timer() noexcept(false) {
            if (std::uncaught_exceptions() == exceptions_) owner_.add(name_, bytes_, begin_);
        }
        Timer(const Timer&) = delete;
        Timer& operator=(const Timer&) = delete;

      private:
        ProfilingBackend& owner_;
        const char* name_;
        std::int64_t bytes_;
        std::size_t begin_;
        int exceptions_;
    };
    /// A timed primitive, between two marks.
    struct Call {
        const char* name;
        std::int64_t bytes;
        std::size_t begin, end;
    };
    static constexpr std::size_t most_calls = 4096;  ///< whose marks are held before the device is waited for

    void add(const char* name, std::int64_t bytes, std::size_t begin) {
        calls_.push_back({name, bytes, begin, timeline_->mark()});
        if (calls_.size() >= most_calls) collect();
    }
    void collect() {
        const std::vector<double> at = timeline_->seconds();
        for (const Call& call : calls_) {
            PrimitiveTime& time = profile_[call.name];
            time.seconds += at[call.end] - at[call.begin];
            time.bytes += call.bytes;
            ++time.calls;
        }
        calls_.clear();
    }

    Backend& inner_;
    std::unique_ptr<Timeline> timeline_;
    std::vector<Call> calls_;
    Profile profile_;
};

std::unique_ptr<ProfilingBackend> active;

}  // namespace

ProfileScope::ProfileScope(Device device) {
    if (active) fail("a profile is being taken already");
    active = std::make_unique<ProfilingBackend>(backend(device));
}
ProfileScope::~ProfileScope() { active = nullptr; }
const Profile& ProfileScope::profile() const { return active->profile(); }
void ProfileScope::reset() { active->reset(); }

Backend* profiling_backend(Device device) { return active && active->device() == device ? active.get() : nullptr; }

}  // namespace camber
