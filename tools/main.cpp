// infer: weft's program. Parses the command line and runs one subcommand.
#include <exception>

#include "tools/command.h"

int main(int argc, char** argv) {
  using namespace weft::tools;
  CLI::App app{"weft: inference of Llama-family models from GGUF files"};
  app.name("infer");
  app.require_subcommand(1);
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  int exit_code = kExitOk;
  add_run_command(app, exit_code);
  add_tokenize_command(app, exit_code);
  add_detokenize_command(app, exit_code);
  add_logits_command(app, exit_code);
  add_inspect_command(app, exit_code);
  add_check_command(app, exit_code);
  add_synth_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    return report_usage(error.what());
  } catch (const std::exception& error) {  // out of memory in the program itself
    return report({weft::ErrorCode::kGenerationFailed, error.what()});
  }
  return exit_code;
}
