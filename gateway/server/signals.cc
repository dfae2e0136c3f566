#include "gateway/server/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

sigset_t HandledSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = HandledSignals();
  HOLDFAST_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  // The write's error tells of a peer that went away.
  signal(SIGPIPE, SIG_IGN);
}

bool IsIgnored(int signal) {
  struct sigaction action;
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

Signals::Signals(pool::EventLoop* loop, std::function<void(int)> on_signal)
    : loop_(loop), on_signal_(std::move(on_signal)) {
  const sigset_t set = HandledSignals();
  fd_ = pool::FileDescriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  HOLDFAST_CHECK(fd_.valid());
  HOLDFAST_CHECK(loop_->Register(fd_.get(), this, EPOLLIN) == 0);
}

Signals::~Signals() { loop_->Unregister(fd_.get(), this); }

void Signals::OnEvents(uint32_t) {
  signalfd_siginfo info;
  while (read(fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace holdfast::server
