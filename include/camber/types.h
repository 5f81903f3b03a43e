#pragma once
#include <camber/names.h>

/// Options of the operations, shared by ops.h and the backend contract.
namespace camber {

/// Rows and columns of zeros added on each side; negative values remove rows and columns.
struct Padding {
    int top = 0, bottom = 0, left = 0, right = 0;
    bool operator==(const Padding&) const = default;
};

struct Conv2dParams {
    int stride_h = 1, stride_w = 1;
    int dilation_h = 1, dilation_w = 1;
    Padding padding;
    bool operator==(const Conv2dParams&) const = default;
};

/// Transposed convolution: the full output of (H - 1) * stride + K rows has `crop` removed from its sides (negative:
/// zeros added). PyTorch's padding p and output_padding o are crop.top = p, crop.bottom = p - o.
struct ConvTranspose2dParams {
    int stride_h = 2, stride_w = 2;
    Padding crop;
    bool operator==(const ConvTranspose2dParams&) const = default;
};

struct Pool2dParams {
    int kernel_h = 2, kernel_w = 2;
    int stride_h = 2, stride_w = 2;
    Padding padding;  ///< max pooling: never the maximum
    /// Average pooling: divide by the kernel's area, not by the pixels inside the image.
    bool count_include_pad = false;
    bool operator==(const Pool2dParams&) const = default;
};

struct BatchNormParams {
    double eps = 1e-5;
    double momentum = 0.1;  ///< weight of the new statistic (Keras's momentum is 1 - this)
    /// The running variance takes N / (N - 1) times the batch's variance (PyTorch), or the batch's own (Keras).
    bool unbiased = true;
    bool relu = false;  ///< y = max(0, normalised)
    bool operator==(const BatchNormParams&) const = default;
};

/// How output coordinates map to input coordinates.
enum class ResizeMode {
    nearest,                 ///< floor(i * in / out): PyTorch 'nearest', Keras UpSampling2D
    nearest_half_pixel,      ///< floor((i + 0.5) * in / out): PyTorch 'nearest-exact'
    bilinear,                ///< half-pixel centres: PyTorch align_corners=False, Keras
    bilinear_align_corners,  ///< corners map to corners: PyTorch align_corners=True
};

/// A weighted sum of segmentation losses of softmax(logits), void pixels ignored. See ops.h for the formulas.
struct SegmentationLossParams {
    double cross_entropy = 0, dice = 0, jaccard = 0, focal = 0;  ///< weights of the terms; 0 leaves a term out
    /// The first so many channels of the logits; 0: all. What lies beyond is not read and has no gradient: a head's
    /// channels may be rounded up to whole 16-byte pieces.
    int classes = 0;
    int ignore_index = -1;       ///< label of void pixels; -1: none
    double label_smoothing = 0;  ///< cross-entropy only
    double smooth = 1e-5;        ///< Dice and Jaccard
    bool per_image = false;      ///< Dice and Jaccard: per image, then averaged
    double focal_gamma = 2;
};

/// The rule by which parameters are stepped; see optim.h for the formulas.
enum class OptimizerKind { sgd, adam, adamw };
template <>
inline constexpr std::array enum_names<OptimizerKind> = {"sgd", "adam", "adamw"};

}  // namespace camber
