#include "kernels/cases.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "backend/label_map.h"

namespace camber::bench {
namespace {

/// Tensors of one case: random values, a million of them repeated, as zeros would be faster than real data.
class Maker {
  public:
    Maker(Dtype dtype, Device device) : dtype_(dtype), device_(device) {
        Philox random({1, Stream::synthesis, 0});
        std::vector<float> values(1 << 20);
        for (float& v : values) v = random.normal();
        values_ = Tensor::from(values, {static_cast<std::int64_t>(values.size())}, device);
    }
    Tensor activation(Shape shape) const { return random(shape, dtype_); }
    Tensor parameter(Shape shape) const { return random(shape, Dtype::f32); }
    Tensor empty(Shape shape, Dtype dtype) const { return Tensor::empty(shape, dtype, device_); }
    Tensor output(Shape shape) const { return empty(shape, dtype_); }
    /// Ids 0 .. count - 1.
    Tensor labels(Shape shape, std::int64_t count) const {
        std::vector<std::uint8_t> ids(static_cast<std::size_t>(shape.numel()));
        for (std::size_t i = 0; i < ids.size(); ++i)
            ids[i] = static_cast<std::uint8_t>(i / 37 % static_cast<std::size_t>(count));
        return Tensor::from(ids, shape, device_);
    }
    Backend& backend() const { return camber::backend(device_); }
    Device device() const { return device_; }

  private:
    Tensor random(Shape shape, Dtype dtype) const {
        const Tensor t = Tensor::empty(shape, dtype, device_);
        for (std::int64_t done = 0; done < t.numel();) {
            const std::int64_t part = std::min(values_.numel(), t.numel() - done);
            camber::backend(device_).cast(values_.slice(0, {part}), t.slice(done, {part}));
            done += part;
        }
        return t;
    }
    Dtype dtype_;
    Device device_;
    Tensor values_;
};

}  // namespace

std::vector<Case> make_cases(const Size& s, Dtype dtype, Device device) {
    const auto m = std::make_shared<Maker>(dtype, device);
    const std::int64_t n = s.batch, hw = s.pixels, c = s.channels, k = s.classes;
    const Shape full = {n, hw, hw, c}, half = {n, hw / 2, hw / 2, c}, wide = {n, hw, hw, 2 * c};
    const double one =
        static_cast<double>(s.elements()) * static_cast<double>(size_of(dtype));  // bytes of an activation
    const double pixels = static_cast<double>(n * hw * hw);
    const double logits = pixels * static_cast<double>(k) * static_cast<double>(size_of(dtype));
    std::vector<Case> cases;
    const auto add = [&](const std::string& name, double bytes, auto prepare, double operations = 0) {
        cases.push_back({name, bytes, operations, prepare});
    };

    // --- elementwise
    add("relu", 2 * one,
        [=] { return [m, x = m->activation(full), y = m->output(full)] { m->backend().relu(x, y); }; });
    add("relu_backward", 3 * one, [=] {
        return [m, y = m->activation(full), dy = m->activation(full), dx = m->output(full)] {
            m->backend().relu_backward(y, dy, dx);
        };
    });
    add("add", 3 * one, [=] {
        return
            [m, a = m->activation(full), b = m->activation(full), y = m->output(full)] { m->backend().add(a, b, y); };
    });
    add("cast to the other dtype", one + static_cast<double>(s.elements()) * (dtype == Dtype::f32 ? 2 : 4), [=] {
        return [m, x = m->activation(full), y = m->empty(full, dtype == Dtype::f32 ? Dtype::bf16 : Dtype::f32)] {
            m->backend().cast(x, y);
        };
    });
    add("dropout", 2 * one, [=] {
        return [m, x = m->activation(full), y = m->output(full)] {
            m->backend().dropout(x, y, 0.2, {1, Stream::dropout, 0}, {});
        };
    });

    // --- batch normalisation
    add("batch_norm_train, relu", 3 * one, [=] {
        return [m, x = m->activation(full), y = m->output(full), g = m->parameter({c}), b = m->parameter({c}),
                rm = m->parameter({c}), rv = m->parameter({c}), mean = m->empty({c}, Dtype::f32),
                invstd = m->empty({c}, Dtype::f32)] {
            m->backend().batch_norm_train(x, {}, g, b, {}, rm, rv, {y}, {}, mean, invstd, {.relu = true});
        };
    });
    add("batch_norm_train, residual, relu", 4 * one, [=] {
        return [m, x = m->activation(full), r = m->activation(full), y = m->output(full), g = m->parameter({c}),
                b = m->parameter({c}), rm = m->parameter({c}), rv = m->parameter({c}), mean = m->empty({c}, Dtype::f32),
                invstd = m->empty({c}, Dtype::f32)] {
            m->backend().batch_norm_train(x, r, g, b, {}, rm, rv, {y}, {}, mean, invstd, {.relu = true});
        };
    });
    add("batch_norm_backward, relu", 5 * one, [=] {
        return [m, x = m->activation(full), dy = m->activation(full), dx = m->output(full), g = m->parameter({c}),
                b = m->parameter({c}), mean = m->parameter({c}), invstd = m->parameter({c}),
                dg = m->empty({c}, Dtype::f32), db = m->empty({c}, Dtype::f32)] {
            m->backend().batch_norm_backward(x, {}, {dy}, {}, g, b, mean, invstd, dx, {}, dg, db, {.relu = true});
        };
    });
    add("batch_norm_inference, relu", 2 * one, [=] {
        return [m, x = m->activation(full), y = m->output(full), g = m->parameter({c}), b = m->parameter({c}),
                rm = m->parameter({c}), rv = m->parameter({c})] {
            m->backend().batch_norm_inference(x, {}, g, b, rm, rv, {y}, {}, {.relu = true});
        };
    });

    // As a U-Net's encoder has it: y and its gradient are half of a concatenation.
    add("batch_norm_train, relu, 2x2 maxima", 3.25 * one, [=] {
        return [m, x = m->activation(full), y = m->output(wide), pooled = m->output(half), g = m->parameter({c}),
                b = m->parameter({c}), rm = m->parameter({c}), rv = m->parameter({c}), mean = m->empty({c}, Dtype::f32),
                invstd = m->empty({c}, Dtype::f32)] {
            m->backend().batch_norm_train(x, {}, g, b, {}, rm, rv, {y, y.dim(3) / 2}, pooled, mean, invstd,
                                          {.relu = true});
        };
    });
    add("batch_norm_backward, relu, 2x2 maxima", 5.5 * one, [=] {
        return [m, x = m->activation(full), dy = m->activation(wide), dpooled = m->activation(half),
                dx = m->output(full), g = m->parameter({c}), b = m->parameter({c}), mean = m->parameter({c}),
                invstd = m->parameter({c}), dg = m->empty({c}, Dtype::f32), db = m->empty({c}, Dtype::f32)] {
            m->backend().batch_norm_backward(x, {}, {dy, dy.dim(3) / 2}, dpooled, g, b, mean, invstd, dx, {}, dg, db,
                                             {.relu = true});
        };
    });
    add("batch_norm_inference, relu, 2x2 maxima", 2.25 * one, [=] {
        return [m, x = m->activation(full), y = m->output(wide), pooled = m->output(half), g = m->parameter({c}),
                b = m->parameter({c}), rm = m->parameter({c}), rv = m->parameter({c})] {
            m->backend().batch_norm_inference(x, {}, g, b, rm, rv, {y, y.dim(3) / 2}, pooled, {.relu = true});
        };
    });

    // --- pooling and shape
    Pool2dParams pool2, pool3;
    pool3.kernel_h = pool3.kernel_w = 3;
    pool3.padding = {1, 0, 1, 0};
    for (const auto& [name, p] : {std::pair{"max_pool2d 2x2", pool2}, std::pair{"max_pool2d 3x3/2", pool3}}) {
        add(name, 1.25 * one,
            [=] { return [m, p, x = m->activation(full), y = m->output(half)] { m->backend().max_pool2d(x, y, p); }; });
        add(std::string(name) + " backward", 2.5 * one, [=] {
            const Tensor x = m->activation(full), y = m->output(half);
            m->backend().max_pool2d(x, y, p);
            return [m, p, x, y, dy = m->activation(half), dx = m->output(full)] {
                m->backend().max_pool2d_backward(x, y, dy, {}, dx, p);
            };
        });
    }
    add("avg_pool2d, whole image", one, [=] {
        const int extent = static_cast<int>(hw);
        return [m, extent, x = m->activation(full), y = m->output({n, 1, 1, c})] {
            m->backend().avg_pool2d(x, y, {extent, extent, 1, 1, {}, false});
        };
    });
    for (const auto& [name, mode] :
         {std::pair{"resize nearest 2x", ResizeMode::nearest}, std::pair{"resize bilinear 2x", ResizeMode::bilinear}}) {
        add(name, 1.25 * one, [=] {
            return [m, mode, x = m->activation(half), y = m->output(full)] { m->backend().resize(x, y, mode); };
        });
        add(std::string(name) + " backward", 1.25 * one, [=] {
            return [m, mode, dy = m->activation(full), dx = m->output(half)] {
                m->backend().resize_backward(dy, dx, mode);
            };
        });
    }
    add("pad2d by 1", 2 * one, [=] {
        return [m, x = m->activation(full), y = m->output({n, hw + 2, hw + 2, c})] { m->backend().pad2d(x, y, 1, 1); };
    });
    add("copy_channels into a concat", 2 * one, [=] {
        return [m, c, x = m->activation(full), y = m->output(wide)] { m->backend().copy_channels(x, 0, y, c, c, {}); };
    });
    add("pixel_shuffle 2", 2 * one, [=] {
        return [m, x = m->activation({n, hw / 2, hw / 2, 4 * c}), y = m->output(full)] {
            m->backend().pixel_shuffle(x, y, 2);
        };
    });

    // --- losses and metrics
    const auto loss = [=](const char* name, SegmentationLossParams p) {
        p.ignore_index = static_cast<int>(k) - 1;
        const Shape shape = {n, hw, hw, k};
        add(name, logits + pixels, [=] {
            return [m, p, x = m->activation(shape), t = m->labels({n, hw, hw}, k), value = m->empty({1}, Dtype::f32),
                    stats = m->empty({k * 3 + 2}, Dtype::f64)] {
                m->backend().segmentation_loss(x, t, {}, {}, value, stats, {}, p);
            };
        });
        add(std::string(name) + " backward", 2 * logits + pixels, [=] {
            const Tensor x = m->activation(shape), t = m->labels({n, hw, hw}, k), value = m->empty({1}, Dtype::f32);
            const Tensor stats = m->empty({k * 3 + 2}, Dtype::f64);
            m->backend().segmentation_loss(x, t, {}, {}, value, stats, {}, p);
            return [m, p, x, t, stats, grad = m->parameter({1}), dx = m->output(shape)] {
                m->backend().segmentation_loss_backward(x, t, {}, {}, stats, grad, dx, p);
            };
        });
    };
    loss("cross-entropy", {.cross_entropy = 1});
    loss("cross-entropy + Dice + focal", {.cross_entropy = 1, .dice = 1, .focal = 1});
    add("softmax", 2 * logits, [=] {
        return [m, x = m->activation({n, hw, hw, k}), y = m->output({n, hw, hw, k})] { m->backend().softmax(x, y); };
    });
    add("argmax", logits + pixels, [=] {
        return
            [m, x = m->activation({n, hw, hw, k}), y = m->empty({n, hw, hw}, Dtype::u8)] { m->backend().argmax(x, y); };
    });
    add("count_predictions at twice the size", logits + 4 * pixels, [=] {
        std::vector<std::uint8_t> maps(static_cast<std::size_t>(n) * sizeof(LabelMap));
        for (std::int64_t i = 0; i < n; ++i) {
            const LabelMap map = {static_cast<std::int32_t>(2 * hw), static_cast<std::int32_t>(2 * hw),
                                  4 * hw * hw * i};
            std::memcpy(maps.data() + static_cast<std::size_t>(i) * sizeof map, &map, sizeof map);
        }
        return [m, k, x = m->activation({n, hw, hw, k}), source = m->labels({4 * n * hw * hw}, k),
                table = Tensor::from(maps, {static_cast<std::int64_t>(maps.size())}, m->device()),
                counts = Tensor::zeros({k, k}, Dtype::i32, m->device())] {
            m->backend().count_predictions(x, source, table, counts, static_cast<int>(k) - 1);
        };
    });
    add("sum", one,
        [=] { return [m, x = m->activation(full), y = m->empty({1}, Dtype::f32)] { m->backend().sum(x, y); }; });

    // --- optimizer: always f32
    if (dtype == Dtype::f32) {
        const double parameters = static_cast<double>(s.parameters) * 4;
        const std::vector<ParameterSegment> segments = {{0, s.parameters, 0}};
        add("grad_norm", parameters, [=] {
            return [m, segments, g = m->parameter({s.parameters}), norm = m->empty({1}, Dtype::f32)] {
                m->backend().grad_norm(g, segments, norm);
            };
        });
        add("optimizer_step, AdamW", 7 * parameters, [=] {
            const Tensor scalars =
                Tensor::from(std::vector<float>{1, 0.1f, 0.001f, 0, 0, 1e-3f, 1e-4f}, {7}, m->device());
            return [m, segments, scalars, w = m->parameter({s.parameters}), g = m->parameter({s.parameters}),
                    a = Tensor::zeros({s.parameters}, Dtype::f32, m->device()),
                    b = Tensor::zeros({s.parameters}, Dtype::f32, m->device())] {
                m->backend().optimizer_step(w, {}, g, a, b, {}, {}, scalars, segments, {.kind = OptimizerKind::adamw});
            };
        });
    }

    // --- convolutions, bound by arithmetic
    const double taps = 2.0 * 9 * static_cast<double>(c * c) * pixels;
    const Conv2dParams same = {.padding = {1, 1, 1, 1}};
    const double weights = 4.0 * 9 * static_cast<double>(c * c);
    add(
        "conv2d 3x3", 2 * one + weights,
        [=] {
            return [m, same, x = m->activation(full), w = m->parameter({c, 3, 3, c}), y = m->output(full)] {
                m->backend().conv2d(x, w, {}, y, same);
            };
        },
        taps);
    add(
        "conv2d 3x3 backward_data", 2 * one + weights,
        [=] {
            return [m, same, dy = m->activation(full), w = m->parameter({c, 3, 3, c}), dx = m->output(full)] {
                m->backend().conv2d_backward_data(dy, w, dx, same);
            };
        },
        taps);
    add(
        "conv2d 3x3 backward_filter", 2 * one + weights,
        [=] {
            return
                [m, same, x = m->activation(full), dy = m->activation(full), dw = m->empty({c, 3, 3, c}, Dtype::f32)] {
                    m->backend().conv2d_backward_filter(x, dy, dw, {}, same);
                };
        },
        taps);
    add(
        "conv_transpose2d 2x2", 1.5 * one + 4.0 * 4 * 2 * static_cast<double>(c * c),
        [=] {
            return [m, x = m->activation({n, hw / 2, hw / 2, 2 * c}), w = m->parameter({2 * c, 2, 2, c}),
                    y = m->output(full)] { m->backend().conv_transpose2d(x, w, {}, y, {}); };
        },
        2.0 * 2 * static_cast<double>(c * c) * pixels);
    return cases;
}

}  // namespace camber::bench
