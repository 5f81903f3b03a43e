#pragma once
#include <camber/init.h>
#include <camber/philox.h>
#include <camber/tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Layers with parameters, and the tree of names they form. A module owns its children; the path of a parameter
/// ("encoder.0.conv1.weight") is the names from the root down. Activations are [N, H, W, C].
namespace camber::nn {

/// A parameter or a buffer (running statistic) of a module. Its tensor has no memory (Device::meta) until a
/// ParameterBuffer places it, so that a network of any size can be built and described at no cost.
struct Parameter {
    Tensor tensor;  ///< what forward() uses; a view into the ParameterBuffer once placed
    init::Initializer init;
    bool trainable = true;  ///< always false for buffers; change through Module::set_trainable
    /// At least the tensor's outermost extent: rows that its place in a ParameterBuffer has, see padded_heads. 0: no
    /// more.
    std::int64_t rows = 0;
    /// Undefined, or the tensor with `rows` rows, those beyond its own being zeros: a leaf of its own, whose gradient
    /// is in the tensor's place.
    Tensor padded = {};
};

struct NamedParameter {
    std::string name;  ///< path from the module that was asked
    Parameter* parameter;
};

/// Where dropout takes its masks from. One a tree, shared by all its modules.
struct ForwardContext {
    std::uint64_t seed = 0;
    std::uint64_t step = 0;   ///< which forward pass; the trainer sets it and checkpoints it
    std::uint32_t draws = 0;  ///< masks drawn since begin(); layers draw in the order they run
    /// The step in device memory (one i32), where a recorded step is replayed: it then stands in for `step`.
    Tensor device_step;

    /// Starts a forward pass: the same step gives the same masks, whatever ran before.
    void begin(std::uint64_t next_step) {
        step = next_step;
        draws = 0;
    }
    /// The key of the next mask; at most 2^20 in one step.
    PhiloxKey next_key() { return PhiloxKey{seed, Stream::dropout, draws++}.at_step(device_step ? 0 : step); }
};

class Module {
  public:
    Module() = default;
    virtual ~Module() = default;
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    /// Throws Error in modules that take something other than one tensor; those name their own method.
    virtual Tensor forward(const Tensor& x);
    /// Runs every layer once, heads that forward() leaves out included: what a layer table shows.
    virtual void run_all(const Tensor& x) { forward(x); }

    /// Sets this module and everything below it to training (batch statistics, dropout) or evaluation. Modules start
    /// in training.
    void train(bool on = true);
    void eval() { train(false); }
    bool training() const { return training_; }

    /// Own parameters in order of registration, then each child's. The order is part of a network's definition: initial
    /// values and optimizer state follow it.
    std::vector<NamedParameter> named_parameters() const;
    /// Running statistics, likewise.
    std::vector<NamedParameter> named_buffers() const;
    /// This module (path "") and all below it, parents first.
    std::vector<std::pair<std::string, Module*>> named_modules();

    /// Freezes (false) or unfreezes every parameter from here down: forward() records no gradient for it and the
    /// optimizer leaves it out. Batch normalisations can be left as they are, as segmentation_models and fastai do.
    void set_trainable(bool trainable, bool batch_norms_too = true);

    /// The tree's dropout state.
    ForwardContext& context() { return *context_; }
    const ForwardContext& context() const { return *context_; }

  protected:
    /// Adds a child made from `args` and returns it. Names hold no dots and are unique within the module.
    template <class M, class... Args>
    M& add(const std::string& name, Args&&... args) {
        auto child = std::make_unique<M>(std::forward<Args>(args)...);
        M& result = *child;
        adopt(name, std::move(child));
        return result;
    }
    void adopt(const std::string& name, std::unique_ptr<Module> child);
    /// Adds a child whose names stand among this module's own, without a step in the path: an encoder in a network
    /// whose original has all layers at the root.
    void adopt_merged(std::unique_ptr<Module> child);
    Parameter& add_parameter(const std::string& name, const Shape& shape, init::Initializer initializer);
    Parameter& add_buffer(const std::string& name, const Shape& shape, init::Initializer initializer);

  private:
    using Slot = std::pair<std::string, std::unique_ptr<Parameter>>;
    void check_name(const std::string& name) const;
    void share_context(const std::shared_ptr<ForwardContext>& context);
    void collect(const std::string& prefix, bool buffers, std::vector<NamedParameter>& into) const;
    void collect_modules(const std::string& path, std::vector<std::pair<std::string, Module*>>& into);

    std::vector<Slot> parameters_, buffers_;
    std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
    std::shared_ptr<ForwardContext> context_ = std::make_shared<ForwardContext>();
    bool training_ = true;
};

}  // namespace camber::nn
