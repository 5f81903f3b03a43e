#pragma once
#include <fmt/core.h>

#include <set>
#include <string>
#include <utility>

#include "backend/backend.h"

namespace camber {

/// The backend of Device::meta: tensors have shapes and no elements, so every primitive does nothing. A forward pass
/// of any size then costs nothing and yields shapes.
Backend& meta_backend();

/// For its lifetime, on this thread, primitives on Device::meta are `backend`'s.
class MetaScope {
  public:
    explicit MetaScope(Backend& backend) : before_(std::exchange(current_, &backend)) {}
    ~MetaScope() { current_ = before_; }
    MetaScope(const MetaScope&) = delete;
    MetaScope& operator=(const MetaScope&) = delete;

    static Backend* current() { return current_; }

  private:
    static inline thread_local Backend* current_ = nullptr;
    Backend* before_;
};

/// For its lifetime, on this thread, convolutions on Device::meta take the scratch that they would take on `backend`.
class PlannedBackend {
  public:
    /// Null: none.
    explicit PlannedBackend(const Backend* backend) : backend_(backend), before_(std::exchange(current_, this)) {}
    ~PlannedBackend() { current_ = before_; }
    PlannedBackend(const PlannedBackend&) = delete;
    PlannedBackend& operator=(const PlannedBackend&) = delete;

    static PlannedBackend* current() { return current_; }
    void convolve(ConvPass pass, const Tensor& image, const Tensor& w, const Tensor& output, bool has_bias,
                  const Conv2dParams& p) {
        if (!backend_) return;
        const ConvScratch scratch = backend_->conv_scratch(pass, image, w, output, has_bias, p);
        Tensor::empty({static_cast<std::int64_t>(scratch.while_it_runs)}, Dtype::u8, Device::meta);
        const std::string key = fmt::format("{} {} {} {} {} {}", static_cast<int>(pass), image.shape().str(),
                                            w.shape().str(), output.shape().str(), p.dilation_h, has_bias);
        if (seen_.insert(key).second) code_bytes_ += scratch.code;
    }
    /// Of all convolutions so far.
    std::size_t code_bytes() const { return code_bytes_; }

  private:
    static inline thread_local PlannedBackend* current_ = nullptr;
    const Backend* backend_;
    PlannedBackend* before_;
    std::set<std::string> seen_;
    std::size_t code_bytes_ = 0;
};

}  // namespace camber
