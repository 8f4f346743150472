// Lines from a person (edited, with the ones before at the arrow keys, where libedit was there to
// build with) or from a pipe.
#pragma once

#include <optional>
#include <string>

namespace weft::tools {

class LineEditor {
 public:
  LineEditor();
  // The next line without its newline; nothing at the end of input. Ctrl+C gives an empty line.
  std::optional<std::string> read(const std::string& prompt);

 private:
  const bool interactive_;
};

// Ctrl+C since the last call; install_interrupt() makes it a question instead of an end.
void install_interrupt();
bool interrupted();

}  // namespace weft::tools
