#pragma once
#include <camber/train.h>

#include <vector>

#include "distributed/communicator.h"

namespace camber::testing {

/// The processes of this test: mpirun starts it, or it is alone.
inline distributed::Communicator& world() { return distributed::Communicator::world(); }

/// Frames of street scenes whose labels lack more pixels in some than in others: one has none left.
Dataset uneven_scenes(std::size_t count, int height, int width);

/// A small U-Net with dropout on them.
TrainConfig small_run(int batch);

/// What some steps give.
struct Steps {
    std::vector<double> losses;  ///< a micro-batch each
    std::vector<float> weights;
    std::vector<std::int64_t> confusion;  ///< of all of them
};
/// Batches of the last epoch's end are smaller. `shared`: null, or the processes that share them.
Steps train(const TrainConfig& config, const Dataset& data, int steps, distributed::Communicator* shared);

/// Whether all processes have the bits of the first.
bool same_everywhere(const std::vector<float>& values);

double largest_difference(const std::vector<double>& a, const std::vector<double>& b);

struct LossCase {
    const char* terms;
    bool per_image = false;
    double smoothing = 0;
    bool weights = false;

    void set(TrainConfig& config) const;
};
std::vector<LossCase> loss_cases();

}  // namespace camber::testing
