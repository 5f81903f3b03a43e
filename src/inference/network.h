#pragma once
#include <list>

#include "autograd/recorded_work.h"
#include "inference/program.h"

namespace camber::inference {

/// A network's programs for the shapes that it is given. What changes in the network is noticed: parameters that move,
/// and those whose Storage::version() says so.
class Network {
  public:
    /// net.forward(x) of a network in evaluation, always the same one: by a program of the shape where there can be
    /// one, which is made at its first use and, on a GPU, recorded at its second; else by the layers. Not by two
    /// threads at a time.
    Tensor forward(nn::Module& net, const Tensor& x);
    /// Gives all memory back; programs are made again at their next use.
    void clear();
    /// Gives all memory back, and has the layers compute from now on; false where they did so already.
    bool give_up(const std::string& why);

    /// Why the last input went through the layers; empty where it did not.
    const std::string& why_not() const { return why_not_; }
    /// Whether the last input went through a program that is recorded.
    bool recorded() const { return !made_.empty() && made_.front().recording.recorded(); }
    /// Of what is kept of weights.
    std::size_t weight_bytes() const { return kept_.bytes(); }

  private:
    struct Made {
        Shape shape;
        Dtype dtype;
        std::unique_ptr<Program> program = nullptr;  ///< null where there can be none
        std::string why_not = {};
        RecordedWork recording = {};  ///< of a GPU: from input to output
        Tensor input = {}, output = {};
        std::string why_not_recorded = {};
    };
    struct Seen {
        const Tensor* parameter;  ///< of the network, which moves its modules nowhere
        const void* at;
        std::uint64_t version;
    };

    void look(nn::Module& net);
    Made& made(nn::Module& net, const Tensor& x);
    static Tensor run(Made& made, const Tensor& x);

    KeptWeights kept_;
    std::list<Made> made_;  ///< the last used first
    std::vector<Seen> seen_;
    std::string why_not_, given_up_;
};

}  // namespace camber::inference
