#include <memory>

#include "backend/cpu/onednn.h"
#include "backend/cpu/onednn_runner.h"
#include "backend/cpu/recently_used.h"

namespace camber::cpu {
namespace {

struct Product {
    Runner run;
    memory::desc a, b, c;
};

using Description = dnnl::matmul::primitive_desc;

#if DNNL_VERSION_MAJOR >= 3
Description describe(const memory::desc& a, const memory::desc& b, const memory::desc& c) {
    return {engine(), a, b, c, own_scratch()};
}
#else
Description describe(const memory::desc& a, const memory::desc& b, const memory::desc& c) {
    return {{a, b, c}, own_scratch(), engine()};
}
#endif

std::unique_ptr<Product> make(const ProductShape& s) {
    const auto type = s.dtype == Dtype::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
    const memory::desc a{{s.m, s.k}, type, Tag::ab}, b{{s.k, s.n}, type, Tag::ab};
    const memory::desc c{{s.m, s.n}, memory::data_type::f32, Tag::ab};
    try {
        const Description description = describe(a, b, c);
        refuse_reference(description);
        return std::make_unique<Product>(Product{Runner(description), a, b, c});
    } catch (const dnnl::error& error) {
        if (error.status == dnnl_unimplemented) return nullptr;
        if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
        fail("oneDNN could not set up a matrix product of {} by {} by {}: {}", s.m, s.k, s.n, error.what());
    }
}

}  // namespace

bool onednn_product(const ProductShape& s, const void* a, const void* b, float* c) {
    // By threads too, among which oneDNN divides the work, and for which it sizes its scratch, when it is made.
    static auto& products = *new RecentlyUsed<std::pair<ProductShape, int>, Product>;
    const std::shared_ptr<const Product> product = products.get({s, omp_get_max_threads()}, [&] { return make(s); });
    if (!product) return false;
    product->run({{DNNL_ARG_SRC, memory_at(product->a, const_cast<void*>(a))},
                  {DNNL_ARG_WEIGHTS, memory_at(product->b, const_cast<void*>(b))},
                  {DNNL_ARG_DST, memory_at(product->c, c)}});
    return true;
}

std::string onednn_version() {
    const dnnl_version_t* v = dnnl_version();
    return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace camber::cpu
