#pragma once
#include <camber/image.h>
#include <camber/names.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace camber {

/// Network input = (x / 255 - mean) / std per channel, of grey pictures with the luma of mean and std; alpha stays what
/// it is, 0 to 1. The defaults are ImageNet's, so imported encoders see what they were trained on.
struct Normalisation {
    std::array<float, 3> mean = {0.485f, 0.456f, 0.406f};
    std::array<float, 3> std = {0.229f, 0.224f, 0.225f};
};

/// How pixels of the network's input come out of those of a frame, in validation and prediction too.
enum class Interpolation {
    antialias,         ///< bilinear samples, as many as a shrunk frame needs for its detail not to alias
    bilinear,          ///< one bilinear sample
    bilinear_corners,  ///< one, the centres of the frame's corner pixels lying on those of the input: PyTorch's
                       ///< align_corners
    nearest,
};
template <>
inline constexpr std::array enum_names<Interpolation> = {"antialias", "bilinear", "bilinear_corners", "nearest"};

/// What is beyond the frame.
enum class FramePadding {
    mean,        ///< the colour that normalisation makes 0; labels are void
    black,       ///< labels are void
    reflection,  ///< the frame mirrored, labels with it
};
template <>
inline constexpr std::array enum_names<FramePadding> = {"mean", "black", "reflection"};

/// How a number is drawn from its range.
enum class Distribution { log_uniform, uniform };
template <>
inline constexpr std::array enum_names<Distribution> = {"log_uniform", "uniform"};

/// Ranges that random augmentation draws from. A probability is of the whole effect.
struct AugmentConfig {
    bool enabled = true;
    Interpolation interpolation = Interpolation::antialias;
    FramePadding padding = FramePadding::mean;
    /// 0: the frame is stretched to the output. Above: it keeps its shape, its shorter side gets this many of the
    /// output's pixels times the scale, and the output is cut out of that, or padded at the right and below.
    int base_size = 0;
    /// Size of the scene in the crop, relative to the whole frame fitted to the output. Above 1 a part of the frame is
    /// enlarged, below 1 the frame is shrunk and surrounded by the padding.
    float scale_min = 0.75f;
    float scale_max = 2.0f;
    Distribution scale_distribution = Distribution::log_uniform;
    /// Width is multiplied and height divided by sqrt(a), a log-uniform in [1 / (1 + aspect), 1 + aspect].
    float aspect = 0.1f;
    float rotate = 0;  ///< degrees: turned by a uniform angle up to this, either way, about the frame's middle
    /// Perspective: each of four numbers, uniform up to this either way, moves two of the frame's corners along a side,
    /// in halves of it (fastai's symmetric_warp).
    float warp = 0;
    float affine_probability = 1;  ///< of each of scale, rotation and warp
    float flip = 0.5f;             ///< probability of a horizontal flip
    float flip_vertical = 0.0f;    ///< and of a vertical one
    /// Probability of contrast-limited adaptive histogram equalisation (Zuiderveld 1994) of the whole frame's luma: 8 x
    /// 8 tiles, clip limit 2, as OpenCV's CLAHE.
    float clahe = 0;
    float blur = 0;  ///< Gaussian; its standard deviation, in the output's pixels, is uniform from 0 to this
    /// Probabilities of an emboss filter, of edge detection and of sharpening, each blended with the picture by a
    /// random share (imgaug's).
    float emboss = 0, edges = 0, sharpen = 0;
    /// Whether each of the three is drawn by itself, one applied to what the other made, each clipped, the border
    /// mirrored, as in imgaug; false: never two at once.
    bool filters_together = false;
    /// Factors are uniform in [1 - range, 1 + range]. Alpha has its place changed, never its value.
    float brightness = 0.25f;
    float contrast = 0.25f;
    float saturation = 0.25f;
    float hue = 0;  ///< colours turned about the grey axis by a uniform share of the circle up to this, either way
    /// Brightness and contrast as fastai changes them: logit(x) is added logit(b), b uniform in [(1 - lighting) / 2, (1
    /// + lighting) / 2], and multiplied by c, log-uniform in [1 - lighting, 1 / (1 - lighting)].
    float lighting = 0;
    float lighting_probability = 1;  ///< of each of the two
    float gamma = 0;                 ///< x becomes x^g, g log-uniform in [1 / (1 + gamma), 1 + gamma]
    float noise = 0;                 ///< standard deviation, of values in [0, 1], uniform from 0 to this
    /// Probability of one to four rectangles, each side 5% to 25% of the output's, being made 0 (the mean colour),
    /// their labels void.
    float cutout = 0;
};

/// The largest values of AugmentConfig's fields: further out a warp turns the frame inside out, a blur is cut off.
inline constexpr float most_warp = 0.5f, most_blur = 2, most_lighting = 0.9f;

/// One drawn augmentation. Default-constructed values with `width` x `height` set to the source's size change nothing.
/// Plain data.
struct AugmentParams {
    float left = 0, top = 0;      ///< the crop's corner in source pixels (pixel i covers i .. i + 1); may lie outside
    float width = 0, height = 0;  ///< the crop's extent in source pixels
    float rotation = 0;           ///< of the crop about the frame's middle, in radians
    std::array<float, 4> warp = {};  ///< fastai's symmetric_warp of the crop
    int flip = 0;                    ///< 1: mirrored left to right
    int flip_vertical = 0;           ///< 1: upside down
    int taps_x = 1, taps_y = 1;      ///< bilinear samples averaged per output pixel, against aliasing when shrinking
    Interpolation interpolation = Interpolation::antialias;
    FramePadding padding = FramePadding::mean;
    int equalised = 0;  ///< 1: by CLAHE
    float blur = 0;     ///< standard deviation, at most 2
    /// Filters, up to three: every pixel becomes the sum of its 3x3 neighbourhood weighted by the first nine numbers of
    /// `filter`, row by row, that by the next nine.
    int filtered = 0;
    std::array<float, 27> filter = {};
    int filters_clipped = 0;  ///< 1: each sum is clipped to [0, 1], and beyond the border pixels are mirrored
    float hue = 0;            ///< radians
    /// Colour on [0, 1] values: clamp(gain * x + mix * grey(x) + offset), grey the Rec. 601 luma.
    float gain = 1, mix = 0, offset = 0;
    float gamma = 1;                         ///< then x^gamma
    float logit_shift = 0, logit_scale = 1;  ///< then sigmoid((logit(x) + logit_shift) * logit_scale)
    float noise = 0;                         ///< then noise of this standard deviation
    std::array<std::uint32_t, 2> noise_key = {};
    int rectangles = 0;                                ///< that are cut out
    std::array<std::array<int, 4>, 4> rectangle = {};  ///< top, left, bottom, right in the output
};

/// Throws UsageError naming what is out of range.
void check_augmentation(const AugmentConfig& config);

/// The same with everything off that is random: what a configuration begins with that names what it wants.
AugmentConfig whole_frames(const AugmentConfig& config = {});

/// The whole frame stretched to the output, nothing random: validation and prediction.
AugmentParams plain_resize(int source_height, int source_width, int out_height, int out_width,
                           Interpolation interpolation = Interpolation::antialias);

/// Draws for sample `index` in `epoch`: depends on the arguments alone. With !config.enabled it is plain_resize() with
/// config.interpolation.
AugmentParams sample_augmentation(const AugmentConfig& config, const Normalisation& normalisation, std::uint64_t seed,
                                  std::int64_t epoch, std::size_t index, int source_height, int source_width,
                                  int out_height, int out_width);

/// Writes f32 [out_height, out_width, C] to `out` and, unless `label` is null, u8 [out_height, out_width] to
/// `out_label`; C is the image's channels: 1 (grey), 3 (RGB) or 4 (RGBA). Outside the frame, unless it is reflected,
/// the image is 0 (the mean colour, transparent) or black, and the label `void_id`. The arithmetic per pixel is
/// backend/augment_pixel.h's. `label` has the image's size.
void apply_augmentation(const AugmentParams& params, const Image& image, const Image* label,
                        const Normalisation& normalisation, int void_id, int out_height, int out_width, float* out,
                        std::uint8_t* out_label);

/// plain_resize() applied: the network's input f32 [out_height, out_width, C] for a picture of C channels, as
/// validation and prediction see it.
void prepare_image(const Image& image, const Normalisation& normalisation, int out_height, int out_width, float* out,
                   Interpolation interpolation = Interpolation::antialias);

}  // namespace camber
