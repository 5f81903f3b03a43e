#pragma once
#include <camber/weights.h>

#include <string>

#include "support/errors.h"

namespace camber::testing {

/// Whether this build reads Keras's .h5 files.
inline bool has_hdf5() {
    const std::string file = std::string(CAMBER_TEST_FIXTURES) + "/weights/keras2.h5";
    return error_of([&] { WeightFile::open(file); }).find("without") == std::string::npos;
}

}  // namespace camber::testing
