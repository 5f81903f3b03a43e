#pragma once
#include <camber/augment.h>
#include <camber/dataset.h>
#include <camber/tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace camber {

struct LoaderConfig {
    int batch_size = 8;
    int height = 256;  ///< of the batch's images and labels; whole frames are stretched to it
    int width = 256;
    AugmentConfig augment;  ///< augment.enabled = false: plain resize
    Normalisation normalisation;
    bool shuffle = false;
    bool drop_last = false;  ///< leaves out the last batch of an epoch when it is not full
    int max_batches = 0;     ///< > 0: an epoch ends after this many
    std::uint64_t seed = 0;
    int threads = 2;              ///< workers; 0 makes each batch inside next()
    int prefetch = 2;             ///< batches made ahead of the one in use, at least 1
    Device device = Device::cpu;  ///< a host device
    /// Of each batch, the one of so many shares, nearly equal and in order, that is made where several processes train.
    int share = 0, shares = 1;
};

struct Batch {
    Tensor images;                                       ///< f32 [N, H, W, Dataset::channels()], normalised
    Tensor labels;                                       ///< u8 [N, H, W]
    std::vector<std::size_t> indices;                    ///< N positions in the dataset
    std::vector<std::shared_ptr<const Sample>> samples;  ///< what the N were made from; of a Loader's batches
    std::int64_t epoch = 0;
    std::int64_t index = 0;  ///< of the batch in its epoch, from 0
    std::int64_t first = 0;  ///< position of the first of the N in the batch, of which they are a share
    std::int64_t whole = 0;  ///< images of all shares
};

/// An endless sequence of batches: epoch after epoch, batches_per_epoch() each. What a batch holds depends on dataset,
/// configuration, epoch and batch index alone, never on the number of threads, on what the dataset keeps decoded, or on
/// where the sequence was started.
///
///     Loader loader(dataset, config, epoch, batch);
///     for (...; batches_per_epoch ...) { const Batch& batch = loader.next(); ... }
class Loader {
  public:
    /// Starts at batch `batch` of epoch `epoch` (resume). The dataset must outlive the loader. Throws UsageError for
    /// values out of range, and when an epoch would have no batch at all.
    Loader(const Dataset& dataset, const LoaderConfig& config, std::int64_t epoch = 0, std::int64_t batch = 0);
    ~Loader();
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    std::int64_t batches_per_epoch() const;
    /// The next batch. Its tensors are the loader's own buffers: they hold until the following call of next() or
    /// seek(). Rethrows what failed in a worker. One thread may call.
    const Batch& next();
    /// Continues from another position; what was prefetched is dropped.
    void seek(std::int64_t epoch, std::int64_t batch);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace camber
