#pragma once
#include <CLI/CLI.hpp>

#include <functional>
#include <string>

/// The subcommands of `camber`. Each function declares one on `app` and sets `action` to what runs it when it is the
/// one given; an action returns the exit code and reports trouble by throwing Error.
namespace camber::cli {

using Action = std::function<int()>;

/// Prints "camber: error: MESSAGE", one line, on standard error; gives `code` back.
int report(const std::string& message, int code);

void add_train(CLI::App& app, Action& action);
void add_lr_find(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_predict(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_completion(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_data(CLI::App& app, Action& action);
void add_data_preview(CLI::App& app, Action& action);
void add_data_convert(CLI::App& app, Action& action);
void add_summary(CLI::App& app, Action& action);
void add_import(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);

}  // namespace camber::cli
