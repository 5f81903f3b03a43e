#pragma once
#include <camber/tensor.h>

#include "cuda/kernels/conv.h"

namespace camber::CAMBER_GPU {

/// A call's tensors as a library takes them, which may have other dtypes, and channels and filters added: the call's
/// own where they are the same, else memory beside them.
class ConvOperands {
  public:
    /// Queues the conversion of what is given. The shapes are [N, H, W, C], [K, Kh, Kw, C] and [N, Ho, Wo, K] of C and
    /// K at least the call's.
    ConvOperands(const ConvCall& call, std::int64_t channels, std::int64_t filters, Dtype dtype, Dtype filter_dtype);

    const Tensor& image() const { return image_; }
    const Tensor& filter() const { return filter_; }
    const Tensor& response() const { return response_; }
    /// Queues the conversion of what was computed, with `bias` (may be undefined) added, to where the call wants it.
    void deliver(const Tensor& bias = {}) const;

  private:
    ConvCall call_;
    Tensor image_, filter_, response_;
};

/// While one lives, memory that this OS thread's operands and workspaces take is filled with NaNs: a plan that reads
/// what it has not written, or does not write all of its result, shows.
class Poison {
  public:
    Poison();
    ~Poison();
    Poison(const Poison&) = delete;
    Poison& operator=(const Poison&) = delete;

    /// Fills `t` with NaNs.
    static void spread(const Tensor& t);
};

/// Memory for a plan's scratch, aligned to 256 bytes.
class Workspace {
  public:
    explicit Workspace(std::int64_t bytes);
    /// Null for no bytes.
    void* data() const { return data_; }

  private:
    Tensor memory_;
    void* data_ = nullptr;
};

}  // namespace camber::CAMBER_GPU
