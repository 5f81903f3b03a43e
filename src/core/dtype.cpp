#include <camber/dtype.h>
#include <camber/error.h>

namespace camber {

std::size_t size_of(Dtype dtype) {
    switch (dtype) {
        case Dtype::f64:
            return 8;
        case Dtype::f32:
        case Dtype::i32:
            return 4;
        case Dtype::bf16:
            return 2;
        case Dtype::u8:
            return 1;
    }
    return 0;
}

const char* name(Dtype dtype) {
    constexpr const char* names[] = {"f64", "f32", "bf16", "i32", "u8"};
    return names[static_cast<std::size_t>(dtype)];
}

Dtype parse_dtype(const std::string& text) {
    for (const Dtype dtype : {Dtype::f64, Dtype::f32, Dtype::bf16, Dtype::i32, Dtype::u8}) {
        if (text == name(dtype)) return dtype;
    }
    fail_usage("unknown dtype '{}': f64, f32, bf16, i32 or u8", text);
}

}  // namespace camber
