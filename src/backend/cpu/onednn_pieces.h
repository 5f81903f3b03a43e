#pragma once
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <vector>

#include "backend/cpu/conv.h"

/// Convolutions cut by their shape alone. oneDNN cuts them by the number of threads, with which the order of its sums
/// changes, and their bits; of a piece that one thread does they do not. For onednn*.cpp only.
namespace camber::cpu {

/// oneDNN then makes what runs on the calling thread, and runs it there.
class OneThread {
  public:
    OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

  private:
    int before_;
};

/// Some of the images, or some rows of one image's output and what they see.
struct Piece {
    int image, image_row, output_row;  ///< the first ones
    ConvShape shape;
};

/// Bytes up to a whole cache line, which oneDNN's memory begins with.
constexpr std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// How many threads do so many tasks.
inline int workers_of(int tasks) { return std::min(tasks, omp_get_max_threads()); }

/// Calls body(task, worker) for every task, with oneDNN on one thread; workers count from 0 to workers_of(tasks) - 1.
/// The team is always the whole one: libgomp ends and starts threads where its size changes.
template <class F>
void for_tasks(int tasks, F&& body) {
    std::atomic<int> next = 0, workers = 0;
#pragma omp parallel
    {
        const OneThread one_thread;
        int task = next++;
        const int worker = task < tasks ? workers++ : 0;
        for (; task < tasks; task = next++) body(task, worker);
    }
}

/// As many tasks, at most `most`, as have enough to do each.
inline int worthwhile_tasks(const ConvShape& s, int most) {
    constexpr double least_work = 4e6;  // multiplications, about 40 microseconds
    const double work = static_cast<double>(s.n) * s.ho * s.wo * s.cout * s.kh * s.kw * s.cin;
    return static_cast<int>(std::clamp(work / least_work, 1.0, static_cast<double>(most)));
}

/// About `wanted` pieces, in the order of images and rows.
inline std::vector<Piece> pieces_of(const ConvShape& s, int wanted) {
    std::vector<Piece> pieces;
    if (wanted <= s.n) {
        const int each = (s.n + wanted - 1) / wanted;
        for (int image = 0; image < s.n; image += each) {
            ConvShape shape = s;
            shape.n = std::min(each, s.n - image);
            pieces.push_back({image, 0, 0, shape});
        }
        return pieces;
    }
    // Each band of rows must see some of the image.
    const bool sees = s.padding.top < s.kh * s.dilation_h && s.padding.bottom < s.kh * s.dilation_h;
    const int reach = (s.kh - 1) * s.dilation_h, bands = sees && s.h > reach ? (wanted + s.n - 1) / s.n : 1;
    const int rows = std::max((s.ho + bands - 1) / bands, std::min(s.ho, reach / s.stride_h + 1));
    for (int image = 0; image < s.n; ++image)
        for (int row = 0; row < s.ho; row += rows) {
            ConvShape shape = s;
            shape.n = 1;
            shape.ho = std::min(rows, s.ho - row);
            const int begin = row * s.stride_h - s.padding.top;
            const int end = begin + (shape.ho - 1) * s.stride_h + reach + 1;
            shape.padding.top = std::max(0, -begin);
            shape.padding.bottom = std::max(0, end - s.h);
            shape.h = std::min(end, s.h) - std::max(begin, 0);
            pieces.push_back({image, std::max(begin, 0), row, shape});
        }
    return pieces;
}

}  // namespace camber::cpu
