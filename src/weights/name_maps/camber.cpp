#include "weights/name_map.h"

// Our own checkpoints: parameters under "model.", averages of them under "ema.", and an optimizer's state.

namespace camber {
namespace {

constexpr NameRule model[] = {
    {"ema.*", "*"},
    {"model.*", "*"},
    {"*", ""},
};

constexpr NameMap maps[] = {
    {"camber", "the network itself", false, model},
    {"camber", "the network's encoder", true, model},
};

}  // namespace

const NameSource camber_names = {"camber", "Camber's own checkpoints", Convention::camber, maps};

}  // namespace camber
