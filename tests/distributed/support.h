#pragma once
#include <camber/train.h>

#include "distributed/communicator.h"

namespace camber::testing {

/// The processes of this test: mpirun starts it, or it is alone.
inline distributed::Communicator& world() { return distributed::Communicator::world(); }

/// Frames of street scenes whose labels lack more pixels in some than in others: one has none left.
Dataset uneven_scenes(std::size_t count, int height, int width);

/// A small U-Net with dropout on them.
TrainConfig small_run(int batch);

}  // namespace camber::testing
