#include "tools/chat/line_editor.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#ifdef WEFT_HAVE_LIBEDIT
#include <editline/readline.h>
#endif

namespace weft::tools {
namespace {

volatile std::sig_atomic_t interrupt_count = 0;

// give_up: Ctrl+C ends the wait for a line; a pipe goes on.
std::optional<std::string> read_plain(bool give_up) {
  std::string line;
  for (;;) {
    char c = 0;
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) {
      if (give_up) return std::string();
      continue;
    }
    if (got <= 0) return line.empty() ? std::nullopt : std::optional(line);
    if (c == '\n') return line;
    line += c;
  }
}

}  // namespace

void install_interrupt() {
  struct sigaction action {};
  // Without SA_RESTART: a read that waits for a line is given up.
  action.sa_handler = [](int) { interrupt_count = 1; };
  ::sigaction(SIGINT, &action, nullptr);
}

bool interrupted() {
  const bool was = interrupt_count != 0;
  interrupt_count = 0;
  return was;
}

LineEditor::LineEditor() : interactive_(::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)) {
#ifdef WEFT_HAVE_LIBEDIT
  if (interactive_) using_history();
#endif
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  if (!interactive_) return read_plain(false);
#ifdef WEFT_HAVE_LIBEDIT
  char* const edited = readline(prompt.c_str());
  if (!edited) return interrupted() ? std::optional<std::string>("") : std::nullopt;
  std::string line = edited;
  std::free(edited);
  if (!line.empty()) add_history(line.c_str());
  return line;
#else
  std::fputs(prompt.c_str(), stdout);
  std::fflush(stdout);
  return read_plain(true);
#endif
}

}  // namespace weft::tools
