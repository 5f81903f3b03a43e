#pragma once
#include <camber/nets.h>
#include <camber/summary.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace camber {

/// A layer at work in a trained network: a row of a LayerTrace, where it is on for evaluation.
struct GraphLayer {
    std::string type;  ///< LayerTrace::Layer::type
    std::string path;  ///< of the module; empty without one
    const nn::Module* module = nullptr;
    std::vector<std::size_t> inputs;
    LayerSettings settings;
    Shape output;  ///< [1, H, W, C] at LayerGraph's size, or at some size
    /// In a graph for any size, of what is resized, padded or cropped: the output is as high and wide as this layer's;
    std::optional<std::size_t> size_of = {};
    /// or as its input, rounded up to a multiple of this.
    std::int64_t round_up = 0;
};

/// What a network computes, for writing it in the terms of another library. Every network that runs layers of layers.h
/// has one.
struct LayerGraph {
    std::unique_ptr<nets::Net> net;  ///< what the modules are of: without memory
    bool any_size = false;
    std::vector<GraphLayer> layers;  ///< inputs before what takes them; the first is the image, the last the logits

    /// The layers that take this one.
    std::vector<std::size_t> users(std::size_t layer) const;
};

/// A height and width, for whoever wants any, that the network takes as they are.
int some_size(const nets::Net& net);

/// The graph of `like` for pictures of one size, or with 0 and 0 of any: the network is then run at several, and what
/// differs between them is expressed by the sizes of other layers. Sizes that the network refuses are padded where it
/// has an option for that. Throws UsageError for one that it does not take, and where it takes but some sizes.
LayerGraph layer_graph(const nets::Net& like, int height, int width);

}  // namespace camber
