#pragma once
#include <camber/nets.h>

namespace camber::nets {

#define NETWORK(name) NetInfo name##_info();
#include "networks.def"
#undef NETWORK

}  // namespace camber::nets
