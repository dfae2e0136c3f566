#include "tests/gateway/http2/http2_upstream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>

namespace holdfast::http2 {

Http2Upstream::Http2Upstream(Handler on_end, const ServerTerms& terms, Handler on_head)
    : on_end_(std::move(on_end)),
      on_head_(std::move(on_head)),
      terms_(terms),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
  listen(listener_.get(), 1024);
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = std::thread([this] { Run(); });
}

Http2Upstream::~Http2Upstream() {
  Order([this] { over_ = true; });
  thread_.join();
}

void Http2Upstream::Order(std::function<void()> what) {
  std::promise<void> done;
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back([&] {
      what();
      done.set_value();
    });
  }
  const uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof(one)) < 0) std::abort();
  done.get_future().wait();
}

void Http2Upstream::ForEach(const std::function<void(ScriptedServer&)>& what) {
  Order([&] {
    for (auto& [fd, client] : clients_) {
      what(*client.server);
      client.server->Pump();
    }
  });
}

void Http2Upstream::Kill() {
  Order([this] {
    for (auto& [fd, client] : clients_) {
      const linger hard = {.l_onoff = 1, .l_linger = 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    clients_.clear();
    live_ = 0;
  });
}

void Http2Upstream::Accept() {
  while (true) {
    pool::FileDescriptor socket(
        accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.valid()) return;
    ++accepted_;
    ++live_;
    auto server = std::make_unique<ScriptedServer>(socket.get(), terms_);
    ScriptedServer* const raw = server.get();
    auto open = std::make_shared<int>(0);
    raw->on_head = [this, raw, open](SeenRequest& request) {
      ++requests_;
      if (++*open > most_streams_) most_streams_ = *open;
      if (on_head_) on_head_(*raw, request);
    };
    raw->on_end = [this, raw](SeenRequest& request) {
      if (on_end_) on_end_(*raw, request);
    };
    raw->on_close = [open] { --*open; };
    raw->on_reset = [this](SeenRequest&) { ++resets_; };
    const int fd = socket.get();
    clients_[fd] = {std::move(socket), std::move(server)};
  }
}

void Http2Upstream::RunOrder() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof(count));
  std::vector<std::function<void()>> orders;
  {
    const std::lock_guard lock(mutex_);
    orders = std::exchange(orders_, {});
  }
  for (auto& order : orders) order();
}

void Http2Upstream::Run() {
  while (!over_) {
    std::vector<pollfd> polled = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    for (auto& [fd, client] : clients_) {
      const short events = client.server->WantsWrite() ? POLLIN | POLLOUT : POLLIN;
      polled.push_back({fd, events, 0});
    }
    poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0) Accept();
    for (size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const auto client = clients_.find(polled[i].fd);
      if (client == clients_.end() || client->second.server->Pump()) continue;
      clients_.erase(client);
      --live_;
    }
    if (polled[1].revents != 0) RunOrder();
  }
  clients_.clear();
}

}  // namespace holdfast::http2
