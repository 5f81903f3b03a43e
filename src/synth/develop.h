#pragma once
#include <camber/synth.h>

#include "synth/canvas.h"

namespace camber::synth {

/// What the camera does to the light that reaches it.
struct Film {
    float exposure = 1, contrast = 1, saturation = 1, blur = 0.3f, noise = 0.02f, vignette = 0.15f;
    Colour balance{1, 1, 1};
    float void_borders = 0;  ///< how much of the outlines of things is left unlabelled, 0..1
    std::uint32_t salt = 0;
};

/// Reduces a canvas to half its size: each pixel the mean of four for the picture and their majority for the id.
Scene develop(const Canvas& canvas, const Film& film);

}  // namespace camber::synth
