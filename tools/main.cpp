// infer: weft's program. Parses the command line and runs one subcommand.
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "tools/command.h"

namespace {

using namespace weft::tools;

// A standard stream that was closed would be the next file that is opened: what is meant for
// stderr would be written into it. Its place is taken so that using it still fails.
void reserve_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0) continue;
    if (open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (!app.get_subcommands().empty()) return report_usage(error.what());
  std::string message = argc > 1 ? "\"" + std::string(argv[1]) + "\" is no command; there are:"
                                 : "which command? There are:";
  for (const CLI::App* command : app.get_subcommands({})) message += " " + command->get_name();
  return report_usage(message + " (infer COMMAND --help tells more)");
}

}  // namespace

int main(int argc, char** argv) {
  reserve_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error like a full disk
  CLI::App app{"weft: inference of Llama-family models from GGUF files"};
  app.name("infer");
  app.require_subcommand(1);
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  int exit_code = kExitOk;
  add_run_command(app, exit_code);
  add_chat_command(app, exit_code);
  add_batch_command(app, exit_code);
  add_embed_command(app, exit_code);
  add_rank_command(app, exit_code);
  add_bench_command(app, exit_code);
  add_template_command(app, exit_code);
  add_tokenize_command(app, exit_code);
  add_detokenize_command(app, exit_code);
  add_logits_command(app, exit_code);
  add_inspect_command(app, exit_code);
  add_check_command(app, exit_code);
  add_synth_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return finish_stdout(app.exit(wanted));
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, argc, argv);
  } catch (const std::exception& error) {
    // Either printing failed, or there is no memory for the program itself.
    const int failed = finish_stdout(kExitOk);
    return failed != kExitOk ? failed : report({weft::ErrorCode::kGenerationFailed, error.what()});
  }
  return finish_stdout(exit_code);
}
