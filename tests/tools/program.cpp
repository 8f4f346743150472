#include "tests/tools/program.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::test {
namespace {

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  static void close_end(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
};

// In the child, after fork: becomes the program.
[[noreturn]] void become(std::vector<std::string>& words, const ProgramInput& input, int in,
                         int out, int err) {
  if (!input.out_path.empty()) out = ::open(input.out_path.c_str(), O_WRONLY);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  if (input.file_limit_bytes > 0) {
    const auto bytes = static_cast<rlim_t>(input.file_limit_bytes);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  for (const std::string& setting : input.settings) {
    const size_t equals = setting.find('=');
    ::setenv(setting.substr(0, equals).c_str(), setting.c_str() + equals + 1, 1);
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

// Feeds one stream and collects two until both have ended.
class Conversation {
 public:
  Conversation(pid_t child, const ProgramInput& input, Pipe& in, Pipe& out, Pipe& err)
      : child_(child), input_(input), in_(in), out_(out), err_(err) {}

  void hold(ProgramRun& run) {
    while (out_.read_end >= 0 || err_.read_end >= 0) {
      feed();
      std::array<pollfd, 3> waits{
          {{out_.read_end, POLLIN, 0}, {err_.read_end, POLLIN, 0}, {in_.write_end, POLLOUT, 0}}};
      ::poll(waits.data(), waits.size(), -1);
      if (waits[0].revents != 0) collect(out_, run.out);
      if (waits[1].revents != 0) collect(err_, run.err);
      interrupt_if_due(run);
    }
  }

 private:
  void feed() {
    if (in_.write_end < 0) return;
    const ssize_t put = ::write(in_.write_end, input_.in.data() + fed_, input_.in.size() - fed_);
    if (put > 0) fed_ += static_cast<size_t>(put);
    if (fed_ == input_.in.size() || (put < 0 && errno != EAGAIN)) Pipe::close_end(in_.write_end);
  }

  static void collect(Pipe& pipe, std::string& into) {
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(pipe.read_end, buffer.data(), buffer.size());
    if (got > 0) {
      into.append(buffer.data(), static_cast<size_t>(got));
    } else {
      Pipe::close_end(pipe.read_end);
    }
  }

  void interrupt_if_due(const ProgramRun& run) {
    if (interrupted_ || input_.interrupt == Interrupt::kNever) return;
    const bool output = input_.interrupt == Interrupt::kAtFirstOutput;
    if ((output ? run.out : run.err).empty()) return;
    ::kill(child_, SIGINT);
    interrupted_ = true;
  }

  pid_t child_;
  const ProgramInput& input_;
  Pipe &in_, &out_, &err_;
  size_t fed_ = 0;
  bool interrupted_ = false;
};

}  // namespace

ProgramRun run_infer(const std::vector<std::string>& arguments, const ProgramInput& input) {
  std::vector<std::string> words = {WEFT_INFER_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::signal(SIGPIPE, SIG_IGN);  // a program that does not read its input to the end
  Pipe in, out, err;
  ::fcntl(in.write_end, F_SETFL, O_NONBLOCK);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    become(words, input, in.read_end, out.write_end, err.write_end);
  }
  Pipe::close_end(in.read_end);
  Pipe::close_end(out.write_end);
  Pipe::close_end(err.write_end);
  ProgramRun run;
  Conversation(child, input, in, out, err).hold(run);
  int status = 0;
  ::waitpid(child, &status, 0);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

}  // namespace weft::test
