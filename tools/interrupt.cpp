#include "tools/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include "tools/command.h"

namespace weft::tools {

// A thread that waits for the signals may do anything, unlike a signal handler.
Interrupt::Interrupt() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGUSR1);  // the destructor's own
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  waiter_ = std::jthread([this] { wait(); });
}

Interrupt::~Interrupt() {
  pthread_kill(waiter_.native_handle(), SIGUSR1);
  waiter_.join();
  sigdelset(&signals_, SIGUSR1);
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
}

void Interrupt::wait() {
  int signal = 0;
  while (sigwait(&signals_, &signal) == 0 && signal != SIGUSR1) {
    if (deferred_ && source_.request_stop()) continue;
    report_interrupt();
    _exit(kExitInterrupted);
  }
}

}  // namespace weft::tools
