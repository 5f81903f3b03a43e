#include "backend/meta/meta.h"

#include "backend/meta/meta_backend.h"

namespace camber {

Backend& meta_backend() {
    static MetaBackend backend;
    return backend;
}

}  // namespace camber
