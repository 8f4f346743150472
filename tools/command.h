// The subcommands of `infer`: each adds itself to the command line and, when chosen, leaves its
// exit code. One file a command; what several share is in the other headers of this folder.
#pragma once

#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "core/error.h"

namespace weft::tools {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // a bad file, a prompt that does not fit, no such device
inline constexpr int kExitUsage = 2;   // an unknown flag, a value outside its range
inline constexpr int kExitInterrupted = 130;  // 128 + SIGINT, as shells report it

// Each adds one subcommand to `app` whose callback sets `exit_code`.
void add_batch_command(CLI::App& app, int& exit_code);
void add_bench_command(CLI::App& app, int& exit_code);
void add_chat_command(CLI::App& app, int& exit_code);
void add_check_command(CLI::App& app, int& exit_code);
void add_detokenize_command(CLI::App& app, int& exit_code);
void add_embed_command(CLI::App& app, int& exit_code);
void add_inspect_command(CLI::App& app, int& exit_code);
void add_logits_command(CLI::App& app, int& exit_code);
void add_rank_command(CLI::App& app, int& exit_code);
void add_run_command(CLI::App& app, int& exit_code);
void add_synth_command(CLI::App& app, int& exit_code);
void add_template_command(CLI::App& app, int& exit_code);
void add_tokenize_command(CLI::App& app, int& exit_code);

// Prints "infer: MESSAGE" to stderr on one line and returns kExitFailed.
int report(const Error& error);
// "infer: interrupted"; returns kExitInterrupted. report() does so for kCancelled.
int report_interrupt();
// "infer: MESSAGE" for a wrong argument; returns kExitUsage.
int report_usage(std::string_view message);
// Brings what was printed out; kExitFailed, with a message, where it could not be written.
int finish_stdout(int exit_code);

// Standard input to its end, byte for byte.
Result<std::string> read_stdin();

}  // namespace weft::tools
