#pragma once
#include "core/batch_share.h"
#include "distributed/communicator.h"

namespace camber::distributed {

/// The share of a batch that a rank has.
class SharedBatch : public BatchShare {
  public:
    explicit SharedBatch(Communicator& world) : world_(world) {}
    void sum(std::span<double> values) const override { world_.sum(values); }
    void sum(const Tensor& values) const override { world_.on(values.device()).sum(values, values); }

  private:
    Communicator& world_;
};

}  // namespace camber::distributed
