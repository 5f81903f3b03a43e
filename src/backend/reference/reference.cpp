#include "backend/reference/reference_backend.h"

namespace camber {

Backend& reference_backend() {
    static reference::ReferenceBackend instance;
    return instance;
}

}  // namespace camber
