/// A thread makes eight channels of a pixel of y: 16 bytes an access, an eighth of the instructions, and the position
/// is worked out once for eight elements. x is still asked for sixteen times over.
#include "cuda/kernels/pixels.h"
#include "cuda/laboratory/experiment.h"

namespace camber::CAMBER_GPU {
namespace {

constexpr int width = vector_width<bf16>;

__global__ void resize_eight_channels_a_thread(const bf16* x, bf16* y, Extents in, Extents out) {
    for_pixels<width>(out, [&](int n, int row, int column, int c) {
        const auto position = [](int o, int last) {
            return fminf(fmaxf(0.5f * static_cast<float>(o) - 0.25f, 0.0f), static_cast<float>(last));
        };
        const float r = position(row, in.h - 1), s = position(column, in.w - 1);
        const int top = static_cast<int>(r), left = static_cast<int>(s);
        const int bottom = min(top + 1, in.h - 1), right = min(left + 1, in.w - 1);
        const float down = r - static_cast<float>(top), across = s - static_cast<float>(left);
        const auto a = load<width>(x + in.at(n, top, left) + c), b = load<width>(x + in.at(n, top, right) + c);
        const auto d = load<width>(x + in.at(n, bottom, left) + c), e = load<width>(x + in.at(n, bottom, right) + c);
        Vec<bf16, width> result;
#pragma unroll
        for (int k = 0; k < width; ++k) {
            const float upper = float_at(a, k) * (1 - across) + float_at(b, k) * across;
            const float lower = float_at(d, k) * (1 - across) + float_at(e, k) * across;
            result[k] = from_float<bf16>(upper * (1 - down) + lower * down);
        }
        store<width>(y + out.at(n, row, column) + c, result);
    });
}

const laboratory::Register version(laboratory::Version{
    this_device, "resize", 2, "eight channels a thread",
    [](const laboratory::Tensors& in, const laboratory::Tensors& out) {
        if (in[0].dim(3) % width != 0) fail("this version takes multiples of {} channels", width);
        const Extents from(in[0]), to(out[0]);
        launch("resize", resize_eight_channels_a_thread, pixel_shape(to, width), in[0].data<bf16>(),
               out[0].data<bf16>(), from, to);
    }});

}  // namespace
}  // namespace camber::CAMBER_GPU
