#include <camber/error.h>
#include <camber/loader.h>
#include <camber/philox.h>

#include <condition_variable>
#include <exception>
#include <mutex>

#include "core/thread.h"
#include "data/sample_order.h"

namespace camber {

/// Work is handed out a sample at a time, in order: slot `b % slots` holds batch number b (counted from the start of
/// the sequence), and is refilled once the consumer has moved past b.
struct Loader::State {
    struct Slot {
        Tensor images, labels;  // of a full batch
        Batch batch;
        std::size_t waiting = 0;  // samples not made yet
        std::exception_ptr failure;
    };

    const Dataset& dataset;
    const LoaderConfig config;
    std::int64_t batches = 0;  // per epoch
    std::vector<Slot> slots;

    std::mutex mutex;
    std::condition_variable work, ready;
    bool stop = false;
    std::uint64_t handing_out = 0;      // the batch whose samples are being handed out
    std::size_t next_sample = 0;        // of that batch; 0 also means that its slot is not set up yet
    std::uint64_t consuming = 0;        // the batch the next call of next() returns
    std::uint64_t released = 0;         // batches before this one are free to overwrite
    std::int64_t epoch = 0, index = 0;  // of batch `handing_out`
    SampleOrder order;
    std::exception_ptr broken;  // no batch can be set up any more
    std::vector<std::jthread> workers;

    State(const Dataset& data, const LoaderConfig& settings)
        : dataset(data), config(settings), order(data.size(), settings) {}

    ~State() {
        {
            const std::lock_guard lock(mutex);
            stop = true;
        }
        work.notify_all();
    }

    Slot& slot_of(std::uint64_t batch) { return slots[batch % slots.size()]; }

    void set_up(Slot& slot) {
        Batch& batch = slot.batch;
        order.fill(batch, epoch, index);
        const auto n = static_cast<std::int64_t>(batch.indices.size());
        batch.images = slot.images.slice(0, {n, config.height, config.width, dataset.channels()});
        batch.labels = slot.labels.slice(0, {n, config.height, config.width});
        batch.samples.assign(batch.indices.size(), nullptr);
        slot.waiting = batch.indices.size();
        slot.failure = nullptr;
    }

    /// Takes the next sample of the sequence. The caller holds the mutex and has checked that a slot is free.
    std::pair<Slot*, std::size_t> take() {
        Slot& slot = slot_of(handing_out);
        if (next_sample == 0) set_up(slot);
        const std::size_t sample = next_sample++;
        if (next_sample == slot.batch.indices.size()) {
            next_sample = 0;
            ++handing_out;
            if (++index == batches) {
                index = 0;
                ++epoch;
            }
        }
        return {&slot, sample};
    }

    void make(Slot& slot, std::size_t sample) const {
        Batch& batch = slot.batch;
        const std::size_t item = batch.indices[sample];
        batch.samples[sample] = dataset.sample(item);
        const auto& [image, label, full] = *batch.samples[sample];
        const AugmentParams params = sample_augmentation(config.augment, config.normalisation, config.seed, batch.epoch,
                                                         item, image.height, image.width, config.height, config.width);
        const std::size_t pixels = static_cast<std::size_t>(config.height) * static_cast<std::size_t>(config.width);
        apply_augmentation(params, image, &label, config.normalisation, dataset.classes().void_id, config.height,
                           config.width,
                           batch.images.data<float>() + sample * pixels * static_cast<std::size_t>(dataset.channels()),
                           batch.labels.data<std::uint8_t>() + sample * pixels);
    }

    bool can_take() const { return handing_out < released + slots.size(); }

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            work.wait(lock, [&] { return stop || can_take(); });
            if (stop) return;
            std::pair<Slot*, std::size_t> taken;
            try {
                taken = take();
            } catch (...) {
                broken = std::current_exception();
                ready.notify_one();
                return;
            }
            const auto [slot, sample] = taken;
            lock.unlock();
            std::exception_ptr failure;
            try {
                make(*slot, sample);
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            if (failure) slot->failure = failure;
            if (--slot->waiting == 0) ready.notify_one();
        }
    }

    void start(std::int64_t at_epoch, std::int64_t at_batch) {
        if (at_epoch < 0 || at_batch < 0 || at_batch >= batches) {
            fail_usage("the loader cannot start at epoch {}, batch {}: an epoch has {} batches", at_epoch, at_batch,
                       batches);
        }
        epoch = at_epoch;
        index = at_batch;
        handing_out = consuming = released = 0;
        next_sample = 0;
        workers.reserve(static_cast<std::size_t>(config.threads));  // one without room would be joined for ever
        for (int i = 0; i < config.threads; ++i) workers.push_back(start_thread([this] { run(); }));
    }

    void halt() {
        {
            const std::lock_guard lock(mutex);
            stop = true;
        }
        work.notify_all();
        workers.clear();
        stop = false;
    }

    const Batch& next() {
        std::unique_lock lock(mutex);
        released = consuming;  // the batch returned last is no longer in use
        if (config.threads == 0) {
            while (handing_out == consuming) {
                const auto [slot, sample] = take();
                make(*slot, sample);
            }
            return slot_of(consuming++).batch;
        }
        work.notify_all();
        Slot& slot = slot_of(consuming);
        ready.wait(lock, [&] { return broken || (handing_out > consuming && slot.waiting == 0); });
        if (broken) std::rethrow_exception(broken);
        if (slot.failure) std::rethrow_exception(slot.failure);
        ++consuming;
        return slot.batch;
    }
};

void check_loader_config(const Dataset& dataset, const LoaderConfig& config) {
    if (config.batch_size < 1) fail_usage("batch size {} must be at least 1", config.batch_size);
    if (config.height < 1 || config.width < 1)
        fail_usage("batch size {}x{} has no pixels", config.height, config.width);
    if (config.shares < 1 || config.share < 0 || config.share >= config.shares)
        fail_usage("share {} of {}: they are counted from 0", config.share, config.shares);
    if (config.threads < 0) fail_usage("{} loader threads: give 0 or more", config.threads);
    if (config.prefetch < 1) fail_usage("a prefetch of {} batches: give at least 1", config.prefetch);
    if (!is_host(config.device)) fail_usage("the loader fills host memory, not {}", name(config.device));
    check_augmentation(config.augment);
    const SampleOrder order(dataset.size(), config);
    if (order.batches_per_epoch() > 0 && config.shares > order.fewest_images()) {
        fail_usage("{} processes cannot share a batch of {} images: start {} at most", config.shares,
                   order.fewest_images(), order.fewest_images());
    }
    if (order.batches_per_epoch() == 0) {
        fail_usage("split '{}' has {} images, fewer than one batch of {}; use a smaller batch", dataset.split(),
                   dataset.size(), config.batch_size);
    }
}

Loader::Loader(const Dataset& dataset, const LoaderConfig& config, std::int64_t epoch, std::int64_t batch)
    : state_(std::make_unique<State>(dataset, config)) {
    check_loader_config(dataset, config);
    state_->batches = state_->order.batches_per_epoch();
    // One batch in use, and the prefetched ones.
    state_->slots.resize(config.threads == 0 ? 1 : static_cast<std::size_t>(config.prefetch) + 1);
    const std::int64_t n = state_->order.most_images();
    for (State::Slot& slot : state_->slots) {
        slot.images = Tensor::empty({n, config.height, config.width, dataset.channels()}, Dtype::f32, config.device);
        slot.labels = Tensor::empty({n, config.height, config.width}, Dtype::u8, config.device);
    }
    state_->start(epoch, batch);
}

Loader::~Loader() = default;

std::int64_t Loader::batches_per_epoch() const { return state_->batches; }

const Batch& Loader::next() { return state_->next(); }

void Loader::seek(std::int64_t epoch, std::int64_t batch) {
    state_->halt();
    state_->start(epoch, batch);
}

}  // namespace camber
