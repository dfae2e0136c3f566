#ifndef HOLDFAST_GATEWAY_SERVER_FILE_WATCH_H_
#define HOLDFAST_GATEWAY_SERVER_FILE_WATCH_H_

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pool/net/event_loop.h"
#include "pool/net/socket.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::server {

// Hears when files become others (inotify(7)): written anew, renamed into place, or reached through
// a link that leads elsewhere now, as Kubernetes' `..data` does. A file, or a directory on the way,
// that is not there yet is waited for. Where the kernel does not tell (network file systems), or
// gives no watch, nothing is heard.
//
// Main thread; the loop outlives it.
class FileWatch final : private pool::EventHandler {
 public:
  // Whoever renews a certificate writes several files: they are looked at when it has been quiet
  // for so long; or after the longer time, if it never is.
  static constexpr pool::Duration kSettle = std::chrono::milliseconds(500);
  static constexpr pool::Duration kPatience = std::chrono::seconds(5);

  // From the loop. It may call Watch.
  using OnChanged = std::function<void()>;

  FileWatch(pool::EventLoop* loop, OnChanged on_changed);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // Absolute paths, instead of those before. False: they are not watched, and errno says why.
  bool Watch(const std::vector<std::string>& files);

 private:
  // The entries of a directory that decide what a path leads to.
  using Places = std::map<std::string, std::set<std::string>>;

  static Places PlacesOf(const std::vector<std::string>& files);
  bool Follow();
  void OnEvents(uint32_t events) override;
  void OnSettled(pool::TimePoint now);

  pool::EventLoop* loop_;
  OnChanged on_changed_;
  pool::FileDescriptor inotify_;  // registered while valid
  std::vector<std::string> files_;
  std::map<int, std::set<std::string>> watched_;            // by inotify's number of the directory
  pool::TimePoint changed_since_ = pool::TimePoint::max();  // max: nothing is to be told
  pool::MemberTimer<FileWatch, &FileWatch::OnSettled> settle_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_FILE_WATCH_H_
