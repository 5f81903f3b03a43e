#pragma once
#include <camber/train.h>

#include <chrono>
#include <string>

namespace camber::cli {

/// One line that is redrawn on a terminal; elsewhere a plain line every so often.
class ProgressLine {
  public:
    ProgressLine();
    ~ProgressLine();
    /// Shows `text` behind a bar of `done` / `total`, if the last time was long enough ago.
    void update(double done, double total, const std::string& text);
    /// Removes the bar, then prints `text` as a line of its own.
    void print(const std::string& text);
    void clear();
    /// The errno with which standard output first failed, after which nothing more is printed; 0 while it works.
    int error() const { return error_; }

  private:
    void put(const std::string& text);

    bool terminal_;
    int error_ = 0;
    bool shown_ = false;
    std::chrono::steady_clock::time_point last_{};
};

/// "1:02:03" or "2:03".
std::string format_seconds(double seconds);

/// Prints a run as it goes: progress with rate, time left, loss and mean IoU; a line an epoch. Where it cannot, because
/// the disk is full or nobody reads any more, it interrupts the run, which is saved then, rather than have it go on
/// unseen.
class ConsoleObserver : public TrainObserver {
  public:
    void on_message(const std::string& text) override;
    void on_step(const StepReport& report) override;
    void on_validation(std::size_t done, std::size_t total) override;
    void on_epoch(const EpochReport& report) override;
    void clear() { line_.clear(); }
    int error() const { return line_.error(); }

  private:
    void interrupt_unseen();

    ProgressLine line_;
};

}  // namespace camber::cli
