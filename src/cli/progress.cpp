#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>

#include "cli/interrupt.h"

namespace camber::cli {
namespace {

constexpr double terminal_interval = 0.1, plain_interval = 15;  // seconds

int terminal_columns() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

/// NaN (no pixels yet) as "-".
std::string number(double value, int digits) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits); }

/// "3/60", counted from 1; "3" where nobody knows how many there will be.
std::string epoch_of(int epoch, int epochs) {
    return epochs > 0 ? fmt::format("{}/{}", epoch + 1, epochs) : fmt::format("{}", epoch + 1);
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDOUT_FILENO)) { last_ = std::chrono::steady_clock::now(); }

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::update(double done, double total, const std::string& any_text) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> since = now - last_;
    if (since.count() < (terminal_ ? terminal_interval : plain_interval)) return;
    last_ = now;
    const std::string text = one_line(any_text);
    const double share = total > 0 ? done / total : 0;
    if (!terminal_) {
        return put(fmt::format("  {:3.0f}%  {}\n", 100 * share, text));
    }
    constexpr int cells = 24;
    const int filled = static_cast<int>(share * cells);
    std::string bar;
    for (int i = 0; i < cells; ++i) bar += i < filled ? "█" : "░";
    const int room = terminal_columns() - cells - 8;
    put(fmt::format("\r\x1b[2K{} {:3.0f}%  {}", bar, 100 * share,
                    text.substr(0, static_cast<std::size_t>(std::max(room, 0)))));
    shown_ = true;
}

void ProgressLine::clear() {
    put(shown_ ? "\r\x1b[2K" : "");
    shown_ = false;
}

void ProgressLine::put(const std::string& text) {
    if (error_ != 0) return;
    errno = 0;
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) error_ = errno != 0 ? errno : EIO;
}

void ProgressLine::print(const std::string& text) {
    clear();
    put(one_line(text) + "\n");
}

std::string format_seconds(double seconds) {
    const auto total = static_cast<long>(std::lround(std::max(seconds, 0.0)));
    return total >= 3600 ? fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60)
                         : fmt::format("{}:{:02}", total / 60, total % 60);
}

void ConsoleObserver::interrupt_unseen() {
    if (line_.error() != 0) interrupt();
}

void ConsoleObserver::on_message(const std::string& text) {
    line_.print(text);
    interrupt_unseen();
}

void ConsoleObserver::on_step(const StepReport& r) {
    line_.update(
        static_cast<double>(r.batch), static_cast<double>(r.batches),
        fmt::format("epoch {}  {:.1f} img/s  {} left  loss {}  mIoU {}", epoch_of(r.epoch, r.epochs),
                    r.images_per_second, format_seconds(r.seconds_left), number(r.loss, 4), number(r.mean_iou, 3)));
    interrupt_unseen();
}

void ConsoleObserver::on_validation(std::size_t done, std::size_t total) {
    line_.update(static_cast<double>(done), static_cast<double>(total), fmt::format("validation  {}/{}", done, total));
    interrupt_unseen();
}

void ConsoleObserver::on_epoch(const EpochReport& r) {
    std::string text = fmt::format("epoch {:>5}  {:>6}  {:5.1f} img/s  train loss {} accuracy {} mIoU {}",
                                   epoch_of(r.epoch, r.epochs), format_seconds(r.seconds), r.images_per_second,
                                   number(r.train_loss, 4), number(r.train_accuracy, 4), number(r.train_mean_iou, 4));
    if (r.validation) {
        text += fmt::format("  |  val loss {} accuracy {} mIoU {}{}", number(r.validation->loss, 4),
                            number(r.validation->confusion.pixel_accuracy(), 4),
                            number(r.validation->confusion.mean_iou(), 4), r.best ? "  best" : "");
    }
    line_.print(text);
    interrupt_unseen();
}

}  // namespace camber::cli
