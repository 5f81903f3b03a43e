#pragma once
#include "backend/backend.h"
#include "backend/cpu/conv.h"

/// What oneDNN, 2.6 or 3.x, does for the cpu backend. Everything is false, with nothing done, where the build is
/// without it or it has no fast kernel.
namespace camber::cpu {

/// c [m, n] f32 = a [m, k] b [k, n], both of `dtype`.
struct ProductShape {
    std::int64_t m, n, k;
    Dtype dtype;
    auto operator<=>(const ProductShape&) const = default;
};

#if defined(CAMBER_WITH_ONEDNN)

inline constexpr bool has_onednn = true;
/// For example "oneDNN 2.6.3".
std::string onednn_version();
/// Padding is not negative. bias [cout], or undefined.
bool onednn_forward(const ConvShape& s, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y);
bool onednn_backward_data(const ConvShape& s, const Tensor& dy, const Tensor& w, const Tensor& dx);
/// Adds to dw where `accumulate`. The bits do not depend on the number of threads.
bool onednn_backward_filter(const ConvShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            bool accumulate = false);
bool onednn_product(const ProductShape& s, const void* a, const void* b, float* c);
/// Nothing where oneDNN has no fast kernel for the convolution.
ConvScratch onednn_filter_scratch(const ConvShape& s);
ConvScratch onednn_scratch(ConvPass pass, const ConvShape& s, bool has_bias);

/// A convolution of inference; null where oneDNN has no fast kernel for it.
std::unique_ptr<PreparedConvolution> onednn_prepare(const ConvShape& s, const ConvolutionLayer& layer, bool residual,
                                                    KeptWeights& kept);

#else

inline constexpr bool has_onednn = false;
inline std::string onednn_version() { return "no oneDNN"; }
inline bool onednn_forward(const ConvShape&, const Tensor&, const Tensor&, const Tensor&, const Tensor&) {
    return false;
}
inline bool onednn_backward_data(const ConvShape&, const Tensor&, const Tensor&, const Tensor&) { return false; }
inline bool onednn_backward_filter(const ConvShape&, const Tensor&, const Tensor&, const Tensor&, bool = false) {
    return false;
}
inline bool onednn_product(const ProductShape&, const void*, const void*, float*) { return false; }
inline ConvScratch onednn_scratch(ConvPass, const ConvShape&, bool) { return {}; }
inline std::unique_ptr<PreparedConvolution> onednn_prepare(const ConvShape&, const ConvolutionLayer&, bool,
                                                           KeptWeights&) {
    return nullptr;
}

#endif

}  // namespace camber::cpu
