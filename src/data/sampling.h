#pragma once
#include <camber/augment.h>

#include <vector>

#include "backend/augment_pixel.h"

namespace camber {

/// What Backend::augment needs to know of an augmentation of a source_height x source_width picture to out_height x
/// out_width pixels of `channels`.
pixel::Sampling sampling_of(const AugmentParams& params, int source_height, int source_width,
                            const Normalisation& normalisation, int channels, int out_height, int out_width);

/// The tables of a picture's equalisation, pixel::equalisation_bytes of them, as OpenCV's CLAHE makes them with 8 x 8
/// tiles and clip limit 2.
std::vector<std::uint8_t> equalisation_tables(const Image& image);

}  // namespace camber
