#include "io/name_map.h"

// Our own checkpoints: parameters under "model.", with averages and an optimizer's state beside them.

namespace camber {
namespace {

constexpr NameRule model[] = {
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
