#pragma once
#include <camber/nets.h>

/// One declaration a network: what its file tells the registry.
namespace camber::nets {

NetInfo unet_info();

}  // namespace camber::nets
