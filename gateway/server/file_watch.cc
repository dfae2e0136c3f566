#include "gateway/server/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <string_view>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

constexpr uint32_t kChanges = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
                              IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
// As the kernel's limit (path_resolution(7)).
constexpr int kMaxLinks = 40;

std::deque<std::string> Parts(std::string_view path) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

// Where a link leads; empty: it is none.
std::string Target(const std::string& path) {
  std::array<char, 4096> target;
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<size_t>(length)) : std::string();
}

std::string Join(const std::string& directory, const std::string& name) {
  return (directory == "/" ? "" : directory) + "/" + name;
}

}  // namespace

FileWatch::FileWatch(pool::EventLoop* loop, OnChanged on_changed)
    : loop_(loop), on_changed_(std::move(on_changed)) {}

FileWatch::~FileWatch() {
  loop_->timers().Cancel(settle_);
  if (inotify_.valid()) loop_->Unregister(inotify_.get(), this);
}

bool FileWatch::Watch(const std::vector<std::string>& files) {
  files_ = files;
  if (inotify_.valid()) {
    loop_->Unregister(inotify_.get(), this);
    inotify_.Reset();
    watched_.clear();
  }
  return files_.empty() || Follow();
}

// The path is walked as the kernel walks it. Each link on the way, the file itself, and whatever is
// not there, is a place where it can come to lead elsewhere.
FileWatch::Places FileWatch::PlacesOf(const std::vector<std::string>& files) {
  Places places;
  for (const std::string& file : files) {
    std::deque<std::string> left = Parts(file);
    std::string at = "/";
    int links = 0;
    while (!left.empty()) {
      const std::string name = std::move(left.front());
      left.pop_front();
      if (name == ".") continue;
      if (name == "..") {
        at.erase(std::max<size_t>(at.rfind('/'), 1));
        continue;
      }
      const std::string path = Join(at, name);
      const std::string target = Target(path);
      const bool there = access(path.c_str(), F_OK) == 0;
      if (left.empty() || !target.empty() || !there) places[at].insert(name);
      if (!target.empty() && ++links <= kMaxLinks) {
        std::deque<std::string> more = Parts(target);
        left.insert(left.begin(), more.begin(), more.end());
        if (target.starts_with('/')) at.assign(1, '/');
        continue;
      }
      if (!there) break;
      at = path;
    }
  }
  return places;
}

bool FileWatch::Follow() {
  inotify_ = pool::FileDescriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_.valid()) return false;
  if (const int error = loop_->Register(inotify_.get(), this, EPOLLIN); error != 0) {
    inotify_.Reset();
    errno = error;
    return false;
  }
  bool all = true;
  int error = 0;
  for (auto& [directory, names] : PlacesOf(files_)) {
    const int number = inotify_add_watch(inotify_.get(), directory.c_str(), kChanges | IN_ONLYDIR);
    if (number >= 0) {
      watched_[number].insert(names.begin(), names.end());
    } else {
      all = false;
      error = errno;
    }
  }
  errno = error;
  return all;
}

void FileWatch::OnEvents(uint32_t) {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  bool changed = false;
  while (true) {
    const ssize_t length = read(inotify_.get(), buffer.data(), buffer.size());
    if (length <= 0) break;
    for (const char* next = buffer.data(); next < buffer.data() + length;) {
      inotify_event event;
      std::memcpy(&event, next, sizeof(event));
      const char* const name = next + sizeof(event);
      next = name + event.len;
      const auto directory = watched_.find(event.wd);
      const bool itself =
          (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_Q_OVERFLOW)) != 0;
      changed |= itself ||
                 (directory != watched_.end() && event.len > 0 && directory->second.contains(name));
    }
  }
  if (!changed) return;
  changed_since_ = std::min(changed_since_, loop_->now());
  loop_->timers().Arm(settle_, std::min(loop_->now() + kSettle, changed_since_ + kPatience));
}

// The way may be another one now, and what lies on it is looked at after it is watched.
void FileWatch::OnSettled(pool::TimePoint) {
  changed_since_ = pool::TimePoint::max();
  Watch(std::vector<std::string>(files_));
  on_changed_();
}

}  // namespace holdfast::server
