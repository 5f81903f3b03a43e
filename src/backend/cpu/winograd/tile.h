#pragma once
#include "backend/cpu/winograd/vec.h"

/// The one-dimensional transforms of F(M, 3) for M = 4 and 6, sixteen channels at a time. With P = M + 2,
///
///     y = A^T [ (G g) * (B^T d) ],   d: P inputs, g: 3 taps, y: M outputs,
///
/// nested in two dimensions. The filter gradient uses their adjoints: dg = G^T [ (B^T d) * (A dy) ].
/// Cook-Toom with the points 0, +-a_1, +-a_2 (, +-a_3) and infinity; pairs of opposite sign share their even and odd
/// parts. The points are chosen for accuracy (see Barabasz et al. 2020, "Error Analysis and Improving the Accuracy of
/// Winograd Convolution for Deep Neural Networks"), by measurement: largest error over largest value, 512 channels,
/// normal data, with plain summation over 128 channels at a time:
///
///     F(4, 3)   +-1, +-2          6.8e-6   (Lavin and Gray 2016)
///               +-1/2, +-1        6.6e-6
///               +-1/2, +-3/2      3.7e-6
///               +-5/8, +-3/2      1.9e-6
///     F(6, 3)   +-1/2, +-1, +-2   1.1e-5   (7.9e-6 with sums of 32 channels, as in gemm.h)
///               ten others        1.1e-5 to 5e-5
namespace camber::cpu::winograd {

template <int M>
struct Points;

template <>
struct Points<4> {
    static constexpr double a[2] = {0.625, 1.5};
};
template <>
struct Points<6> {
    static constexpr double a[3] = {0.5, 1.0, 2.0};
};

/// c * x + sum, for a constant c.
CAMBER_VEC Vec add_product(float c, Vec x, Vec sum) { return c == 1 ? sum + x : c == -1 ? sum - x : fma(c, x, sum); }

template <int M>
struct Tile {
    static constexpr int P = M + 2;      // inputs of a 1-D transform
    static constexpr int Q = P * P;      // points of the 2-D transform
    static constexpr int pairs = M / 2;  // point pairs +-a

    struct Coefficients {
        float b_all[4] = {};     // of z^k in prod_j (z - a_j^2)
        float b[3][3] = {};      // of z^k in prod_{j != i} (z - a_j^2)
        float power[3][M] = {};  // a_i^j
        float g0 = 0;            // 1 / prod (0 - a), over the other finite points
        float g[3][3] = {};      // a_i^j / prod (a_i - a), the same
    };
    static constexpr Coefficients make() {
        Coefficients c;
        const auto& a = Points<M>::a;
        for (int skip = -1; skip < pairs; ++skip) {
            double p[5] = {1, 0, 0, 0, 0};
            for (int j = 0, degree = 0; j < pairs; ++j) {
                if (j == skip) continue;
                ++degree;
                for (int k = degree; k > 0; --k) p[k] = p[k - 1] - a[j] * a[j] * p[k];
                p[0] *= -a[j] * a[j];
            }
            for (int k = 0; k <= pairs; ++k)
                if (skip < 0) c.b_all[k] = static_cast<float>(p[k]);
            for (int k = 0; k < pairs; ++k)
                if (skip >= 0) c.b[skip][k] = static_cast<float>(p[k]);
            if (skip < 0) c.g0 = static_cast<float>(1 / p[0]);
        }
        for (int i = 0; i < pairs; ++i) {
            double denominator = 2 * a[i] * a[i], power = 1;
            for (int j = 0; j < pairs; ++j)
                if (j != i) denominator *= a[i] * a[i] - a[j] * a[j];
            for (int j = 0; j < M; ++j, power *= a[i]) {
                c.power[i][j] = static_cast<float>(power);
                if (j < 3) c.g[i][j] = static_cast<float>(power / denominator);
            }
        }
        return c;
    }
    static constexpr Coefficients constants = make();

    /// v = B^T d.
    static CAMBER_VEC void input(const Vec* d, Vec* v) {
        Vec zero = d[M], last = d[M + 1];
#pragma GCC unroll 8
        for (int j = 0; j < pairs; ++j) {
            zero = add_product(constants.b_all[j], d[2 * j], zero);
            last = add_product(constants.b_all[j], d[2 * j + 1], last);
        }
        v[0] = zero;
        v[P - 1] = last;
#pragma GCC unroll 8
        for (int i = 0; i < pairs; ++i) {
            Vec even = d[M], odd = d[M - 1];
#pragma GCC unroll 8
            for (int j = 0; j < pairs - 1; ++j) {
                even = add_product(constants.b[i][j], d[2 * j + 2], even);
                odd = add_product(constants.b[i][j], d[2 * j + 1], odd);
            }
            v[2 * i + 1] = add_product(constants.power[i][1], odd, even);
            v[2 * i + 2] = add_product(-constants.power[i][1], odd, even);
        }
    }

    /// y = A^T m.
    static CAMBER_VEC void output(const Vec* m, Vec* y) {
        Vec sum[pairs], difference[pairs];
#pragma GCC unroll 8
        for (int i = 0; i < pairs; ++i) {
            sum[i] = m[2 * i + 1] + m[2 * i + 2];
            difference[i] = m[2 * i + 1] - m[2 * i + 2];
        }
#pragma GCC unroll 8
        for (int j = 0; j < M; ++j) {
            Vec r = j == 0 ? m[0] : j == M - 1 ? m[P - 1] : Vec{};
#pragma GCC unroll 8
            for (int i = 0; i < pairs; ++i) {
                const float c = constants.power[i][j];
                const Vec& s = j % 2 == 0 ? sum[i] : difference[i];
                r = (j != 0 && j != M - 1 && i == 0) ? c * s : add_product(c, s, r);
            }
            y[j] = r;
        }
    }

    /// z = A y, the adjoint of output().
    static CAMBER_VEC void output_adjoint(const Vec* y, Vec* z) {
        z[0] = y[0];
        z[P - 1] = y[M - 1];
#pragma GCC unroll 8
        for (int i = 0; i < pairs; ++i) {
            Vec even = y[0], odd = constants.power[i][1] * y[1];
#pragma GCC unroll 8
            for (int j = 2; j < M; j += 2) {
                even = add_product(constants.power[i][j], y[j], even);
                odd = add_product(constants.power[i][j + 1], y[j + 1], odd);
            }
            z[2 * i + 1] = even + odd;
            z[2 * i + 2] = even - odd;
        }
    }

    /// u = G g.
    static CAMBER_VEC void filter(const Vec* g, Vec* u) {
        u[0] = constants.g0 * g[0];
        u[P - 1] = g[2];
#pragma GCC unroll 8
        for (int i = 0; i < pairs; ++i) {
            const Vec even = add_product(constants.g[i][2], g[2], constants.g[i][0] * g[0]);
            const Vec odd = constants.g[i][1] * g[1];
            u[2 * i + 1] = even + odd;
            u[2 * i + 2] = even - odd;
        }
    }

    /// g = G^T u, the adjoint of filter().
    static CAMBER_VEC void filter_adjoint(const Vec* u, Vec* g) {
        g[0] = constants.g0 * u[0];
        g[1] = Vec{};
        g[2] = u[P - 1];
#pragma GCC unroll 8
        for (int i = 0; i < pairs; ++i) {
            const Vec sum = u[2 * i + 1] + u[2 * i + 2], difference = u[2 * i + 1] - u[2 * i + 2];
            g[0] = add_product(constants.g[i][0], sum, g[0]);
            g[1] = add_product(constants.g[i][1], difference, g[1]);
            g[2] = add_product(constants.g[i][2], sum, g[2]);
        }
    }
};

}  // namespace camber::cpu::winograd
